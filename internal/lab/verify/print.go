package verify

import (
	"bufio"
	"fmt"
	"io"

	"github.com/parleydb/parley/internal/judge"
)

// print tells what was found, and gives the exit code.
func (f *Found) print(w io.Writer, command string) (code int, err error) {
	name := f.File
	if name == "" {
		name = "recording"
	}
	code, err = judge.Print(w, name, f.History, f.Results)
	b := bufio.NewWriter(w)
	for i, m := range f.Faults {
		if i == 0 {
			fmt.Fprintln(b, "faults, and the operations that they touched:")
		}
		fmt.Fprintf(b, "  %6.1f s to %6.1f s  %-36s %6d, of which %d did not succeed\n",
			float64(m.From)/1e9, float64(m.To)/1e9, m.Name, m.Touched, m.NotOK)
	}
	for _, p := range f.Problems {
		fmt.Fprintf(b, "problem: %s\n", p)
	}
	fmt.Fprintf(b, "repeat: %s\n", command)
	if f.File != "" {
		fmt.Fprintf(b, "judge again: parley check %s --level all\n", f.File)
	}
	if ferr := b.Flush(); err == nil {
		err = ferr
	}
	if len(f.Problems) > 0 && code == judge.ExitHolds {
		code = judge.ExitUnknown
	}
	return code, err
}
