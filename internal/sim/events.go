package sim

import (
	"container/heap"
	"time"
)

// eventQueue orders what is to happen by time, then by when it was queued.
type eventQueue struct {
	heap eventHeap
	seq  uint64
}

type event struct {
	at  time.Duration
	seq uint64
	fn  func()
}

func (q *eventQueue) push(at time.Duration, fn func()) {
	q.seq++
	heap.Push(&q.heap, event{at, q.seq, fn})
}

// next takes the first event up to a time; nil if there is none.
func (q *eventQueue) next(until time.Duration) (time.Duration, func()) {
	if len(q.heap) == 0 || q.heap[0].at > until {
		return 0, nil
	}
	e := heap.Pop(&q.heap).(event)
	return e.at, e.fn
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}
