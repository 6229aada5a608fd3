package check

import (
	"fmt"

	"github.com/parleydb/parley/history"
)

// Converged checks strong eventual consistency by what can be seen at the end
// (Shapiro, Preguiça, Baquero and Zawirski, SSS 2011): of each key, the last
// read that each node answered after all updates of the key had returned. These
// must be equal. Keys that fewer than two nodes answered at the end show
// nothing; if an update's outcome is not known, differing answers may still be
// on their way, and the verdict is unknown. O(n).
func Converged(h *history.History) Result {
	const level = "convergence"
	type final struct {
		quiet  int64 // when the last update returned
		open   int   // an update whose outcome is not known, -1 if none
		byNode map[string]int
		nodes  []string
	}
	keys := make(map[keyName]*final)
	var order []keyName
	at := func(op *history.Op, key string) *final {
		k := keyName{op.Keyspace, key}
		f := keys[k]
		if f == nil {
			f = &final{quiet: -1, open: -1, byNode: make(map[string]int)}
			keys[k] = f
			order = append(order, k)
		}
		return f
	}
	calls := byCall(h.Ops)
	for _, i := range calls {
		op := &h.Ops[i]
		for _, s := range stepsOf(op) {
			f := at(op, s.Key)
			switch {
			case s.F == history.Read || op.Outcome == history.Fail:
			case op.Outcome == history.Info:
				f.open = i
			default:
				f.quiet = max(f.quiet, op.Return)
			}
		}
	}
	for _, i := range calls {
		op := &h.Ops[i]
		f := at(op, op.Key)
		if op.F != history.Read || op.Outcome != history.OK || op.Call <= f.quiet {
			continue
		}
		name := op.Node
		if name == "" {
			name = op.SessionName()
		}
		if _, ok := f.byNode[name]; !ok {
			f.nodes = append(f.nodes, name)
		}
		f.byNode[name] = i
	}
	res := holds(level, len(h.Ops))
	shown, why := 0, ""
	for _, k := range order {
		f := keys[k]
		if len(f.nodes) < 2 {
			continue
		}
		shown++
		first := f.byNode[f.nodes[0]]
		for _, n := range f.nodes[1:] {
			i := f.byNode[n]
			a, b := &h.Ops[first], &h.Ops[i]
			if a.Out == b.Out {
				continue
			}
			if f.open >= 0 {
				why = fmt.Sprintf("%s, but %s; it may be that %s", tell(a), tell(b), tell(&h.Ops[f.open]))
				continue
			}
			res.add(Violation{"diverged", k.key, unique([]int{first, i}), fmt.Sprintf("%s, but %s, although every update of it had returned by %s", tell(a), tell(b), seconds(f.quiet))})
			break
		}
	}
	switch {
	case res.Verdict == Violated:
	case why != "":
		return unknown(level, len(h.Ops), "%s", why)
	case shown == 0:
		return unknown(level, len(h.Ops), "no key was read from two nodes after its last update")
	}
	return res
}
