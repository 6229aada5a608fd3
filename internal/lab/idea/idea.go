package idea

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

// idea is one idea of the course and the command that shows it.
type idea struct {
	name    string
	section string // one of sections
	short   string
	long    string // what it is, what the command does, what to look at
	example string
	// flags adds flags of its own, if it has any.
	flags func(*pflag.FlagSet)
	// run makes it happen and tells it on the stage. The picture is for --out.
	run func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error)
}

// The sections of the course, which `parley lab list` groups by.
const (
	inFailures    = "failures"
	inClocks      = "clocks"
	inCAP         = "cap"
	inConsistency = "consistency"
)

var sections = []struct{ id, title string }{
	{inFailures, "What can fail, and what cannot be agreed on"},
	{inClocks, "Clocks"},
	{inCAP, "CAP"},
	{inConsistency, "Consistency"},
}

// ideas is the table of all ideas, in the order of the course. `analyze`, the
// guarantees of a database that is given or started, is package analyze, and
// comes to Command from outside.
func ideas() []idea {
	return []idea{
		remoteCall(),
		fallacies(),
		twoGenerals(),
		byzantine(),
		clockSkew(),
		lamport(),
		vector(),
		hybrid(),
		partition(),
		sessions(),
	}
}
