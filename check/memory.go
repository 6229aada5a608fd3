package check

import (
	"fmt"
	"strings"

	"github.com/parleydb/parley/history"
)

// CausalMemory checks causal memory (CM; Ahamad, Neiger, Burns, Kohli and Hutto,
// 1995; bad patterns of Bouajjani et al., POPL 2017: those of Causal,
// WriteHBInitRead and CyclicHB): every session can put its causal past into one
// order in which all its own reads are right. It is stronger than Causal, and
// not comparable with CausalConvergent.
//
// For each session the relation HB is saturated: a write of a key that is in HB
// before a read of it precedes the write that was read. O(n k) per session and
// round; rounds are few (two or three) unless the history is built to need more.
func CausalMemory(h *history.History) Result {
	return weak(h, "causal-memory", func(p *prepared) {
		p.scanCausal(func(edge) {})
		if p.res.Verdict == Holds {
			p.judgeSessions(true)
		}
	})
}

// PRAM checks pipelined RAM (Lipton and Sandberg, 1988): every session can put
// its own operations and everybody's writes into one order that keeps each
// session's order, in which its own reads are right. It is CausalMemory without
// the causality that passes through third parties.
func PRAM(h *history.History) Result {
	return weak(h, "pram", func(p *prepared) { p.judgeSessions(false) })
}

func (p *prepared) judgeSessions(causes bool) {
	g := &saturation{p: p, causes: causes, into: make([][]int32, p.x.len())}
	for s := range p.x.sessions {
		if v := g.session(int32(s)); v != nil {
			p.res.add(*v)
			if len(p.res.Violations) == maxViolations {
				return
			}
		}
	}
}

// saturation is HB of one session after the other.
type saturation struct {
	p      *prepared
	causes bool
	s      int32
	cl     *clocks
	edges  []edge
	into   [][]int32 // transaction to edges that end there
	walk   *walker
}

// session saturates HB of session s and gives a violation if there is one.
func (g *saturation) session(s int32) *Violation {
	for _, e := range g.edges {
		g.into[e.to] = g.into[e.to][:0]
	}
	g.s, g.edges = s, g.edges[:0]
	if !g.reads() {
		return nil
	}
	for {
		if !g.fill() {
			return g.tell(nil)
		}
		before := len(g.edges)
		if v := g.infer(); v != nil {
			return v
		}
		if len(g.edges) == before {
			return nil
		}
	}
}

// reads says whether the session has reads at all: without, every order is right.
func (g *saturation) reads() bool {
	for _, t := range g.p.x.sessions[g.s] {
		if lo, hi := g.p.x.reads(t); lo < hi {
			return true
		}
	}
	return false
}

// fill makes the clocks of the relation as it is; false if it has a cycle.
func (g *saturation) fill() bool {
	x := g.p.x
	k := len(x.sessions)
	if g.cl == nil {
		g.cl = emptyClocks(x)
	}
	done := make([]int32, k)
	waiting := map[int32][]int32{}
	ready := make([]int32, k)
	for s := range ready {
		ready[s] = int32(s)
	}
	filled := 0
	for len(ready) > 0 {
		s := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for int(done[s]) < len(x.sessions[s]) {
			t := x.sessions[s][done[s]]
			if w := g.blocked(t, done); w >= 0 {
				waiting[w] = append(waiting[w], s)
				break
			}
			g.row(t)
			done[s]++
			filled++
			if woken, ok := waiting[t]; ok {
				ready = append(ready, woken...)
				delete(waiting, t)
			}
		}
	}
	return filled == x.len()
}

// eachInto calls fn for the predecessors of t other than in its session, until
// it says false.
func (g *saturation) eachInto(t int32, fn func(f int32) bool) {
	x := g.p.x
	if g.causes || x.sess[t] == g.s {
		lo, hi := x.reads(t)
		for _, f := range x.rFrom[lo:hi] {
			if f >= 0 && !fn(f) {
				return
			}
		}
	}
	for _, i := range g.into[t] {
		if !fn(g.edges[i].from) {
			return
		}
	}
}

func (g *saturation) blocked(t int32, done []int32) int32 {
	x := g.p.x
	found := int32(-1)
	g.eachInto(t, func(f int32) bool {
		if x.seq[f] > done[x.sess[f]] {
			found = f
		}
		return found < 0
	})
	return found
}

func (g *saturation) row(t int32) {
	x := g.p.x
	row := g.cl.row(t)
	s := x.sess[t]
	if q := x.seq[t]; q > 1 {
		copy(row, g.cl.row(x.sessions[s][q-2]))
	} else {
		clear(row)
	}
	g.eachInto(t, func(f int32) bool { join(row, g.cl.row(f)); return true })
	row[s] = uint32(x.seq[t])
}

