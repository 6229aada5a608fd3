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
	if p.done {
		return p.res
	}
	j(&p)
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
// go those that read from it: what is left is a history that a correct
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

// readersOf says, for operations of a sub-history, which others read from them.
func (p *prepared) readersOf(ops []int) map[int][]int {
	in := make(map[int]bool, len(ops))
	for _, i := range ops {
		in[i] = true
	}
	out := make(map[int][]int)
	for t := range int32(p.x.len()) {
		if r := int(p.x.op[t]); in[r] {
			lo, hi := p.x.reads(t)
			for _, f := range p.x.rFrom[lo:hi] {
				if f >= 0 && in[int(p.x.op[f])] {
					w := int(p.x.op[f])
					out[w] = append(out[w], r)
				}
			}
		}
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
	sub := &history.History{Header: p.x.h.Header}
	for _, i := range ops {
		sub.Ops = append(sub.Ops, p.x.h.Ops[i])
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
