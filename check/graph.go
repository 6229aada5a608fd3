package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parleydb/parley/history"
)

// depKind says why one transaction comes before another (Adya, Liskov and
// O'Neil, "Generalized Isolation Level Definitions", ICDE 2000).
type depKind uint8

const (
	depWW      depKind = iota // it overwrote, or appended after, what the other wrote
	depWR                     // it read what the other wrote
	depRW                     // it wrote over what the other read
	depSession                // it came later in the same session
	depTime                   // it was called after the other had returned
)

// dep is a dependency. key is -1 where it is about none.
type dep struct {
	from, to int32
	kind     depKind
	key      int32
}

// graph is a dependency graph over operations. Nodes from n on are moments in
// time, which carry the real-time order in linear space.
type graph struct {
	h    *history.History
	n    int32 // operations
	size int32 // operations and moments
	deps []dep
	keys []string
	out  []int32 // where a node's dependencies begin
	by   []int32 // dependencies by source
}

func (g *graph) add(from, to int32, kind depKind, key int32) {
	if from != to {
		g.deps = append(g.deps, dep{from, to, kind, key})
	}
}

// addTime adds the real-time order of the given operations: each return is a
// moment that all later calls come after.
func (g *graph) addTime(live []int32) {
	type event struct {
		at  int64
		op  int32
		end bool
	}
	var events []event
	for _, i := range live {
		op := &g.h.Ops[i]
		events = append(events, event{op.Call, i, false})
		if op.Outcome == history.OK {
			events = append(events, event{op.Return, i, true})
		}
	}
	slices.SortFunc(events, func(a, b event) int {
		end := 0
		if a.end != b.end {
			end = -1
			if a.end {
				end = 1
			}
		}
		return cmp.Or(cmp.Compare(a.at, b.at), end, cmp.Compare(a.op, b.op))
	})
	last := int32(-1)
	for _, e := range events {
		switch {
		case !e.end && last >= 0:
			g.add(last, e.op, depTime, -1)
		case e.end:
			moment := g.size
			g.size++
			if last >= 0 {
				g.add(last, moment, depTime, -1)
			}
			g.add(e.op, moment, depTime, -1)
			last = moment
		}
	}
}

// addSessions adds the order of each session.
func (g *graph) addSessions(live []int32) {
	last := make(map[string]int32)
	for _, i := range live { // by call
		op := &g.h.Ops[i]
		if op.Outcome != history.OK {
			continue
		}
		s := op.SessionName()
		if j, ok := last[s]; ok {
			g.add(j, i, depSession, -1)
		}
		last[s] = i
	}
}

// index sorts the dependencies by source.
func (g *graph) index() {
	g.out = make([]int32, g.size+1)
	for _, d := range g.deps {
		g.out[d.from+1]++
	}
	for i := 1; i < len(g.out); i++ {
		g.out[i] += g.out[i-1]
	}
	g.by = make([]int32, len(g.deps))
	fill := slices.Clone(g.out)
	for i, d := range g.deps {
		g.by[fill[d.from]] = int32(i)
		fill[d.from]++
	}
}

// components gives the strongly connected components of more than one node
// (Tarjan, "Depth-First Search and Linear Graph Algorithms", 1972), without
// recursion.
func (g *graph) components() [][]int32 {
	low := make([]int32, g.size)
	num := make([]int32, g.size)
	at := slices.Clone(g.out[:g.size])
	onStack := make([]bool, g.size)
	var stack, walk []int32
	var found [][]int32
	count := int32(0)
	open := func(v int32) {
		count++
		num[v], low[v] = count, count
		stack, walk = append(stack, v), append(walk, v)
		onStack[v] = true
	}
	for root := range g.size {
		if num[root] != 0 {
			continue
		}
		open(root)
		for len(walk) > 0 {
			v := walk[len(walk)-1]
			if at[v] < g.out[v+1] {
				w := g.deps[g.by[at[v]]].to
				at[v]++
				if num[w] == 0 {
					open(w)
				} else if onStack[w] {
					low[v] = min(low[v], num[w])
				}
				continue
			}
			walk = walk[:len(walk)-1]
			if len(walk) > 0 {
				p := walk[len(walk)-1]
				low[p] = min(low[p], low[v])
			}
			if low[v] != num[v] {
				continue
			}
			k := len(stack)
			for done := false; !done; {
				k--
				onStack[stack[k]] = false
				done = stack[k] == v
			}
			if len(stack)-k > 1 {
				found = append(found, slices.Clone(stack[k:]))
			}
			stack = stack[:k]
		}
	}
	return found
}

