package check

import (
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// ExactlyOnce checks that every acknowledged add, append or enqueue had its
// effect once, every failed one not at all, and every ambiguous one at most
// once (Jepsen's total-queue and set tests): what came out is counted against
// what went in. Lost: acknowledged, and missing from the key's last read, which
// was called after it returned; or from a queue that was empty after it
// returned. Doubled: there twice. Unexpected: there, but never put in, or
// failed. Came back: in the last read, though its removal, called after the add
// returned, had returned. An element whose removal was called may be missing.
// Calls with the same ID are one operation, tried again. Elements must be
// different within a key. Linear in what was read.
func ExactlyOnce(h *history.History) Result {
	const level = "exactly-once"
	e := &effects{h: h, in: make(map[elemName]*effect), removed: make(map[elemName][]int), index: make(map[keyName]int32), res: holds(level, len(h.Ops))}
	order := byCall(h.Ops)
	for _, i := range order {
		if why := e.put(i); why != "" {
			return unknown(level, len(h.Ops), "%s", why)
		}
	}
	for _, i := range order {
		e.take(i)
	}
	for k := range e.keys {
		e.lost(int32(k))
	}
	if e.outs == 0 {
		return unknown(level, len(h.Ops), "nothing was read back, or taken out")
	}
	return e.res
}

// effect is one logical operation that puts an element in.
type effect struct {
	elem    history.Value
	ops     []int // its calls
	outcome history.Outcome
	settled int64 // when the last of its calls returned, if it is OK
	outs    []int // dequeues that gave it out
}

type effectKey struct {
	name    string
	puts    []*effect // by first call
	last    int       // the last read, -1 if none
	empty   int       // the last dequeue that found nothing, -1 if none
	unknown int       // ambiguous dequeues: each may have taken one
}

type effects struct {
	h       *history.History
	in      map[elemName]*effect
	removed map[elemName][]int // removals that did not fail
	index   map[keyName]int32
	keys    []effectKey
	res     Result
	outs    int
}

func (e *effects) key(op *history.Op, key string) int32 {
	k := keyName{op.Keyspace, key}
	n, ok := e.index[k]
	if !ok {
		n = int32(len(e.keys))
		e.index[k] = n
		e.keys = append(e.keys, effectKey{name: key, last: -1, empty: -1})
	}
	return n
}

// put notes what an operation puts in.
func (e *effects) put(i int) (why string) {
	op := &e.h.Ops[i]
	for _, s := range stepsOf(op) {
		k := e.key(op, s.Key)
		switch s.F {
		case history.Read, history.Dequeue:
			continue
		case history.Remove:
			if op.Outcome != history.Fail {
				e.removed[elemName{k, s.In}] = append(e.removed[elemName{k, s.In}], i)
			}
			continue
		case history.Add, history.Append, history.Enqueue:
		default:
			return fmt.Sprintf("exactly once is judged for add, append and enqueue, not for %q%s", s.F, inLine(op))
		}
		name := elemName{k, s.In}
		f := e.in[name]
		if f == nil {
			f = &effect{elem: s.In, outcome: history.Fail}
			e.in[name] = f
			e.keys[k].puts = append(e.keys[k].puts, f)
		} else if id := e.h.Ops[f.ops[0]].ID; id == "" || id != op.ID {
			return fmt.Sprintf("%s is put into %s twice%s, first%s: elements must be different, or the calls must have one id", s.In, s.Key, inLine(op), inLine(&e.h.Ops[f.ops[0]]))
		}
		f.ops = append(f.ops, i)
		switch {
		case op.Outcome == history.OK:
			f.outcome, f.settled = history.OK, max(f.settled, op.Return)
		case op.Outcome == history.Info && f.outcome == history.Fail:
			f.outcome = history.Info
		}
	}
	return ""
}

// take notes what an operation gave back, and finds what should not be there.
func (e *effects) take(i int) {
	op := &e.h.Ops[i]
	for _, s := range stepsOf(op) {
		k := e.key(op, s.Key)
		switch {
		case s.F == history.Dequeue && op.Outcome == history.Info:
			e.keys[k].unknown++
		case op.Outcome != history.OK:
		case s.F == history.Dequeue:
			e.outs++
			if s.Out.IsNil() {
				e.keys[k].empty = i
			} else if f := e.expected(i, k, s.Out); f != nil {
				if f.outs = append(f.outs, i); len(f.outs) == 2 {
					e.res.add(Violation{"doubled", s.Key, unique(append([]int{f.outs[0], i}, f.ops...)), fmt.Sprintf("%s, and %s, but it was put in once: %s", tell(&e.h.Ops[f.outs[0]]), tell(op), tell(&e.h.Ops[f.ops[0]]))})
				}
			}
		case s.F == history.Read:
			e.outs++
			e.keys[k].last = i
			there := make(map[history.Value]bool)
			for _, v := range s.Out.Elems() {
				f := e.expected(i, k, v)
				if f != nil && there[v] {
					e.res.add(Violation{"doubled", s.Key, unique(append([]int{i}, f.ops...)), fmt.Sprintf("%s: %s is there twice, but was put in once: %s", tell(op), v, tell(&e.h.Ops[f.ops[0]]))})
				}
				there[v] = true
			}
		}
	}
}

// expected is the effect that explains an element, or nil with a violation.
func (e *effects) expected(i int, k int32, v history.Value) *effect {
	op := &e.h.Ops[i]
	f := e.in[elemName{k, v}]
	switch {
	case f == nil:
		e.res.add(Violation{"unexpected", e.keys[k].name, []int{i}, fmt.Sprintf("%s: nobody ever put %s in", tell(op), v)})
		return nil
	case f.outcome == history.Fail:
		e.res.add(Violation{"unexpected", e.keys[k].name, unique(append([]int{i}, f.ops...)), fmt.Sprintf("%s: %s is there, but that failed: %s", tell(op), v, tell(&e.h.Ops[f.ops[0]]))})
		return nil
	case e.h.Ops[f.ops[0]].Call > op.Return:
		e.res.add(Violation{"unexpected", e.keys[k].name, unique(append([]int{i}, f.ops...)), fmt.Sprintf("%s: %s is there before it was put in: %s", tell(op), v, tell(&e.h.Ops[f.ops[0]]))})
		return nil
	}
	return f
}

// lost finds acknowledged elements that are gone, and removed ones that are not.
func (e *effects) lost(number int32) {
	k := &e.keys[number]
	if k.last >= 0 {
		last := &e.h.Ops[k.last]
		there := make(map[history.Value]bool)
		for _, s := range stepsOf(last) {
			if s.F == history.Read && s.Key == k.name {
				for _, v := range s.Out.Elems() {
					there[v] = true
				}
			}
		}
		for _, f := range k.puts {
			if f.outcome == history.OK && f.settled < last.Call {
				e.judgeLast(k, f, e.removed[elemName{number, f.elem}], there[f.elem])
			}
		}
	}
	if k.empty < 0 {
		return
	}
	empty := &e.h.Ops[k.empty]
	var gone []*effect
	for _, f := range k.puts {
		if f.outcome == history.OK && f.settled < empty.Call && (len(f.outs) == 0 || e.h.Ops[f.outs[0]].Call > empty.Return) {
			gone = append(gone, f)
		}
	}
	if len(gone) <= k.unknown { // ambiguous dequeues may have taken them
		return
	}
	for _, f := range gone {
		e.res.add(Violation{"lost", k.name, unique(append([]int{k.empty}, f.ops...)), fmt.Sprintf("%s, but %s had been put in and nobody had taken it: %s", tell(empty), f.elem, tell(&e.h.Ops[f.ops[0]]))})
	}
}

// judgeLast compares the last read with what became of an acknowledged element.
func (e *effects) judgeLast(k *effectKey, f *effect, removed []int, there bool) {
	last := &e.h.Ops[k.last]
	excused := slices.ContainsFunc(removed, func(i int) bool { return e.h.Ops[i].Call <= last.Return })
	if !there && !excused {
		e.res.add(Violation{"lost", k.name, unique(append([]int{k.last}, f.ops...)), fmt.Sprintf("%s: %s is missing, although it was acknowledged: %s", tell(last), f.elem, tell(&e.h.Ops[f.ops[0]]))})
	}
	for _, i := range removed {
		r := &e.h.Ops[i]
		if there && r.Outcome == history.OK && r.Return < last.Call && f.settled < r.Call {
			e.res.add(Violation{"came back", k.name, unique(append([]int{i, k.last}, f.ops...)), fmt.Sprintf("%s: %s is there, although it was removed: %s", tell(last), f.elem, tell(r))})
			return
		}
	}
}
