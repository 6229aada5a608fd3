package check

import (
	"cmp"
	"slices"

	"github.com/parleydb/parley/history"
)

// byCall are the numbers of the operations by call, then by number.
func byCall(ops []history.Op) []int {
	out := make([]int, len(ops))
	sorted := true
	for i := range ops {
		out[i] = i
		sorted = sorted && (i == 0 || ops[i-1].Call <= ops[i].Call)
	}
	if !sorted {
		slices.SortFunc(out, func(a, b int) int { return cmp.Or(cmp.Compare(ops[a].Call, ops[b].Call), cmp.Compare(a, b)) })
	}
	return out
}

// add appends a violation, up to maxViolations.
func (r *Result) add(v Violation) {
	r.Verdict = Violated
	if len(r.Violations) < maxViolations {
		r.Violations = append(r.Violations, v)
	}
}
