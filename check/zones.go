package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/parleydb/parley/history"
)

// This file decides linearizability of one register whose written values are
// all different, in O(n log n): Gibbons and Korach, "Testing Shared Memories"
// (SIAM J. Comput. 1997), section 4.
//
// The operations of one value, its write and the reads that saw it, are its
// cluster. In a linearization a cluster is one contiguous block, so that block
// A must come before block B as soon as some operation of A returned before
// some operation of B was called: minRet(A) < maxCall(B). The register is
// linearizable if no read returned before its write was called and no two
// blocks must each come before the other. (Longer cycles contain such a pair:
// take the block of the cycle with the least minRet; it must precede them all.)
// A block whose minRet is below its maxCall is a forward zone: two of these may
// not overlap; the others, backward zones, may not lie inside a forward one.
//
// A compare-and-set that succeeded from a to b makes b's cluster the immediate
// successor of a's: such clusters form a chain, which is one block, within which
// no operation may have returned before one of an earlier cluster was called.

// noOp stands for the initial value's write, which has no operation.
const noOp = -1

type cluster struct {
	value          history.Value
	write          int // operation, or noOp for the initial value
	minRet         int64
	maxCall        int64
	first, last    int // the operations that have minRet and maxCall
	next           int // the cluster that a compare-and-set made of it, or -1
	hasPredecessor bool
	reads          int
}

// block is a chain of clusters.
type block struct {
	minRet, maxCall int64
	first, last     int // operations
	head            int // first cluster
}

// zones judges one register.
type zones struct {
	ops      []*history.Op
	call     func(i int) int64 // the operations' times, which bounded staleness shifts
	clusters []cluster
	byValue  map[history.Value]int
}

// uniqueRegister says whether the fast way applies to the operations of a key.
func uniqueRegister(ops []*history.Op, initial history.Value) bool {
	few := append(make([]history.Value, 0, 2*fewValues), initial) // repeats mostly show early, before a table is made
	var seen map[history.Value]struct{}
	for _, op := range ops {
		if op.F == history.Read {
			continue
		}
		v, ok := writtenValue(op)
		if !ok || slices.Contains(few, v) {
			return false
		}
		if len(few) < cap(few) {
			few = append(few, v)
			continue
		}
		if seen == nil {
			seen = make(map[history.Value]struct{}, len(ops)/2+1)
		}
		if _, twice := seen[v]; twice {
			return false
		}
		seen[v] = struct{}{}
	}
	return true
}

// writtenValue is what a write or compare-and-set leaves; false for others.
func writtenValue(op *history.Op) (history.Value, bool) {
	switch {
	case op.F == history.Write:
		return op.In, true
	case op.F == history.CAS && (op.Outcome != history.OK || isYes(op.Out)):
		if len(op.In.Elems()) == 2 {
			_, to := pair(op.In)
			return to, true
		}
	}
	return history.Nil, false
}

// judgeZones finds a violation in the operations of one register, or nil. The
// numbers in it are indices of ops. Failed operations may be among ops: they
// only serve to explain where a value comes from.
func judgeZones(ops []*history.Op, initial history.Value, call func(i int) int64) *Violation {
	z := &zones{ops: ops, call: call, byValue: make(map[history.Value]int, len(ops)/2+1)}
	v := z.build(initial)
	if v == nil {
		var blocks []block
		if blocks, v = z.chain(); v == nil {
			v = z.conflict(blocks)
		}
	}
	if v != nil {
		z.addWitnesses(v)
	}
	return v
}

// addWitnesses adds, for each ambiguous write that a violation shows, by what it
// is known to have happened.
func (z *zones) addWitnesses(v *Violation) {
	for _, i := range slices.Clone(v.Ops) {
		if op := z.ops[i]; op.Outcome == history.Info && op.F != history.Read {
			v.Ops = append(v.Ops, z.witness(z.byValue[z.valueAt(i)])...)
		}
	}
	v.Ops = unique(v.Ops)
}

