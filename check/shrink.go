package check

import (
	"slices"

	"github.com/parleydb/parley/history"
)

// window is a sub-history that is still not linearizable.
type window struct {
	keep []int // the operations that are left
}

// shrinkSteps bounds the whole of shrinking, so that explaining a violation
// never costs more than finding it may.
const shrinkSteps = 300_000

// shrink makes a small sub-history of ops that shows the same: first by time,
// then by leaving out reads one after the other (delta debugging, Zeller and
// Hildebrandt, TSE 2002, with single operations as the deltas). Every step keeps
// a proof: a step that could make a good history look bad is not made.
//
//   - What was called after the stuck operation returned cannot explain it.
//   - A cell's past up to some time T may be forgotten, if it then starts with
//     anything in it and what was running at T may be forgotten too, or not.
//   - A read changes nothing: without it, a good order stays good.
func shrink(m machine, start int32, ops []*history.Op, last *history.Op) window {
	meter := Budget{Steps: shrinkSteps}.meter()
	var keep []int
	iv := make([]interval, len(ops))
	for i, op := range ops {
		iv[i] = interval{op.Call, history.Never}
		if op.Outcome == history.OK && op.Return <= last.Return {
			iv[i].ret = op.Return
		}
		if op.Call <= last.Return {
			keep = append(keep, i)
		}
	}
	if c, ok := m.(*cell); ok {
		if k, iv2 := forget(c, iv, keep, meter); k != nil {
			keep, iv, start = k, iv2, anything
		}
	}
	for i := len(keep) - 1; i >= 0; i-- {
		k := keep[i]
		if ops[k] == last || ops[k].F != history.Read {
			continue
		}
		without := slices.Delete(slices.Clone(keep), i, i+1)
		if bad(m, start, iv, without, meter) {
			keep = without
		}
	}
	return window{keep}
}

// forget finds the latest time before which the past may be forgotten.
func forget(m machine, iv []interval, keep []int, meter *meter) ([]int, []interval) {
	var times []int64
	for _, k := range keep {
		times = append(times, iv[k].call)
	}
	slices.Sort(times)
	var best []int
	var bestIv []interval
	lo, hi := 0, len(times) // the past before times[lo-1] may be forgotten, before times[hi] not
	for lo < hi {
		mid := (lo + hi) / 2
		k, v := since(iv, keep, times[mid])
		if bad(m, anything, v, k, meter) {
			best, bestIv, lo = k, v, mid+1
		} else {
			hi = mid
		}
	}
	return best, bestIv
}

// since forgets what returned before t; what was running at t need not happen.
func since(iv []interval, keep []int, t int64) ([]int, []interval) {
	out := slices.Clone(iv)
	var left []int
	for _, k := range keep {
		if iv[k].ret < t {
			continue
		}
		if iv[k].call < t {
			out[k].ret = history.Never
		}
		left = append(left, k)
	}
	return left, out
}

// bad says that the operations in keep have no order; false when in doubt.
func bad(m machine, start int32, iv []interval, keep []int, meter *meter) bool {
	sub := make([]interval, len(keep))
	for i, k := range keep {
		sub[i] = iv[k]
	}
	return newSearch(&renumbered{m, keep}, sub).run(start, meter) == Violated
}

// renumbered is a machine whose operations are a selection of another's.
type renumbered struct {
	machine
	keep []int
}

func (r *renumbered) pure(op int32) bool { return r.machine.pure(int32(r.keep[op])) }

func (r *renumbered) step(state, op int32) (int32, bool) {
	return r.machine.step(state, int32(r.keep[op]))
}
