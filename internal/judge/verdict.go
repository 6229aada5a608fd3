package judge

import (
	"io"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// Print tells the verdicts on a history as `parley check` does, and gives the
// exit code that goes with them. name is the history's file.
func Print(w io.Writer, name string, h *history.History, results []check.Result) (code int, err error) {
	v := verdicts{File: name, Format: history.Parley, Model: check.ModelOf(h), h: h, results: results}
	return v.exit(), v.print(w, false)
}
