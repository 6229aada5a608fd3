package check

import (
	"fmt"

	"github.com/parleydb/parley/history"
)

// UniqueIDs checks that no identifier was given out twice: the results of all
// generate operations are different. O(n).
func UniqueIDs(h *history.History) Result {
	const level = "unique-ids"
	res := holds(level, len(h.Ops))
	first := make(map[history.Value]int)
	for _, i := range byCall(h.Ops) {
		op := &h.Ops[i]
		if op.F != history.Generate || op.Outcome != history.OK {
			continue
		}
		j, twice := first[op.Out]
		if !twice {
			first[op.Out] = i
			continue
		}
		res.add(Violation{"identifier twice", op.Key, unique([]int{j, i}), fmt.Sprintf("%s, and %s: the same identifier", tell(&h.Ops[j]), tell(op))})
	}
	if len(first) == 0 {
		return unknown(level, len(h.Ops), "no identifier was generated")
	}
	return res
}
