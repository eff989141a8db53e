package dispatch

// heap is a binary heap, the first by before on top.
type heap[T interface{ before(T) bool }] struct {
	items []T
}

func (h *heap[T]) push(v T) {
	h.items = append(h.items, v)
	i := len(h.items) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !v.before(h.items[parent]) {
			break
		}
		h.items[i] = h.items[parent]
		i = parent
	}
	h.items[i] = v
}

// pop removes the top; the heap must not be empty.
func (h *heap[T]) pop() T {
	top, n := h.items[0], len(h.items)-1
	v := h.items[n]
	var zero T
	h.items[n] = zero
	h.items = h.items[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && h.items[child+1].before(h.items[child]) {
			child++
		}
		if !h.items[child].before(v) {
			break
		}
		h.items[i] = h.items[child]
		i = child
	}
	h.items[i] = v
	return top
}
