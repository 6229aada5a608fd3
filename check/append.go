package check

import (
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// byAppend reads a history of lists whose elements are all different: every
// read shows the whole order in which a key's elements came, so that the order
// of versions is known without the database telling it (Kingsbury and Alvaro,
// "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB
// 2020, section 4). Elements that nobody saw come after all that somebody saw.
// Linear in the sum of the lengths of the lists.
func byAppend(h *history.History, level string) *chains {
	c := newChains(h, level)
	a := &appends{chains: c, made: make(map[elemName]appended)}
	order := byCall(h.Ops)
	for _, i := range order {
		if !a.collect(int32(i)) {
			return c
		}
	}
	for _, i := range order {
		if h.Ops[i].Outcome == history.OK {
			a.readsOf(int32(i))
		}
	}
	if c.res.Verdict == Violated {
		return c // the lists do not agree: there is no order to judge by
	}
	for k := range a.longest {
		a.prefixes(int32(k))
	}
	if c.res.Verdict == Violated {
		return c
	}
	for _, i := range order {
		if op := &h.Ops[i]; op.Outcome == history.OK || a.seen[int32(i)] {
			c.live = append(c.live, int32(i))
		}
	}
	for k := range a.longest {
		a.link(int32(k))
	}
	return c
}

// hasAppends says whether a history is one of lists: because its header says so,
// or because something is appended.
func hasAppends(h *history.History) bool {
	if h.Header.Model == "append" {
		return true
	}
	for i := range h.Ops {
		op := &h.Ops[i]
		if op.F == history.Append {
			return true
		}
		for j := range op.Txn {
			if op.Txn[j].F == history.Append {
				return true
			}
		}
	}
	return false
}

type elemName struct {
	key  int32
	elem history.Value
}

type appended struct {
	op   int32
	last bool // the last that its transaction appended to the key
}

// listRead is what a transaction saw of others in a key.
type listRead struct {
	op    int32
	elems []history.Value
}

type appends struct {
	*chains
	made    map[elemName]appended
	byKey   [][]elemName // what was appended, by key, in call order
	reads   [][]listRead
	longest [][]history.Value
	seen    map[int32]bool // ambiguous operations of which something was seen
}

func (a *appends) keyOf(op *history.Op, key string) int32 {
	k := a.key(op.Keyspace, key)
	for int(k) >= len(a.byKey) {
		a.byKey, a.reads, a.longest = append(a.byKey, nil), append(a.reads, nil), append(a.longest, nil)
	}
	return k
}

// collect notes what an operation appended.
func (a *appends) collect(i int32) bool {
	op := &a.g.h.Ops[i]
	for _, s := range stepsOf(op) {
		k := a.keyOf(op, s.Key)
		switch s.F {
		case history.Read:
			continue
		case history.Append:
		default:
			a.why = fmt.Sprintf("lists are read and appended to, but there is %q%s", s.F, inLine(op))
			return false
		}
		name := elemName{k, s.In}
		if other, twice := a.made[name]; twice {
			a.why = fmt.Sprintf("%s is appended to %s twice%s, first%s: elements must be different", s.In, s.Key, inLine(op), inLine(&a.g.h.Ops[other.op]))
			return false
		}
		for _, e := range a.byKey[k] {
			if m := a.made[e]; m.op == i {
				a.made[e] = appended{i, false}
			}
		}
		a.made[name] = appended{i, true}
		a.byKey[k] = append(a.byKey[k], name)
	}
	return true
}

// readsOf notes what an operation read of others' appends, and checks that it
// saw its own.
func (a *appends) readsOf(i int32) {
	op := &a.g.h.Ops[i]
	own := make(map[int32][]history.Value)
	for _, s := range stepsOf(op) {
		k := a.keyOf(op, s.Key)
		if s.F == history.Append {
			own[k] = append(own[k], s.In)
			continue
		}
		if !s.Out.IsNil() && !s.Out.IsList() {
			a.res.add(Violation{"not a list", s.Key, []int{int(i)}, fmt.Sprintf("%s: %s is not a list", tell(op), s.Out)})
			continue
		}
		elems := s.Out.Elems()
		others := len(elems) - len(own[k])
		if others < 0 || !slices.Equal(elems[others:], own[k]) {
			a.res.add(Violation{"own append not seen", s.Key, []int{int(i)}, fmt.Sprintf("%s: it had itself appended %s before", tell(op), history.List(own[k]...))})
			continue
		}
		elems = elems[:others]
		if !a.explained(i, k, elems) {
			continue
		}
		a.reads[k] = append(a.reads[k], listRead{i, elems})
		if len(elems) > len(a.longest[k]) {
			a.longest[k] = elems
		}
	}
}

// explained checks that every element that was read can have been there.
func (a *appends) explained(i, k int32, elems []history.Value) bool {
	op := &a.g.h.Ops[i]
	key := a.g.keys[k]
	there := make(map[history.Value]bool, len(elems))
	for at, e := range elems {
		m, ok := a.made[elemName{k, e}]
		switch {
		case !ok:
			a.res.add(Violation{"phantom value", key, []int{int(i)}, fmt.Sprintf("%s, but nobody appended %s to %s", tell(op), e, key)})
			return false
		case there[e]:
			a.res.add(Violation{"doubled", key, unique([]int{int(i), int(m.op)}), fmt.Sprintf("%s: %s is there twice, but was appended once: %s", tell(op), e, tell(&a.g.h.Ops[m.op]))})
			return false
		case a.g.h.Ops[m.op].Outcome == history.Fail:
			a.res.add(Violation{"failed write seen (G1a)", key, unique([]int{int(i), int(m.op)}), fmt.Sprintf("%s: %s is there, but its append failed: %s", tell(op), e, tell(&a.g.h.Ops[m.op]))})
			return false
		case at == len(elems)-1 && !m.last && m.op != i:
			a.res.add(Violation{"intermediate value seen (G1b)", key, unique([]int{int(i), int(m.op)}), fmt.Sprintf("%s: it ends with %s, in the middle of what one transaction appended: %s", tell(op), e, tell(&a.g.h.Ops[m.op]))})
			return false
		}
		there[e] = true
		if a.g.h.Ops[m.op].Outcome == history.Info {
			if a.seen == nil {
				a.seen = make(map[int32]bool)
			}
			a.seen[m.op] = true
		}
	}
	return true
}

// prefixes checks that all reads of a key are prefixes of the longest one.
func (a *appends) prefixes(k int32) {
	long := a.longest[k]
	for _, r := range a.reads[k] {
		if slices.Equal(r.elems, long[:len(r.elems)]) {
			continue
		}
		other := slices.IndexFunc(a.reads[k], func(o listRead) bool { return len(o.elems) == len(long) && slices.Equal(o.elems, long) })
		o := a.reads[k][other]
		a.res.add(Violation{"incompatible order", a.g.keys[k], unique([]int{int(r.op), int(o.op)}), fmt.Sprintf(
			"%s, but %s: neither list continues the other", tell(&a.g.h.Ops[r.op]), tell(&a.g.h.Ops[o.op]))})
		return
	}
}

// link adds the dependencies of a key.
func (a *appends) link(k int32) {
	long := a.longest[k]
	writers := make([]int32, len(long))
	there := make(map[history.Value]bool, len(long))
	for i, e := range long {
		writers[i] = a.made[elemName{k, e}].op
		there[e] = true
	}
	var tail []int32
	for _, e := range a.byKey[k] {
		op := a.made[e].op
		if !there[e.elem] && (a.g.h.Ops[op].Outcome == history.OK || a.seen[op]) {
			tail = append(tail, op)
		}
	}
	reads := make([]readAt, len(a.reads[k]))
	for i, r := range a.reads[k] {
		reads[i] = readAt{r.op, len(r.elems)}
	}
	a.chain(k, writers, reads, tail)
}