func (z *zones) build(initial history.Value) *Violation {
	z.byValue[initial] = 0
	z.clusters = append(z.clusters, cluster{value: initial, write: noOp, minRet: math.MinInt64, maxCall: math.MinInt64, first: noOp, last: noOp, next: -1})
	for i, op := range z.ops {
		if op.F == history.Read {
			continue
		}
		v := op.In
		if op.F == history.CAS {
			_, v = pair(op.In)
		}
		z.byValue[v] = len(z.clusters)
		z.clusters = append(z.clusters, cluster{value: v, write: i, minRet: op.Return, maxCall: op.Call, first: i, last: i, next: -1})
	}
	for i, op := range z.ops {
		if op.F != history.Read || op.Outcome != history.OK {
			continue
		}
		k, ok := z.byValue[op.Out]
		if !ok {
			return &Violation{"phantom value", keyOf(op), []int{i}, fmt.Sprintf("%s, but nobody ever wrote %s", tell(op), op.Out)}
		}
		c := &z.clusters[k]
		if c.write != noOp {
			w := z.ops[c.write]
			if w.Outcome == history.Fail {
				return &Violation{"failed write seen", keyOf(op), []int{c.write, i}, fmt.Sprintf("%s, but the only write of %s failed, so it must not have happened: %s", tell(op), op.Out, tell(w))}
			}
			if op.Return < w.Call {
				return &Violation{"value from the future", keyOf(op), []int{i, c.write}, fmt.Sprintf("%s, before the only write of %s was called: %s", tell(op), op.Out, tell(w))}
			}
		}
		c.reads++
		if op.Return < c.minRet {
			c.minRet, c.first = op.Return, i
		}
		if at := z.call(i); at > c.maxCall || c.last == noOp {
			c.maxCall, c.last = at, i
		}
	}
	return nil
}

// happened says whether a cluster's write must have happened: it is OK, or
// somebody saw it.
func (z *zones) happened(c *cluster) bool {
	return c.write == noOp || c.reads > 0 || z.ops[c.write].Outcome == history.OK || c.next >= 0
}

// witness are the operations by which a cluster's write is known to have
// happened, if it is ambiguous: a read, or what was made of its value.
func (z *zones) witness(k int) (ops []int) {
	for seen := 0; k >= 0 && seen <= len(z.clusters); seen++ {
		c := &z.clusters[k]
		if c.write == noOp || z.ops[c.write].Outcome == history.OK {
			return ops
		}
		if c.reads > 0 {
			return append(ops, c.first)
		}
		if k = c.next; k >= 0 {
			ops = append(ops, z.clusters[k].write)
		}
	}
	return ops
}

// link joins clusters that compare-and-sets tie together.
func (z *zones) link() *Violation {
	// Backwards by operation, so that an ambiguous compare-and-set whose value
	// another one took over is known to have happened: repeat until nothing changes.
	linked := make([]bool, len(z.clusters))
	for changed := true; changed; {
		changed = false
		for k := range z.clusters {
			c := &z.clusters[k]
			if linked[k] || c.write == noOp || z.ops[c.write].F != history.CAS || !z.happened(c) {
				continue
			}
			linked[k], changed = true, true
			op := z.ops[c.write]
			from, _ := pair(op.In)
			p, ok := z.byValue[from]
			if !ok {
				return &Violation{"phantom value", keyOf(op), []int{c.write}, fmt.Sprintf("%s, but nobody ever wrote %s", tell(op), from)}
			}
			if other := z.clusters[p].next; other >= 0 {
				o := z.ops[z.clusters[other].write]
				return &Violation{"lost update", keyOf(op), []int{z.clusters[other].write, c.write}, fmt.Sprintf("%s, and %s: only one of them can have found %s", tell(o), tell(op), from)}
			}
			if w := z.clusters[p].write; w != noOp && z.ops[w].Outcome == history.Fail {
				return &Violation{"failed write seen", keyOf(op), []int{w, c.write}, fmt.Sprintf("%s, but the only write of %s failed: %s", tell(op), from, tell(z.ops[w]))}
			}
			z.clusters[p].next, c.hasPredecessor = k, true
		}
	}
	return nil
}

