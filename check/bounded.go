package check

import (
	"fmt"
	"time"

	"github.com/parleydb/parley/history"
)

// BoundedStaleness checks that writes are linearizable and that a read returns
// what the key held at some moment between its call and its return, or in the
// time delta before its call: Delta-atomicity (Golab, Li and Shah, "Analyzing
// Consistency Properties for Fun and Profit", PODC 2011). It is decided as
// there: every read is taken to have been called delta earlier, and the rest is
// Linearizable, with its costs. A delta of 0 is linearizability.
func BoundedStaleness(ops []history.Op, m Model, delta time.Duration, b Budget) Result {
	early := make([]history.Op, len(ops))
	for i, op := range ops {
		if op.F == history.Read {
			op.Call -= int64(delta)
		}
		early[i] = op
	}
	r := Linearizable(early, m, b)
	r.Level = "bounded:" + delta.String()
	for i := range r.Violations {
		v := &r.Violations[i]
		v.Text += fmt.Sprintf(" (a staleness of %v, which is allowed, does not explain it)", delta)
	}
	return r
}
