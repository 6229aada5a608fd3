package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleydb/parley/history"
)

// Linearizable checks that all operations can be put into one order in which
// each answers as the model says, and which keeps every pair of which one
// returned before the other was called (Herlihy and Wing, TOPLAS 1990). A
// history is linearizable if each object is, so that every key is judged by
// itself, or every set of keys that transactions tie together.
//
// Registers whose written values are all different are judged in O(n log n)
// (zones.go), everything else by a search whose worst case is exponential and
// which the budget bounds (search.go). Ambiguous operations may have happened
// at any time after their call, or not at all.
func Linearizable(ops []history.Op, m Model, b Budget) Result {
	const level = "linearizable"
	meter := b.meter()
	res := holds(level, len(ops))
	why := ""
	pending := partition(ops, m)
	// A hard object must not keep an easy one from showing its violation: all get
	// a little first, then those that are left more and more.
	for share := int64(firstShare); len(pending) > 0 && res.Verdict == Holds; share *= 16 {
		if len(pending) == 1 {
			share = meter.left
		}
		var left [][]int
		for _, part := range pending {
			v, reason, more := judgePart(ops, part, m, meter, share)
			switch {
			case v != nil:
				res.add(*v)
			case more:
				left = append(left, part)
			case reason != "" && why == "":
				why = reason
			}
			if len(res.Violations) == maxViolations || b.Bare && v != nil {
				break
			}
		}
		pending = left
	}
	if res.Verdict == Holds && why != "" {
		res.Verdict, res.Why = Unknown, why
	}
	res.Steps = meter.spent
	return res
}

// firstShare is how many steps every object gets before any gets more.
const firstShare = 1 << 14

// partition groups operations into objects, each by call.
func partition(ops []history.Op, m Model) [][]int {
	type name struct{ space, key string }
	object := make(map[name]int)
	var parent []int
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	last, lastObject := name{}, -1
	of := func(space, key string) int {
		k := name{space, key}
		if m.whole {
			k = name{}
		}
		if lastObject >= 0 && k == last {
			return lastObject
		}
		i, ok := object[k]
		if !ok {
			i = len(parent)
			object[k] = i
			parent = append(parent, i)
		}
		last, lastObject = k, i
		return i
	}
	home := make([]int, len(ops))
	for i := range ops {
		op := &ops[i]
		if op.F != history.Txn || len(op.Txn) == 0 {
			home[i] = of(op.Keyspace, op.Key)
			continue
		}
		home[i] = of(op.Keyspace, op.Txn[0].Key)
		for _, s := range op.Txn[1:] {
			if a, b := find(home[i]), find(of(op.Keyspace, s.Key)); a != b {
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	slot := make([]int, len(parent))
	var parts [][]int
	for _, i := range byCall(ops) {
		root := find(home[i])
		if slot[root] == 0 {
			parts = append(parts, nil)
			slot[root] = len(parts)
		}
		parts[slot[root]-1] = append(parts[slot[root]-1], i)
	}
	return parts
}

// judgePart judges one object with a share of the budget: a violation, or why it
// cannot tell, or neither; more says that a larger share may help.
func judgePart(all []history.Op, part []int, m Model, meter *meter, share int64) (v *Violation, why string, more bool) {
	ops := make([]*history.Op, len(part))
	single := true
	for i, k := range part {
		ops[i] = &all[k]
		single = single && ops[i].F != history.Txn
	}
	if m.unique && single {
		if initial := m.initial(ops[0].Key); uniqueRegister(ops, initial) {
			if !meter.spend(int64(len(ops))) {
				return nil, meter.why(), false
			}
			v := judgeZones(ops, initial, func(i int) int64 { return ops[i].Call })
			return v.in(part), "", false
		}
	}
	live := part[:0:0]
	lops := ops[:0:0]
	for i, op := range ops {
		if op.Outcome == history.OK || op.Outcome == history.Info && op.F != history.Read {
			live, lops = append(live, part[i]), append(lops, op)
		}
	}
	if len(lops) == 0 {
		return nil, "", false
	}
	mach, start, err := m.build(lops, m.initial)
	if err != nil {
		return nil, err.Error(), false
	}
	s := newSearch(mach, intervalsOf(lops))
	partial, slice := meter.slice(share)
	verdict := s.run(start, slice)
	meter.spend(slice.spent)
	meter.stopped = meter.stopped || slice.stopped
	switch {
	case verdict == Violated && meter.bare:
		return (&Violation{Kind: "not linearizable", Key: keyOf(lops[s.stuck]), Ops: []int{int(s.stuck)}, Text: tell(lops[s.stuck]) + ", which no order explains"}).in(live), "", false
	case verdict == Violated:
		return explainStuck(lops, ops, mach, start, s.stuck).in(live), "", false
	case verdict == Unknown && partial && !slice.stopped:
		return nil, "", true
	case verdict == Unknown:
		return nil, meter.why(), false
	}
	return nil, "", false
}

func intervalsOf(ops []*history.Op) []interval {
	out := make([]interval, len(ops))
	for i, op := range ops {
		out[i] = interval{op.Call, history.Never}
		if op.Outcome == history.OK {
			out[i].ret = op.Return
		}
	}
	return out
}

// in turns a violation's numbers into those of the whole history.
func (v *Violation) in(part []int) *Violation {
	if v == nil {
		return nil
	}
	for i, k := range v.Ops {
		v.Ops[i] = part[k]
	}
	slices.Sort(v.Ops)
	return v
}

// explainStuck makes a minimal sub-history around the operation whose return no
// order could pass, and tells it. all has the failed operations too.
func explainStuck(ops, all []*history.Op, m machine, start, stuck int32) *Violation {
	last := ops[stuck]
	w := shrink(m, start, ops, last)
	v := &Violation{Kind: "not linearizable", Key: keyOf(last), Ops: w.keep}
	if source := sourceOf(last, all); source != "" {
		v.Kind = "phantom value"
		v.Text = fmt.Sprintf("%s, but %s", tell(last), source)
		return v
	}
	var others []string
	for _, i := range w.keep {
		if int32(i) != stuck {
			others = append(others, tell(ops[i]))
		}
	}
	const most = 6
	hidden := len(others) - most
	if hidden > 0 {
		others = append(others[:most:most], fmt.Sprintf("and %d more", hidden))
	}
	if len(others) == 0 && last.Call == outOfTime {
		v.Text = tell(last) + ", which nothing explains"
		return v
	}
	if len(others) == 0 {
		v.Text = fmt.Sprintf("%s, which nothing that was called by then explains", tell(last))
		return v
	}
	v.Text = fmt.Sprintf("%s, but no order explains that together with this: %s", tell(last), strings.Join(others, "; "))
	return v
}

// sourceOf says what is wrong with where a read's value comes from, if it is
// that simple.
func sourceOf(read *history.Op, all []*history.Op) string {
	if read.F != history.Read || read.Out.IsNil() || read.Out.IsList() {
		return ""
	}
	failed := ""
	for _, op := range all {
		for _, s := range stepsOf(op) {
			to := s.In
			switch s.F {
			case history.CAS:
				_, to = pair(s.In)
			case history.Write, history.Swap:
			case history.Read:
				continue
			default:
				return "" // other operations make values of their own
			}
			if to == read.Out && s.Key == read.Key {
				if op.Outcome != history.Fail {
					return ""
				}
				failed = "the only operation that could have made it failed: " + tell(op)
			}
		}
	}
	return failed
}