// chain turns clusters into blocks and checks the order within each.
func (z *zones) chain() ([]block, *Violation) {
	if v := z.link(); v != nil {
		return nil, v
	}
	var blocks []block
	covered := 0
	live := 0
	var path []int
	for k := range z.clusters {
		c := &z.clusters[k]
		if !z.happened(c) {
			continue
		}
		live++
		if c.hasPredecessor {
			continue
		}
		path = path[:0]
		b := block{minRet: math.MaxInt64, maxCall: math.MinInt64, first: noOp, last: noOp, head: k}
		for i := k; i >= 0; i = z.clusters[i].next {
			path = append(path, i)
			c := &z.clusters[i]
			if c.minRet < b.minRet {
				b.minRet, b.first = c.minRet, c.first
			}
			if c.maxCall > b.maxCall {
				b.maxCall, b.last = c.maxCall, c.last
			}
		}
		covered += len(path)
		if v := z.checkChain(path); v != nil {
			return nil, v
		}
		blocks = append(blocks, b)
	}
	if covered < live {
		return nil, z.ring()
	}
	return blocks, nil
}

// checkChain: no operation of a later cluster returned before one of an earlier
// cluster was called.
func (z *zones) checkChain(path []int) *Violation {
	minRet, at := int64(math.MaxInt64), -1
	for i := len(path) - 1; i >= 0; i-- {
		c := &z.clusters[path[i]]
		if at >= 0 && minRet < c.maxCall {
			late := &z.clusters[path[at]]
			ops := []int{c.last, late.first}
			for _, p := range path[i+1 : at+1] {
				ops = append(ops, z.clusters[p].write)
			}
			if c.write != noOp {
				ops = append(ops, c.write)
			}
			return &Violation{"out of order", keyOf(z.ops[c.last]), unique(ops), fmt.Sprintf(
				"%s, although %s before that, and %s came after %s by compare-and-set", tell(z.ops[c.last]), tell(z.ops[late.first]), late.value, c.value)}
		}
		if c.minRet < minRet {
			minRet, at = c.minRet, i
		}
	}
	return nil
}

// ring reports compare-and-sets that each need the other to have been first.
func (z *zones) ring() *Violation {
	reached := make([]bool, len(z.clusters))
	for k := range z.clusters {
		if !z.clusters[k].hasPredecessor {
			for i := k; i >= 0; i = z.clusters[i].next {
				reached[i] = true
			}
		}
	}
	for k := range z.clusters {
		if c := &z.clusters[k]; !reached[k] && z.happened(c) {
			ops := []int{c.write}
			for i := c.next; i != k; i = z.clusters[i].next {
				ops = append(ops, z.clusters[i].write)
			}
			return &Violation{"circle", keyOf(z.ops[c.write]), unique(ops), fmt.Sprintf(
				"%d compare-and-sets each found the value that another one of them left behind; one begins: %s", len(ops), tell(z.ops[c.write]))}
		}
	}
	panic("check: a ring of compare-and-sets without a member")
}

// conflict looks for two blocks that must each come before the other.
func (z *zones) conflict(blocks []block) *Violation {
	var forward, backward []block
	for _, b := range blocks {
		if b.minRet < b.maxCall {
			forward = append(forward, b)
		} else {
			backward = append(backward, b)
		}
	}
	slices.SortFunc(forward, func(a, b block) int { return cmp.Compare(a.minRet, b.minRet) })
	for i := 1; i < len(forward); i++ {
		if a, b := &forward[i-1], &forward[i]; b.minRet < a.maxCall {
			return z.explain(a, b)
		}
	}
	for i := range backward { // the forward zones are disjoint now: one candidate each
		b := &backward[i]
		k, _ := slices.BinarySearchFunc(forward, b.maxCall, func(f block, t int64) int { return cmp.Compare(f.minRet, t) })
		if k > 0 && b.minRet < forward[k-1].maxCall {
			return z.explain(&forward[k-1], b)
		}
	}
	return nil
}

