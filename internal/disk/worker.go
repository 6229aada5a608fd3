package disk

import "sync"

// worker runs functions one after another in the background. An error is the
// Disk's end; the functions after it are not run.
type worker struct {
	fail func(error)
	done chan struct{}
	mu   struct {
		sync.Mutex
		cond     sync.Cond
		queue    []func() error
		stopping bool
	}
}

func startWorker(fail func(error)) *worker {
	w := &worker{fail: fail, done: make(chan struct{})}
	w.mu.cond.L = &w.mu.Mutex
	go w.run()
	return w
}

// do adds a function; it does not wait.
func (w *worker) do(fn func() error) {
	w.mu.Lock()
	w.mu.queue = append(w.mu.queue, fn)
	w.mu.Unlock()
	w.mu.cond.Signal()
}

// stop returns when all functions that were added have run.
func (w *worker) stop() {
	w.mu.Lock()
	w.mu.stopping = true
	w.mu.Unlock()
	w.mu.cond.Signal()
	<-w.done
}

func (w *worker) run() {
	defer close(w.done)
	for {
		fn := w.next()
		if fn == nil {
			return
		}
		if err := fn(); err != nil {
			w.fail(err)
			return
		}
	}
}

func (w *worker) next() func() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.mu.queue) == 0 {
		if w.mu.stopping {
			return nil
		}
		w.mu.cond.Wait()
	}
	fn := w.mu.queue[0]
	w.mu.queue = w.mu.queue[1:]
	return fn
}