// cycleStarts bounds from how many nodes of a component cycles are looked for.
const cycleStarts = 64

// cycleIn gives a cycle of a component: of few anti-dependencies first, then
// short.
func (g *graph) cycleIn(comp []int32) []dep {
	in := make(map[int32]bool, len(comp))
	for _, v := range comp {
		in[v] = true
	}
	var best []dep
	for _, allow := range [...]int{0, 1, len(comp)} {
		for i, v := range comp {
			if i == cycleStarts {
				break
			}
			if v >= g.n {
				continue
			}
			if c := g.cycleFrom(v, in, allow); c != nil && (best == nil || len(c) < len(best)) {
				best = c
			}
		}
		if best != nil {
			return best
		}
	}
	return best
}

// cycleFrom looks breadth first for a way from v back to v with at most the
// given number of anti-dependencies, 0, 1 or any.
func (g *graph) cycleFrom(v int32, in map[int32]bool, allow int) []dep {
	type state struct {
		node int32
		used int8
	}
	type step struct {
		from state
		dep  int32
	}
	from := make(map[state]step)
	queue := []state{{v, 0}}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for _, i := range g.by[g.out[s.node]:g.out[s.node+1]] {
			d := g.deps[i]
			next := state{d.to, s.used}
			if d.kind == depRW && allow < 2 {
				next.used++
				if int(next.used) > allow {
					continue
				}
			}
			if !in[d.to] {
				continue
			}
			if d.to == v {
				cycle := []dep{d}
				for s.node != v {
					st := from[s]
					cycle = append(cycle, g.deps[st.dep])
					s = st.from
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, ok := from[next]; !ok {
				from[next] = step{s, i}
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// tellCycle makes a violation of a cycle, with Adya's names.
func (g *graph) tellCycle(cycle []dep) Violation {
	var parts []string
	var ops []int
	rw, wr, timed := 0, 0, ""
	key := ""
	for i := 0; i < len(cycle); i++ {
		d := cycle[i]
		if d.to >= g.n { // through moments in time to the next operation
			for cycle[i].to >= g.n {
				i++
			}
			d.to = cycle[i].to
		}
		a, b := &g.h.Ops[d.from], &g.h.Ops[d.to]
		ops = append(ops, int(d.from), int(d.to))
		if d.key >= 0 {
			key = g.keys[d.key]
		}
		switch d.kind {
		case depWW:
			parts = append(parts, fmt.Sprintf("%s wrote %s before %s", brief(a), key, brief(b)))
		case depWR:
			wr++
			parts = append(parts, fmt.Sprintf("%s read what %s wrote to %s", brief(b), brief(a), key))
		case depRW:
			rw++
			parts = append(parts, fmt.Sprintf("%s read %s as it was before %s wrote it", brief(a), key, brief(b)))
		case depSession:
			timed = " in session order"
			parts = append(parts, fmt.Sprintf("%s came before %s in their session", brief(a), brief(b)))
		case depTime:
			timed = " in real time"
			parts = append(parts, fmt.Sprintf("%s was over before %s was called", brief(a), brief(b)))
		}
	}
	kind := "write cycle (G0)"
	switch {
	case rw == 1 && len(parts) == 2 && cycle[0].key == cycle[len(cycle)-1].key && wr == 0 && timed == "":
		kind = "lost update (G-single)"
	case rw == 1:
		kind = "read skew (G-single)"
	case rw > 1:
		kind = "anti-dependency cycle (G2)"
	case wr > 0:
		kind = "circular information flow (G1c)"
	}
	ops = unique(ops)
	text := strings.Join(parts, "; ") + ": each must come before the next, and so before itself"
	for _, i := range ops {
		text += fmt.Sprintf(". %s is: %s", brief(&g.h.Ops[i]), tell(&g.h.Ops[i]))
	}
	return Violation{kind + timed, key, ops, text}
}

// brief names an operation by its session and time, or line where there is no time.
func brief(op *history.Op) string {
	if op.Call < 0 {
		return fmt.Sprintf("[%s, line %d]", who(op), op.Line)
	}
	return fmt.Sprintf("[%s, %s]", who(op), seconds(op.Call))
}

// judgeCycles adds the cycles of the graph to a result.
func (g *graph) judgeCycles(res *Result) {
	g.index()
	for _, comp := range g.components() {
		if c := g.cycleIn(comp); c != nil {
			res.add(g.tellCycle(c))
		}
		if len(res.Violations) == maxViolations {
			return
		}
	}
}
