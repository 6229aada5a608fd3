package loop

// Post runs fn on the loop, in the next round at the latest, after those
// posted before it. It may be called from any goroutine, also before Run. It
// returns false, and never runs fn, when the loop has stopped. What Post took
// in does run, even when Stop comes first.
func (l *Loop) Post(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return false
	}
	l.mu.queue = append(l.mu.queue, fn)
	l.queued.Store(true)
	if l.sleeping.Load() && l.sleeping.CompareAndSwap(true, false) {
		// Under the lock, so that the poller is not closed meanwhile. It is
		// one write that never blocks, and only for a loop that sleeps.
		l.poll.wake()
	}
	return true
}

// Stop makes Run return after the current round. It may be called from any
// goroutine, more than once, and does not wait. Outputs get one more write
// each; for more, close connections with CloseAfterFlush first.
func (l *Loop) Stop() {
	l.Post(func() { l.stopping = true })
}

func (l *Loop) runPosted() {
	if !l.queued.Load() {
		return
	}
	l.mu.Lock()
	queue := l.mu.queue
	l.mu.queue = l.posted[:0]
	l.queued.Store(false)
	l.mu.Unlock()
	for i, fn := range queue {
		queue[i] = nil
		fn()
	}
	l.posted = queue
}
