package check

import (
	"cmp"
	"slices"

	"github.com/parleydb/parley/history"
)

// The search for a linearization is the one of Wing and Gong, "Testing and
// Verifying Concurrent Objects" (JPDC 1993), with the memory of failed
// configurations of Lowe, "Testing for Linearizability" (CCPE 2017), which is
// also what Porcupine does. The problem is NP-complete, so that a budget of
// steps bounds it. Three things are done differently from Porcupine:
//
//   - a pure operation (a read, say) that is legal is taken at once and never put
//     back: any order that works works with it moved to the front;
//   - ambiguous operations are tried last, and have no end that must be reached;
//   - a configuration is remembered when it has failed, not when it is met, as a
//     128-bit fingerprint. A good history therefore costs memory for its
//     operations only. (Two of 10^9 configurations share a fingerprint with
//     probability 10^-21.)

// interval is an operation as the search sees it.
type interval struct {
	call, ret int64 // ret is history.Never for one that need not happen
}

// search holds one partition. Operations are numbered by call.
type search struct {
	m   machine
	ops []interval

	// The events of operations that must happen, by time, in a linked list.
	// Event 2i is the call of operation i, 2i+1 its return; head is a sentinel.
	next, prev []int32
	pos        []int32 // an event's place in time
	head       int32

	// The operations that need not happen, by call.
	nextM, prevM []int32 // linked list over operations, headed by len(ops)

	h1, h2 uint64 // fingerprint of the set of operations taken
	failed failures
	stack  []frame

	stuck   int32 // the return that no order was able to pass, the latest such
	stuckAt int32
}

type frame struct {
	op     int32
	state  int32 // before the operation
	forced bool  // taken without a choice
}

// newSearch expects ops by call.
func newSearch(m machine, ops []interval) *search {
	n := len(ops)
	room := make([]int32, 10*n+4)
	part := func(size int) []int32 {
		p := room[:size:size]
		room = room[size:]
		return p
	}
	s := &search{
		m: m, ops: ops, head: int32(2 * n), stuck: -1, stuckAt: -1,
		next: part(2*n + 1), prev: part(2*n + 1), pos: part(2 * n), nextM: part(n + 1), prevM: part(n + 1),
	}
	events := part(2 * n)[:0]
	for i := range n {
		events = append(events, int32(2*i))
		if ops[i].ret != history.Never {
			events = append(events, int32(2*i+1))
		}
	}
	slices.SortFunc(events, func(a, b int32) int { // at one instant calls come first: touching intervals are concurrent
		if c := cmp.Compare(s.time(a), s.time(b)); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a&1, b&1), cmp.Compare(a, b))
	})
	last, lastM := s.head, int32(n)
	for p, e := range events {
		s.pos[e] = int32(p)
		if op := e / 2; ops[op].ret == history.Never {
			s.nextM[lastM], s.prevM[op] = op, lastM
			lastM = op
			continue
		}
		s.next[last], s.prev[e] = e, last
		last = e
	}
	s.next[last], s.prev[s.head] = s.head, last
	s.nextM[lastM], s.prevM[n] = int32(n), lastM
	return s
}

func (s *search) time(e int32) int64 {
	if e&1 == 0 {
		return s.ops[e/2].call
	}
	return s.ops[e/2].ret
}

func mix(x uint64) uint64 { // the finalizer of splitmix64
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *search) key(state int32) [2]uint64 {
	x := uint64(uint32(state)) + 1
	return [2]uint64{s.h1 ^ mix(x*0x9e3779b97f4a7c15), s.h2 ^ mix(x*0xd1342543de82ef95)}
}

func (s *search) flip(op int32) {
	s.h1 ^= mix(uint64(op)*0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d)
	s.h2 ^= mix(uint64(op)*0xd1342543de82ef95 + 0x5851f42d4c957f2d)
}

// take linearizes op; put undoes it.
func (s *search) take(op int32) {
	s.flip(op)
	if s.ops[op].ret == history.Never {
		s.nextM[s.prevM[op]], s.prevM[s.nextM[op]] = s.nextM[op], s.prevM[op]
		return
	}
	for _, e := range [...]int32{2 * op, 2*op + 1} {
		s.next[s.prev[e]], s.prev[s.next[e]] = s.next[e], s.prev[e]
	}
}

func (s *search) put(op int32) {
	s.flip(op)
	if s.ops[op].ret == history.Never {
		s.nextM[s.prevM[op]], s.prevM[s.nextM[op]] = op, op
		return
	}
	for _, e := range [...]int32{2*op + 1, 2 * op} {
		s.next[s.prev[e]], s.prev[s.next[e]] = e, e
	}
}

// run looks for a linearization from the given state.
func (s *search) run(state int32, m *meter) Verdict {
	e := s.next[s.head] // the next candidate among those that must happen, or a return
	maybe := int32(-1)  // the next among the others; -1 while e is still a call
	for s.next[s.head] != s.head {
		op, candidate := s.candidate(e, maybe)
		if !candidate {
			s.note(e)
			s.failed.add(s.key(state))
			if e, maybe, state = s.back(); e == s.head {
				return Violated
			}
			continue
		}
		if !m.spend(s.m.cost(state)) {
			return Unknown
		}
		after, ok := s.m.step(state, op)
		optional := s.ops[op].ret == history.Never
		if ok && !(optional && after == state) {
			s.take(op)
			if !s.failed.has(s.key(after)) {
				s.stack = append(s.stack, frame{op, state, s.m.pure(op) && after == state && !optional})
				e, maybe, state = s.next[s.head], -1, after
				continue
			}
			s.put(op)
		}
		if optional {
			maybe = s.nextM[op]
		} else {
			e = s.next[e]
		}
		maybe = s.settle(e, maybe)
	}
	return Holds
}

// settle starts the walk over optional operations once e has come to a return.
func (s *search) settle(e, maybe int32) int32 {
	if maybe < 0 && e&1 == 1 {
		return s.nextM[len(s.ops)]
	}
	return maybe
}

// candidate is the operation to try next: a call before the first return, then
// an optional operation that was called before that return.
func (s *search) candidate(e, maybe int32) (int32, bool) {
	if e&1 == 0 {
		return e / 2, true
	}
	if maybe < 0 {
		maybe = s.nextM[len(s.ops)]
	}
	if maybe == int32(len(s.ops)) || s.pos[2*maybe] > s.pos[e] {
		return 0, false
	}
	return maybe, true
}

// note remembers the latest return that stopped the search.
func (s *search) note(e int32) {
	if s.pos[e] > s.stuckAt {
		s.stuckAt, s.stuck = s.pos[e], e/2
	}
}

// back undoes the last choice and gives where to go on; the head if there is
// none left.
func (s *search) back() (e, maybe, state int32) {
	for len(s.stack) > 0 {
		f := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		s.put(f.op)
		if f.forced {
			s.failed.add(s.key(f.state))
			continue
		}
		if s.ops[f.op].ret == history.Never {
			return s.firstReturn(), s.nextM[f.op], f.state
		}
		e = s.next[2*f.op]
		return e, s.settle(e, -1), f.state
	}
	return s.head, -1, 0
}

func (s *search) firstReturn() int32 {
	e := s.next[s.head]
	for e&1 == 0 {
		e = s.next[e]
	}
	return e
}
