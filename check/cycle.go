package check

import (
	"fmt"
	"strings"
)

// edge is an order between two transactions that a read forces: from before to,
// because by read the older of two values of key.
type edge struct {
	from, to int32
	by, key  int32
}

// findCycle looks for a cycle in session order, reads-from and the given edges,
// in time linear in these, and tells the shortest that the first one found
// contains.
func (p *prepared) findCycle(edges []edge) *Violation {
	cycle := anyCycle(p.x, edges, everybody)
	if cycle == nil {
		return nil
	}
	cycle = p.shorten(cycle)
	x := p.x
	var ops []int
	var parts []string
	for i, e := range cycle {
		for _, t := range [...]int32{e.from, e.to, e.by} {
			ops = append(ops, int(x.op[t]))
		}
		for _, t := range p.c.path(e.from, e.by) {
			ops = append(ops, int(x.op[t]))
		}
		if next := cycle[(i+1)%len(cycle)].from; next != e.to {
			for _, t := range p.c.path(e.to, next) {
				ops = append(ops, int(x.op[t]))
			}
		}
		parts = append(parts, fmt.Sprintf("%s, although that session knew %s, so that %s came before %s", tell(x.opOf(e.by)), p.item(e.from, e.key), p.item(e.from, e.key), p.item(e.to, e.key)))
	}
	ops = unique(ops)
	return &Violation{"no common order", x.keys[cycle[0].key], ops, strings.Join(parts, "; but ") + ": no one order of the writes fits both"}
}

// everybody, instead of a session, lets the reads of all sessions count.
const everybody int32 = -1

// anyCycle gives the edges of some cycle, in its order, or nil. Reads-from
// counts for the reads of the given session only.
func anyCycle(x *txns, edges []edge, reader int32) []edge {
	start := make([]int32, x.len()+1) // edges by target
	for _, e := range edges {
		start[e.to+1]++
	}
	for i := 1; i < len(start); i++ {
		start[i] += start[i-1]
	}
	into := make([]int32, len(edges))
	fill := append([]int32(nil), start...)
	for i, e := range edges {
		into[fill[e.to]] = int32(i)
		fill[e.to]++
	}
	const unseen, open, closed = 0, 1, 2
	color := make([]uint8, x.len())
	type visit struct {
		t    int32
		next int32 // which predecessor comes next
		by   int32 // the edge by which it was reached backwards, -1 for another kind
	}
	var stack []visit
	for root := range int32(x.len()) {
		if color[root] != unseen {
			continue
		}
		stack = append(stack[:0], visit{t: root, by: -1})
		color[root] = open
		for len(stack) > 0 {
			v := &stack[len(stack)-1]
			u, by, more := predecessor(x, v.t, v.next, start, into, edges, reader)
			v.next++
			switch {
			case !more:
				color[v.t] = closed
				stack = stack[:len(stack)-1]
			case u < 0 || color[u] == closed:
			case color[u] == unseen:
				color[u] = open
				stack = append(stack, visit{t: u, by: by})
			default: // back to u: the cycle is on the stack, backwards
				var cycle []edge
				if by >= 0 {
					cycle = append(cycle, edges[by])
				}
				for i := len(stack) - 1; stack[i].t != u; i-- {
					if stack[i].by >= 0 {
						cycle = append(cycle, edges[stack[i].by])
					}
				}
				return cycle
			}
		}
	}
	return nil
}

// predecessor is the i-th predecessor of t: in its session, then the writers it
// read from, then by edges.
func predecessor(x *txns, t, i int32, start, into []int32, edges []edge, reader int32) (u, by int32, more bool) {
	if i == 0 {
		if q := x.seq[t]; q > 1 {
			return x.sessions[x.sess[t]][q-2], -1, true
		}
		return -1, -1, true
	}
	lo, hi := x.reads(t)
	if i--; i < hi-lo {
		if reader != everybody && x.sess[t] != reader {
			return -1, -1, true
		}
		return x.rFrom[lo+i], -1, true
	}
	i -= hi - lo
	if at := start[t] + i; at < start[t+1] {
		return edges[into[at]].from, into[at], true
	}
	return -1, -1, false
}

// maxShorten bounds the cycles whose shortcuts are all tried.
const maxShorten = 256

// shorten gives the shortest cycle over the same edges: from one edge to any
// other whose start is after its end.
func (p *prepared) shorten(cycle []edge) []edge {
	n := len(cycle)
	if n > maxShorten {
		return cycle
	}
	best := cycle
	for root := range n {
		from := make([]int, n)
		for i := range from {
			from[i] = -1
		}
		queue := []int{root}
		for found := false; len(queue) > 0 && !found; {
			i := queue[0]
			queue = queue[1:]
			for j := range n {
				if from[j] >= 0 || !p.c.before(cycle[i].to, cycle[j].from) {
					continue
				}
				from[j] = i
				if j == root {
					found = true
					break
				}
				queue = append(queue, j)
			}
		}
		if from[root] < 0 {
			continue
		}
		short := []edge{cycle[root]}
		for i := from[root]; i != root; i = from[i] {
			short = append(short, cycle[i])
		}
		if len(short) < len(best) {
			for i, j := 1, len(short)-1; i < j; i, j = i+1, j-1 {
				short[i], short[j] = short[j], short[i]
			}
			best = short
		}
	}
	return best
}
