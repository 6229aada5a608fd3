package main

import (
	"maps"
	"os"
	"slices"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/report"
)

// writeReport is what `parley check --report` writes. What the history's header
// says of its origin are the facts.
func writeReport(path string, h *history.History, results []check.Result) error {
	in := report.Input{
		Title: "What a recorded history shows", Command: report.CommandLine(append([]string{"parley"}, os.Args[1:]...)...),
		History: h, Results: results,
	}
	for _, name := range slices.Sorted(maps.Keys(h.Header.Meta)) {
		in.Facts = append(in.Facts, [2]string{name, h.Header.Meta[name]})
	}
	return report.WriteFile(path, in)
}
