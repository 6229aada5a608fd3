package group

// readQueue batches reads: all that wait share one ReadIndex request, and one
// request is under way at a time. A request without an answer is asked again:
// reads may be repeated freely.
type readQueue struct {
	waiting []Waiter // want an index that is asked for after now
	asked   []Waiter // wait for the answer to ctx
	ctx     uint64
	age     int // ticks since ctx was asked
	indexed []indexedRead
}

// indexedRead waits until the state has applied index.
type indexedRead struct {
	index   uint64
	waiters []Waiter
}

// next is the context of the request to send, if one is due.
func (q *readQueue) next() (ctx uint64, ok bool) {
	if len(q.asked) > 0 || len(q.waiting) == 0 {
		return 0, false
	}
	q.asked, q.waiting = q.waiting, q.asked[:0]
	q.ctx++
	q.age = 0
	return q.ctx, true
}

// tick gives up a request that is older than patience, so that it is asked anew.
func (q *readQueue) tick(patience int) {
	if len(q.asked) == 0 {
		return
	}
	if q.age++; q.age > patience {
		q.waiting = append(q.asked, q.waiting...)
		q.asked = nil
	}
}

// confirmed takes the answer to a request; one to a request given up is ignored.
func (q *readQueue) confirmed(ctx, index uint64) {
	if ctx != q.ctx || len(q.asked) == 0 {
		return
	}
	q.indexed = append(q.indexed, indexedRead{index: index, waiters: q.asked})
	q.asked = nil
}

// release tells the reads that the state at applied satisfies.
func (q *readQueue) release(applied uint64) {
	n := 0
	for _, r := range q.indexed {
		if r.index > applied {
			break
		}
		n++
		for _, w := range r.waiters {
			w.Readable()
		}
	}
	q.indexed = q.indexed[n:]
	if len(q.indexed) == 0 {
		q.indexed = nil
	}
}
