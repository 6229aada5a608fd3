package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/internal/lab/nemesis"
	"github.com/parleydb/parley/internal/lab/workload"
)

// Options say what to run.
type Options struct {
	Workload  workload.Workload
	At        string   // the level that operations ask for; "" is the target's default
	Levels    []string // judged; none: what the workload and At promise
	Faults    []nemesis.Wish
	Pace      nemesis.Pace
	Time      time.Duration // of the workload
	OpTimeout time.Duration // of one operation
	Clients   int
	Rate      float64 // operations a second, of all clients; 0: as fast as they can
	Seed      uint64
	Judge     time.Duration // most time for the verdict at each level; 0: no limit
	History   string        // file to keep; "" keeps none
	Command   string        // repeats the run, for the report and the history's header

	discard bool // record nothing: to measure what recording costs
}

// levels are what to judge by. Without a wish it is what the workload is about;
// for single reads and writes at a level of Parley with a promise of its own, it
// is that promise.
func (o *Options) levels() []string {
	if len(o.Levels) > 0 {
		return o.Levels
	}
	if o.Workload.Name != "register" && o.Workload.Name != "session" {
		return o.Workload.Levels
	}
	switch {
	case o.At == "session":
		return []string{"ryw", "mr", "mw", "wfr"}
	case o.At == "causal":
		return []string{"causal"}
	case strings.HasPrefix(o.At, "bounded:"):
		return []string{o.At}
	}
	return o.Workload.Levels
}

// checkLevels refuses names that package check does not know.
func checkLevels(names []string) error {
	for _, n := range names {
		if d, ok := strings.CutPrefix(n, "bounded:"); ok {
			if t, err := time.ParseDuration(d); err != nil || t < 0 {
				return fmt.Errorf("bounded needs a duration, as in bounded:200ms, not %q", d)
			}
		} else if n != "all" && !slices.Contains(check.LevelNames(), n) {
			return fmt.Errorf("unknown level %q; there are %s, bounded:<duration>, all", n, strings.Join(check.LevelNames(), ", "))
		}
	}
	return nil
}
