package dispatch

// queue is a first-in first-out list that reuses its memory.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) peek() *T { return &q.items[q.head] }

func (q *queue[T]) pop() {
	var zero T
	q.items[q.head] = zero
	if q.head++; q.head > 1024 && q.head*2 > len(q.items) {
		q.items = append(q.items[:0], q.items[q.head:]...)
		q.head = 0
	}
}

func (q *queue[T]) all() []T { return q.items[q.head:] }
