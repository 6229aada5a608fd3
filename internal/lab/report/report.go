// Package report writes what the lab found as one HTML file that opens without
// a network: verdicts, latency and rate over time with the faults, and the
// minimal violation as a space-time diagram.
//
// It knows recorded histories and verdicts, not how they came about.
package report

import (
	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// Input is all that a report shows.
type Input struct {
	Title   string
	Command string // repeats the run
	History *history.History
	Results []check.Result
	Faults  []Fault
	Facts   [][2]string // name and value: target, workload, seed, version
}

// Fault is when a fault was in force, on the history's clock (nanoseconds).
type Fault struct {
	Name     string
	From, To int64
}