// explain tells why neither block can come first.
func (z *zones) explain(a, b *block) *Violation {
	// The later of the two offending calls is the answer that should not have been.
	if b.maxCall > a.maxCall && a.first != noOp || b.first == noOp {
		a, b = b, a
	}
	// But an old value after a newer one needs fewer operations to be seen than a
	// newer one after an old one came back.
	if b.last != noOp && a.first != noOp && !z.overwritten(a, b) && z.overwritten(b, a) {
		a, b = b, a
	}
	last := z.ops[a.last]
	b.first = z.nearer(b, a.last)
	ops := []int{a.last, b.first, b.last}
	ops = append(ops, z.between(a)...)
	ops = append(ops, z.between(b)...)
	text := fmt.Sprintf("%s, although %s", tell(last), z.had(b.first, last))
	newer := z.valueAt(b.last)
	older, overwrote := z.writeOf(a.last), z.writeOf(b.first)
	switch {
	case older != noOp && overwrote != noOp && z.ops[older].Return < z.ops[overwrote].Call:
		ops = []int{a.last, b.first, older, overwrote}
		text += fmt.Sprintf("; %s was written after %s: %s, then %s", z.valueAt(b.first), z.valueAt(a.last), tell(z.ops[older]), tell(z.ops[overwrote]))
	case a.first == noOp:
		text += fmt.Sprintf("; %s is what %s held at first", z.clusters[0].value, keyOf(last))
	default:
		ops = append(ops, a.first)
		text += fmt.Sprintf("; %s came after %s: %s, before this was called: %s", newer, z.valueAt(a.first), tell(z.ops[a.first]), tell(z.ops[b.last]))
	}
	kind := "stale read"
	if last.F != history.Read {
		kind = "out of order"
	}
	return &Violation{kind, keyOf(last), unique(ops), text}
}

// overwritten says whether the write of what a's last operation saw returned
// before the write of what b is known by was called.
func (z *zones) overwritten(a, b *block) bool {
	older, newer := z.writeOf(a.last), z.writeOf(z.nearer(b, a.last))
	return older != noOp && newer != noOp && z.ops[older].Return < z.ops[newer].Call
}

// nearer is a witness that b's values were there before an operation was
// called: one of the operation's own session, if there is one.
func (z *zones) nearer(b *block, than int) int {
	in := make(map[history.Value]bool)
	for i := b.head; i >= 0; i = z.clusters[i].next {
		in[z.clusters[i].value] = true
	}
	name := z.ops[than].SessionName()
	for i, op := range z.ops {
		if op.Outcome == history.OK && op.Return < z.call(than) && op.SessionName() == name && in[z.valueAt(i)] {
			return i
		}
	}
	return b.first
}

// writeOf is the write of the value that an operation saw or left.
func (z *zones) writeOf(i int) int { return z.clusters[z.byValue[z.valueAt(i)]].write }

// had tells what was known before an operation was called.
func (z *zones) had(i int, last *history.Op) string {
	op := z.ops[i]
	by := "the same session"
	if op.SessionName() != last.SessionName() {
		by = who(op)
	}
	if op.F == history.Read {
		return fmt.Sprintf("%s had read %s=%s%s", by, keyOf(op), op.Out, at(op))
	}
	return fmt.Sprintf("%s had written %s=%s%s", by, keyOf(op), z.valueAt(i), at(op))
}

// valueAt is the value whose cluster an operation is in.
func (z *zones) valueAt(i int) history.Value {
	op := z.ops[i]
	switch op.F {
	case history.Read:
		return op.Out
	case history.CAS:
		_, to := pair(op.In)
		return to
	}
	return op.In
}

// between are the writes of a block from its first to its last witness.
func (z *zones) between(b *block) []int {
	from, to := 0, 0
	if b.first != noOp {
		from = z.byValue[z.valueAt(b.first)]
	}
	to = z.byValue[z.valueAt(b.last)]
	var path []int
	lo, hi := -1, -1
	for i := b.head; i >= 0; i = z.clusters[i].next {
		if i == from || i == to {
			if lo < 0 {
				lo = len(path)
			}
			hi = len(path)
		}
		path = append(path, i)
	}
	var ops []int
	for _, i := range path[lo : hi+1] {
		if w := z.clusters[i].write; w != noOp {
			ops = append(ops, w)
		}
	}
	return ops
}

func unique(ops []int) []int {
	slices.Sort(ops)
	return slices.Compact(ops)
}
