package check

import (
	"slices"

	"github.com/parleydb/parley/history"
)

// ReadCommitted checks read committed for transactions: nobody sees a failed or
// an intermediate write, and when a transaction has read from t2, a later read
// of a key that t2 wrote returns t2's value or a newer one. Newer is by one
// commit order that contains session order and reads-from (Biswas and Enea, "On
// the Complexity of Checking Transactional Consistency", OOPSLA 2019). A
// transaction's steps are taken in their order. O(n^1.5), as AWDIT (PLDI 2025):
// the smaller of what t2 wrote and what was read is walked. For lists it is the
// absence of G0 and G1 (Adya et al. 2000), as in Elle.
func ReadCommitted(h *history.History) Result {
	if hasAppends(h) {
		c := byAppend(h, "read-committed")
		c.g.deps = slices.DeleteFunc(c.g.deps, func(d dep) bool { return d.kind == depRW })
		return c.judge(false, false)
	}
	return weak(h, "read-committed", func(p *prepared) { p.judgeIsolation(false) })
}

// ReadAtomic checks read atomic (Bailis et al., RAMP, SIGMOD 2014; axiom of
// Biswas and Enea 2019): a transaction that reads from t2, or follows t2 in its
// session, reads of every key that t2 wrote t2's value or a newer one: nothing
// is seen half. O(n^1.5).
func ReadAtomic(h *history.History) Result {
	return weak(h, "read-atomic", func(p *prepared) { p.judgeIsolation(true) })
}

func (p *prepared) judgeIsolation(atomic bool) {
	a := &axioms{prepared: p, atomic: atomic}
	for s := range p.x.sessions {
		own := make(map[int32]int32) // key to the session's last writer of it
		for _, t := range p.x.sessions[s] {
			a.transaction(t, own)
		}
	}
	if p.res.Verdict == Violated || len(a.edges) == 0 {
		return
	}
	if v := p.findCycle(a.edges); v != nil {
		p.res.add(*v)
	}
}

type axioms struct {
	*prepared
	atomic bool
	edges  []edge
}

// transaction adds the edges that the reads of t force.
func (a *axioms) transaction(t int32, own map[int32]int32) {
	x := a.x
	lo, hi := x.reads(t)
	if a.atomic {
		for i := lo; i < hi; i++ {
			if w, ok := own[x.rKey[i]]; ok {
				a.force(t, i, w)
			}
		}
	}
	wlo, whi := x.writes(t)
	if a.atomic {
		for i := wlo; i < whi; i++ {
			own[x.wKey[i]] = t
		}
	}
	if hi-lo < 2 {
		return
	}
	at := make(map[int32][]int32, hi-lo) // key to its reads
	for i := lo; i < hi; i++ {
		at[x.rKey[i]] = append(at[x.rKey[i]], i)
	}
	seen := make(map[int32]bool, hi-lo)
	for i := lo; i < hi; i++ {
		t2 := x.rFrom[i]
		if t2 < 0 || seen[t2] {
			continue
		}
		seen[t2] = true
		w2lo, w2hi := x.writes(t2)
		if int(w2hi-w2lo) <= len(at) {
			for _, k := range x.wKey[w2lo:w2hi] {
				for _, j := range at[k] {
					if a.atomic || j > i {
						a.force(t, j, t2)
					}
				}
			}
			continue
		}
		for j := lo; j < hi; j++ {
			if _, ok := x.writesKey(t2, x.rKey[j]); ok && (a.atomic || j > i) {
				a.force(t, j, t2)
			}
		}
	}
}

// force says that read i of t must not be older than what t2 wrote.
func (a *axioms) force(t, i, t2 int32) {
	x := a.x
	t1 := x.rFrom[i]
	switch {
	case t1 == t2 || t1 == fromOutside || t2 == t:
	case t1 == fromInit || a.c.before(t1, t2):
		a.res.add(a.stale(causalPast, t, x.rKey[i], t1, t2, t2))
	default:
		a.edges = append(a.edges, edge{t2, t1, t, x.rKey[i]})
	}
}
