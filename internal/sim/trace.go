package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"
)

// tracer writes a line for everything that happens in a run, and folds the
// lines into one number: the same seed gives the same lines.
type tracer struct {
	out io.Writer // nil: the number only
	sum *xxhash.Digest
	buf []byte
}

func newTracer(out io.Writer) *tracer { return &tracer{out: out, sum: xxhash.New()} }

// note adds a line: when, and what.
func (t *tracer) note(at time.Duration, format string, args ...any) {
	b := fmt.Appendf(t.buf[:0], "%.6f ", at.Seconds())
	b = append(fmt.Appendf(b, format, args...), '\n')
	t.buf = b
	t.sum.Write(b) // a hash takes everything
	if t.out != nil {
		if _, err := t.out.Write(b); err != nil {
			t.out = nil // whoever reads has gone; the run goes on
		}
	}
}
