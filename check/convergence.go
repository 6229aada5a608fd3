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
	c := &ends{h: h, keys: make(map[keyName]*ending), res: holds("convergence", len(h.Ops))}
	calls := byCall(h.Ops)
	for _, i := range calls {
		c.update(i)
	}
	for _, i := range calls {
		c.read(i)
	}
	for _, k := range c.order {
		c.compare(k)
	}
	switch {
	case c.res.Verdict == Violated:
	case c.why != "":
		return unknown(c.res.Level, len(h.Ops), "%s", c.why)
	case c.shown == 0:
		return unknown(c.res.Level, len(h.Ops), "no key was read from two nodes after its last update")
	}
	return c.res
}

// ending is how a key ended.
type ending struct {
	quiet  int64 // when the last update returned
	open   int   // an update whose outcome is not known, -1 if none
	byNode map[string]int
	nodes  []string
}

type ends struct {
	h     *history.History
	keys  map[keyName]*ending
	order []keyName
	res   Result
	shown int
	why   string
}

func (c *ends) at(op *history.Op, key string) *ending {
	k := keyName{op.Keyspace, key}
	f := c.keys[k]
	if f == nil {
		f = &ending{quiet: -1, open: -1, byNode: make(map[string]int)}
		c.keys[k] = f
		c.order = append(c.order, k)
	}
	return f
}

// update notes until when a key was still changing.
func (c *ends) update(i int) {
	op := &c.h.Ops[i]
	for _, s := range stepsOf(op) {
		f := c.at(op, s.Key)
		switch {
		case s.F == history.Read || op.Outcome == history.Fail:
		case op.Outcome == history.Info:
			f.open = i
		default:
			f.quiet = max(f.quiet, op.Return)
		}
	}
}

// read notes a node's last answer after that.
func (c *ends) read(i int) {
	op := &c.h.Ops[i]
	if op.F != history.Read || op.Outcome != history.OK {
		return
	}
	f := c.at(op, op.Key)
	if op.Call <= f.quiet {
		return
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

// compare checks that the nodes' last answers are equal.
func (c *ends) compare(k keyName) {
	f := c.keys[k]
	if len(f.nodes) < 2 {
		return
	}
	c.shown++
	first := f.byNode[f.nodes[0]]
	a := &c.h.Ops[first]
	for _, n := range f.nodes[1:] {
		i := f.byNode[n]
		b := &c.h.Ops[i]
		switch {
		case a.Out == b.Out:
		case f.open >= 0:
			c.why = fmt.Sprintf("%s, but %s; it may be that %s", tell(a), tell(b), tell(&c.h.Ops[f.open]))
		default:
			c.res.add(Violation{"diverged", k.key, unique([]int{first, i}), fmt.Sprintf("%s, but %s, although every update of it had returned by %s", tell(a), tell(b), seconds(f.quiet))})
			return
		}
	}
}
