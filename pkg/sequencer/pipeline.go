package sequencer

import "runtime"

// pipeline does work side by side whose outcomes are wanted in order.
type pipeline[T any] struct {
	order chan chan outcome[T]
	quit  chan struct{} // closed when no more is wanted
}

type outcome[T any] struct {
	value T
	err   error
}

// ahead begins to do what next returns, a few pieces more than the processors take. next is called by one goroutine, until
// it returns nil.
func ahead[T any](next func() func() (T, error)) *pipeline[T] {
	p := &pipeline[T]{order: make(chan chan outcome[T], 2*runtime.GOMAXPROCS(0)), quit: make(chan struct{})}
	go func() {
		defer close(p.order)
		for work := next(); work != nil; work = next() {
			done := make(chan outcome[T], 1)
			go func() {
				v, err := work()
				done <- outcome[T]{v, err}
			}()
			select {
			case p.order <- done:
			case <-p.quit:
				<-done
				return
			}
		}
	}()
	return p
}

// each calls take with every outcome in order and returns the first error, that of the work or of take. When it returns
// nothing goes on.
func (p *pipeline[T]) each(take func(T) error) (failed error) {
	for next := range p.order {
		done := <-next
		if failed != nil {
			continue
		}
		if failed = done.err; failed == nil {
			failed = take(done.value)
		}
		if failed != nil {
			close(p.quit)
		}
	}
	return failed
}
