package check

import (
	"slices"

	"github.com/parleydb/parley/history"
)

// judge finds what is wrong with a prepared history, and adds it to p.res.
type judge func(p *prepared)

// weak runs a judge and makes what it shows minimal.
func weak(h *history.History, level string, j judge) Result {
	p := prepare(h, level)
	if !p.done {
		j(&p)
	} else if p.x == nil {
		return p.res
	}
	for i := range p.res.Violations {
		p.res.Violations[i] = p.minimal(p.res.Violations[i], j)
	}
	return p.res
}

// maxMinimal is the size of a sub-history that is still made smaller, operation
// by operation.
const maxMinimal = 400

// minimal leaves out operations while the judge still finds the sub-history
// wrong (delta debugging, Zeller and Hildebrandt, TSE 2002). With an operation
// go the reads that saw what it wrote: what is left is a history that a correct
// database could have given whenever it could have given the whole, so that a
// violation in it is one of the whole. The story is told anew from what is left.
func (p *prepared) minimal(v Violation, j judge) Violation {
	if len(v.Ops) > maxMinimal {
		return v
	}
	readers := p.readersOf(v.Ops)
	best, found := p.judgeSub(v.Ops, j)
	if !found { // the story leaves something out; nothing smaller than it is known
		return v
	}
	keep := v.Ops
	for again := true; again; {
		again = false
		for i := len(keep) - 1; i >= 0 && i < len(keep); i-- {
			without := dropWith(keep, keep[i], readers)
			if w, ok := p.judgeSub(without, j); ok {
				keep, best, again = without, w, true
			}
		}
	}
	best.Ops = keep
	return best
}

// readersOf says, for operations of a sub-history, which single operations read
// from them. (Transactions lose only the step that read.)
func (p *prepared) readersOf(ops []int) map[int][]int {
	x := p.x
	out := make(map[int][]int)
	for i, t := range p.transactions(ops) {
		if t < 0 || x.opOf(t).F == history.Txn {
			continue
		}
		lo, hi := x.reads(t)
		for _, f := range x.rFrom[lo:hi] {
			if f >= 0 {
				out[int(x.op[f])] = append(out[int(x.op[f])], ops[i])
			}
		}
	}
	return out
}

// transactions are the numbers of operations as transactions.
func (p *prepared) transactions(ops []int) []int32 {
	if p.txnOf == nil {
		p.txnOf = make([]int32, len(p.x.h.Ops))
		for i := range p.txnOf {
			p.txnOf[i] = -1
		}
		for t, i := range p.x.op {
			p.txnOf[i] = int32(t)
		}
	}
	out := make([]int32, len(ops))
	for i, o := range ops {
		out[i] = p.txnOf[o]
	}
	return out
}

// dropWith leaves out an operation and all that read from what is left out.
func dropWith(ops []int, drop int, readers map[int][]int) []int {
	gone := map[int]bool{drop: true}
	for queue := []int{drop}; len(queue) > 0; queue = queue[1:] {
		for _, r := range readers[queue[0]] {
			if !gone[r] {
				gone[r] = true
				queue = append(queue, r)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(i int) bool { return gone[i] })
}

// judgeSub judges a selection of the operations by itself.
func (p *prepared) judgeSub(ops []int, j judge) (Violation, bool) {
	in := make(map[int]bool, len(ops))
	for _, i := range ops {
		in[i] = true
	}
	sub := &history.History{Header: p.x.h.Header}
	for i, t := range p.transactions(ops) {
		sub.Ops = append(sub.Ops, p.without(ops[i], t, in))
	}
	q := prepare(sub, p.level)
	if !q.done {
		j(&q)
	}
	if q.res.Verdict != Violated {
		return Violation{}, false
	}
	return q.res.Violations[0], true
}

// without is an operation without the steps of a transaction that read from
// operations that are not in the selection.
func (p *prepared) without(i int, t int32, in map[int]bool) history.Op {
	x := p.x
	op := x.h.Ops[i]
	if t < 0 || op.F != history.Txn {
		return op
	}
	lo, hi := x.reads(t)
	for r := lo; r < hi; r++ {
		f := x.rFrom[r]
		if f == fromInit || f >= 0 && in[int(x.op[f])] {
			continue
		}
		own := false
		var left []history.Step
		for _, s := range op.Txn {
			same := keyOf(&history.Op{Keyspace: op.Keyspace, Key: s.Key}) == x.keys[x.rKey[r]]
			own = own || same && s.F != history.Read
			if same && !own && s.F == history.Read && (f == fromOutside || s.Out == p.value(f, x.rKey[r])) {
				continue
			}
			left = append(left, s)
		}
		op.Txn = left
	}
	return op
}
