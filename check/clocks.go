package check

import (
	"fmt"
	"sort"
	"strings"
)

// clocks are vector clocks over the happened-before relation of a history, the
// transitive closure of session order and reads-from: row t says, for each
// session, how many of its transactions are in the past of t, t included.
type clocks struct {
	x    *txns
	k    int
	base []int // where the rows of a session begin: they stand side by side, as they are walked
	v    []uint32
}

// maxClockBytes bounds the memory of clocks.
const maxClockBytes = 12 << 30

func (c *clocks) row(t int32) []uint32 {
	at := c.base[c.x.sess[t]] + int(c.x.seq[t]-1)*c.k
	return c.v[at : at+c.k]
}

// before says whether a happened before b, or is b.
func (c *clocks) before(a, b int32) bool {
	return c.row(b)[c.x.sess[a]] >= uint32(c.x.seq[a])
}

// emptyClocks has a row of zeros for each transaction.
func emptyClocks(x *txns) *clocks {
	k := len(x.sessions)
	c := &clocks{x: x, k: k, base: make([]int, k), v: make([]uint32, x.len()*k)}
	for s := 1; s < k; s++ {
		c.base[s] = c.base[s-1] + len(x.sessions[s-1])*k
	}
	return c
}

// newClocks makes the clocks in O(n k). A cycle, which no order can have, comes
// back as a violation; too much memory as a reason.
func newClocks(x *txns) (*clocks, *Violation, string) {
	k := len(x.sessions)
	if need := int64(x.len()) * int64(k) * 4; need > maxClockBytes {
		return nil, nil, fmt.Sprintf("%d operations in %d sessions need %d GiB of clocks, more than the %d GiB allowed", x.len(), k, need>>30, maxClockBytes>>30)
	}
	c := emptyClocks(x)
	done := make([]int32, k)           // transactions of each session that have their clock
	waiting := make(map[int32][]int32) // transaction to sessions that wait for it
	ready := make([]int32, k)
	for s := range ready {
		ready[s] = int32(k - 1 - s)
	}
	for len(ready) > 0 {
		s := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for int(done[s]) < len(x.sessions[s]) {
			t := x.sessions[s][done[s]]
			if w := c.missing(t, done); w >= 0 {
				waiting[w] = append(waiting[w], s)
				break
			}
			c.fill(t)
			done[s]++
			if woken, ok := waiting[t]; ok {
				ready = append(ready, woken...)
				delete(waiting, t)
			}
		}
	}
	for s := range done {
		if int(done[s]) < len(x.sessions[s]) {
			return nil, c.cycle(int32(s), done), ""
		}
	}
	return c, nil, ""
}

// missing is a transaction that t read from and that has no clock yet, or -1.
func (c *clocks) missing(t int32, done []int32) int32 {
	lo, hi := c.x.reads(t)
	for _, f := range c.x.rFrom[lo:hi] {
		if f >= 0 && c.x.seq[f] > done[c.x.sess[f]] {
			return f
		}
	}
	return -1
}

// fill makes the clock of t from those of its predecessor and its sources.
func (c *clocks) fill(t int32) {
	row := c.row(t)
	s := c.x.sess[t]
	if q := c.x.seq[t]; q > 1 {
		copy(row, c.row(c.x.sessions[s][q-2]))
	}
	lo, hi := c.x.reads(t)
	for _, f := range c.x.rFrom[lo:hi] {
		if f >= 0 {
			join(row, c.row(f))
		}
	}
	row[s] = uint32(c.x.seq[t])
}

func join(dst, src []uint32) {
	src = src[:len(dst)]
	for i, n := range src {
		dst[i] = max(dst[i], n)
	}
}

// cycle follows who waits for whom from session s until it comes back.
func (c *clocks) cycle(s int32, done []int32) *Violation {
	x := c.x
	seen := map[int32]int{}
	var path []int32 // pairs: the waiting transaction, and the one it read from
	for {
		if at, ok := seen[s]; ok {
			path = path[at:]
			break
		}
		seen[s] = len(path)
		t := x.sessions[s][done[s]]
		w := c.missing(t, done)
		path = append(path, t, w)
		s = x.sess[w]
	}
	var ops []int
	var parts []string
	for i := 0; i < len(path); i += 2 {
		reader, writer := path[i], path[i+1]
		next := path[(i+2)%len(path)]
		ops = append(ops, int(x.op[reader]), int(x.op[writer]))
		part := fmt.Sprintf("%s, which comes from: %s", tell(x.opOf(reader)), tell(x.opOf(writer)))
		if next != writer {
			part += fmt.Sprintf(", which comes later in its session than: %s", tell(x.opOf(next)))
		}
		parts = append(parts, part)
	}
	return &Violation{"cause after effect", "", unique(ops), strings.Join(parts, "; and ")}
}

// path are transactions that lead from a to b by session order and reads-from,
// both ends included, where a happened before b. Steps along a session are
// taken in one.
func (c *clocks) path(a, b int32) []int32 {
	x := c.x
	out := []int32{b}
	for a != b {
		s := x.sess[b]
		if x.sess[a] == s {
			b = a
			out = append(out, a)
			continue
		}
		// The first transaction of b's session that knows a learned of it by reading.
		list := x.sessions[s][:x.seq[b]]
		u := list[sort.Search(len(list), func(i int) bool { return c.before(a, list[i]) })]
		if u != b {
			out = append(out, u)
		}
		lo, hi := x.reads(u)
		for _, f := range x.rFrom[lo:hi] {
			if f >= 0 && c.before(a, f) {
				b = f
				out = append(out, f)
				break
			}
		}
	}
	return out
}