// infer walks the session's reads and adds the edges that HB forces.
func (g *saturation) infer() (v *Violation) {
	x := g.p.x
	if g.walk == nil {
		g.walk = newWalker(g.cl, causalPast)
	}
	w := g.walk
	w.reset()
	for _, t := range x.sessions[g.s] {
		w.visit(t, func(t3, key, t1, t2, _ int32) bool {
			switch {
			case t1 == fromInit:
				v = g.tell(&edge{from: t2, to: t2, by: t3, key: key})
			case !g.cl.before(t2, t1):
				g.into[t1] = append(g.into[t1], int32(len(g.edges)))
				g.edges = append(g.edges, edge{t2, t1, t3, key})
			}
			return v == nil
		})
		if v != nil {
			return v
		}
	}
	return nil
}

// tell makes the violation: a circle of writes whose order the session's reads
// force, or a read of the initial value after a write.
func (g *saturation) tell(last *edge) *Violation {
	x := g.p.x
	name := who(x.opOf(x.sessions[g.s][0]))
	if last != nil {
		return &Violation{"no order for a session", x.keys[last.key], g.reasons([]edge{*last}), fmt.Sprintf(
			"%s, which is from before every write, although in any order that makes the reads of %s right this comes before it: %s",
			tell(x.opOf(last.by)), name, tell(x.opOf(last.from)))}
	}
	reader := g.s
	if g.causes {
		reader = everybody
	}
	cycle := anyCycle(x, g.edges, reader)
	var parts []string
	for _, e := range cycle {
		parts = append(parts, fmt.Sprintf("%s, so that %s must come before %s", tell(x.opOf(e.by)), g.p.item(e.from, e.key), g.p.item(e.to, e.key)))
	}
	if e := cycle[0]; len(cycle) == 1 && x.sess[e.to] == x.sess[e.from] {
		parts = append(parts, fmt.Sprintf("%s wrote them the other way round", who(x.opOf(e.to))))
	}
	return &Violation{"no order for a session", x.keys[cycle[0].key], g.reasons(cycle),
		"no order of the writes that it knew makes all reads of " + name + " right: " + strings.Join(parts, "; but ")}
}

// maxReasons bounds how many inferences are followed back for a story.
const maxReasons = 64

// reasons are the operations from which the given edges follow: for each, a path
// from the ignored write to the read that it must not be ignored by, and the
// reasons of the edges on that path, which were all found earlier.
func (g *saturation) reasons(todo []edge) []int {
	x := g.p.x
	number := make(map[edge]int32, len(g.edges))
	for i, e := range g.edges {
		number[e] = int32(i)
	}
	var ops []int
	closing := len(todo) > 0 && todo[0].from != todo[0].to // a circle: its edges are tied by paths too
	for i := 0; closing && i < len(todo); i++ {
		next := todo[(i+1)%len(todo)].from
		ops = append(ops, g.path(todo[i].to, next, int32(len(g.edges)), nil)...)
	}
	seen := make(map[edge]bool)
	for len(todo) > 0 && len(seen) < maxReasons {
		e := todo[0]
		todo = todo[1:]
		if seen[e] {
			continue
		}
		seen[e] = true
		ops = append(ops, int(x.op[e.from]), int(x.op[e.to]), int(x.op[e.by]))
		limit, ok := number[e]
		if !ok {
			limit = int32(len(g.edges))
		}
		ops = append(ops, g.path(e.from, e.by, limit, func(by edge) { todo = append(todo, by) })...)
	}
	return unique(ops)
}

// path finds a shortest path from a to b over the relation with the edges below
// limit, and gives its operations; via gets the edges on it.
func (g *saturation) path(a, b, limit int32, via func(edge)) []int {
	x := g.p.x
	type step struct{ next, edge int32 }
	from := map[int32]step{b: {b, -1}}
	queue := []int32{b}
	visit := func(u int32, s step) {
		if _, ok := from[u]; u >= 0 && !ok {
			from[u] = s
			queue = append(queue, u)
		}
	}
	for len(queue) > 0 && queue[0] != a {
		t := queue[0]
		queue = queue[1:]
		if q := x.seq[t]; q > 1 {
			visit(x.sessions[x.sess[t]][q-2], step{t, -1})
		}
		if g.causes || x.sess[t] == g.s {
			lo, hi := x.reads(t)
			for _, f := range x.rFrom[lo:hi] {
				visit(f, step{t, -1})
			}
		}
		for _, i := range g.into[t] {
			if i < limit {
				visit(g.edges[i].from, step{t, i})
			}
		}
	}
	var ops []int
	last := int32(-1)
	for t := a; ; t = from[t].next {
		s, ok := from[t]
		if !ok {
			return ops
		}
		if last != x.sess[t] || t == b || s.edge >= 0 || x.sess[s.next] != x.sess[t] { // ends of a walk along a session
			ops = append(ops, int(x.op[t]))
		}
		last = x.sess[t]
		if s.edge >= 0 && via != nil {
			via(g.edges[s.edge])
		}
		if t == b {
			return ops
		}
	}
}
