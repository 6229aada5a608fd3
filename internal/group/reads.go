package group

import "slices"

// readQueue batches reads: all that wait share one ReadIndex request, and a
// request without an answer is asked again: reads may be repeated freely. An
// answer to an earlier request still counts for the reads that it was asked
// for, or a leader further away than the patience would never be heard.
type readQueue struct {
	waiting []Waiter     // want an index that is asked for after now
	asked   []askedReads // by rising ctx
	ctx     uint64       // of the latest request
	age     int          // ticks since then
	overdue bool
	indexed []indexedRead
}

// askedReads wait for the answer to the request ctx, or to a later one.
type askedReads struct {
	ctx     uint64
	waiters []Waiter
}

// indexedRead waits until the state has applied index.
type indexedRead struct {
	index   uint64
	waiters []Waiter
}

// next is the context of the request to send, if one is due.
func (q *readQueue) next() (ctx uint64, ok bool) {
	if !q.overdue && (len(q.asked) > 0 || len(q.waiting) == 0) {
		return 0, false
	}
	q.ctx++
	q.age, q.overdue = 0, false
	if len(q.waiting) > 0 {
		q.asked = append(q.asked, askedReads{ctx: q.ctx, waiters: q.waiting})
		q.waiting = nil
	}
	return q.ctx, true
}

// tick has a request that is older than patience asked anew.
func (q *readQueue) tick(patience int) {
	if len(q.asked) == 0 {
		return
	}
	if q.age++; q.age > patience {
		q.overdue = true
	}
}

// askAgain has the request that is under way asked anew.
func (q *readQueue) askAgain() { q.overdue = len(q.asked) > 0 }

// confirmed takes the answer to a request.
func (q *readQueue) confirmed(ctx, index uint64) {
	n := 0
	for n < len(q.asked) && q.asked[n].ctx <= ctx {
		q.indexed = append(q.indexed, indexedRead{index: index, waiters: q.asked[n].waiters})
		n++
	}
	q.asked = q.asked[n:]
	if len(q.asked) == 0 {
		q.asked, q.overdue = nil, false
	}
}

// aheadAtOnce is how many reads Ahead is told of together: what they look at
// should fit into the processor's nearest cache.
const aheadAtOnce = 32

// release tells the reads that the state at applied satisfies.
func (q *readQueue) release(applied uint64, ahead func([]Waiter)) {
	n := 0
	for _, r := range q.indexed {
		if r.index > applied {
			break
		}
		n++
		for part := range slices.Chunk(r.waiters, aheadAtOnce) {
			if ahead != nil {
				ahead(part)
			}
			for _, w := range part {
				w.Readable()
			}
		}
	}
	q.indexed = q.indexed[n:]
	if len(q.indexed) == 0 {
		q.indexed = nil
	}
}
