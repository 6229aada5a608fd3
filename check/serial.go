package check

import (
	"github.com/parleydb/parley/history"
)

// Serializable checks that the transactions can be put into one order in which
// every read is right (Papadimitriou 1979; cycles as in Adya et al. 2000). The
// order need not respect sessions or time. Where the order of versions is known,
// from lists (byAppend) or because the database tells it (byVersion), this is a
// search for cycles, linear in the history. Otherwise the problem is
// NP-complete: the search of Linearizable is used, and its budget.
func Serializable(h *history.History, b Budget) Result {
	const level = "serializable"
	if c := known(h, level); c != nil {
		return c.judge(false, false)
	}
	r := StrictSerializable(h, b)
	r.Level = level
	if r.Verdict == Holds {
		return r
	}
	ops := make([]history.Op, len(h.Ops)) // all at once: only the values order them
	for i, op := range h.Ops {
		op.Call = outOfTime
		if op.Outcome == history.OK {
			op.Return = outOfTime
		}
		ops[i] = op
	}
	m, _ := ModelNamed("kv", &h.Header)
	r = Linearizable(ops, m, b)
	r.Level = level
	for i := range r.Violations {
		v := &r.Violations[i]
		if v.Kind == "not linearizable" {
			v.Kind = "no serial order"
		}
	}
	return r
}

// StrictSerializable checks Serializable with an order that also keeps real
// time: a transaction that returned before another was called comes before it.
// For lists by cycles, linear but for sorting; otherwise it is Linearizable of
// the whole store as one object.
func StrictSerializable(h *history.History, b Budget) Result {
	const level = "strict-serializable"
	if c := known(h, level); c != nil {
		return c.judge(false, true)
	}
	m, _ := ModelNamed("kv", &h.Header)
	r := Linearizable(h.Ops, m, b)
	r.Level = level
	return r
}

// Sequential checks sequential consistency (Lamport 1979): one order of all
// operations that keeps each session's order and in which every read is right.
// Where versions are known, from lists or because the database tells them, this
// is a search for cycles, linear in the history. Otherwise it is NP-complete
// (Gibbons and Korach 1997), and decided only as far as its neighbours go: what
// is not causally convergent or not causal memory is not sequential, what is
// linearizable is.
func Sequential(h *history.History, b Budget) Result {
	const level = "sequential"
	if c := known(h, level); c != nil {
		return c.judge(true, false)
	}
	for _, weaker := range [...]func(*history.History) Result{CausalConvergent, CausalMemory} {
		if r := weaker(h); r.Verdict == Violated {
			r.Level = level
			return r
		}
	}
	m, _ := ModelNamed("kv", &h.Header)
	if r := Linearizable(h.Ops, m, b); r.Verdict == Holds {
		r.Level = level
		return r
	}
	return unknown(level, len(h.Ops), "no versions are recorded; it is causally consistent, but not linearizable, and what is between the two is not decided without versions")
}

// known gives the version order of a history if it is known, else nil.
func known(h *history.History, level string) *chains {
	if hasAppends(h) {
		return byAppend(h, level)
	}
	if c := byVersion(h, level); c.why == "" && len(c.live) > 0 {
		return c
	}
	return nil
}

func (c *chains) judge(sessions, time bool) Result {
	if c.res.Verdict == Violated {
		return c.res
	}
	if c.why != "" {
		return unknown(c.res.Level, c.res.Ops, "%s", c.why)
	}
	if sessions {
		c.g.addSessions(c.live)
	}
	if time {
		c.g.addTime(c.live)
	}
	c.g.judgeCycles(&c.res)
	return c.res
}
