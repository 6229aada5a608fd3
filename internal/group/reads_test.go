package group

import "testing"

// counted is a read that counts when it may run.
type counted struct {
	Waiter
	readable int
}

func (c *counted) Readable() { c.readable++ }

// A leader that is further away than the patience still gets its answers heard:
// each request is answered after the next one was sent.
func TestReadsOverALongWay(t *testing.T) {
	var q readQueue
	const patience = 3
	first, second := &counted{}, &counted{}
	q.waiting = append(q.waiting, first)
	one, ok := q.next()
	if !ok {
		t.Fatal("nothing is asked")
	}
	if _, ok := q.next(); ok {
		t.Fatal("asked again at once")
	}
	q.waiting = append(q.waiting, second)
	for range patience + 1 {
		if _, ok := q.next(); ok {
			t.Fatal("asked again before the patience ended")
		}
		q.tick(patience)
	}
	two, ok := q.next()
	if !ok || two <= one {
		t.Fatalf("not asked again: %d, %v", two, ok)
	}
	q.confirmed(one, 10)
	q.release(10)
	if first.readable != 1 || second.readable != 0 {
		t.Fatalf("after the answer to the first request: %d, %d", first.readable, second.readable)
	}
	q.confirmed(two, 11)
	q.release(10)
	if second.readable != 0 {
		t.Fatal("a read ran before its index was applied")
	}
	q.release(11)
	q.confirmed(one, 12)
	q.confirmed(two, 12)
	q.release(12)
	if first.readable != 1 || second.readable != 1 {
		t.Fatalf("in the end: %d, %d", first.readable, second.readable)
	}
	if _, ok := q.next(); ok || len(q.asked) != 0 {
		t.Fatal("asked for nobody")
	}
}

// An answer to a later request is one to all before it, which were lost.
func TestReadsAskedAgain(t *testing.T) {
	var q readQueue
	r := &counted{}
	q.waiting = append(q.waiting, r)
	q.next()
	q.tick(0)
	again, ok := q.next()
	if !ok {
		t.Fatal("not asked again")
	}
	q.confirmed(again, 5)
	q.release(5)
	if r.readable != 1 {
		t.Fatalf("%d", r.readable)
	}
}

// Under a new leader the request is sent again at once.
func TestReadsOfANewLeader(t *testing.T) {
	var q readQueue
	if q.askAgain(); q.overdue {
		t.Fatal("asks for nobody")
	}
	q.waiting = append(q.waiting, &counted{})
	q.next()
	if _, ok := q.next(); ok {
		t.Fatal("asked twice for no reason")
	}
	q.askAgain()
	if _, ok := q.next(); !ok {
		t.Fatal("not asked again")
	}
}
