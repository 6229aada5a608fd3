package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// flags are those of parley sim.
type flags struct {
	Options
	seeds    uint64
	trace    bool
	listBugs bool
	listAll  bool
}

// Command is "parley sim".
func Command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run simulated clusters from a seed and judge them",
		Long: `Run whole clusters of the real node code in simulated time, with crashes, torn
and failing disks, flipped bits, pauses, partitions, lost, delayed, doubled and
reordered messages and clocks that jump, and judge what clients saw and what the
nodes did. The same seed and build give the same run: the trace number printed
is a digest of everything that happened.

A profile is a kind of run; a seed picks one unless --profile does. --bug plants
a mistake that the simulator is known to find, to see that it does.

Exit code 0: every promise was kept. 1: one was broken, and the command that
replays it is printed. With --bug 0 means that it was not found.`,
		Example: `  parley sim --seed 7                      one run
  parley sim --seed 7 --trace              with a line for everything that happens
  parley sim --seed 1000 --seeds 500       look for new failures
  parley sim --profile crashes --seeds 50
  parley sim --bug ack-before-sync --seeds 20
  parley sim --bug all --seeds 100         a table of all planted bugs`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := bufio.NewWriter(cmd.OutOrStdout())
			err := f.run(out, cmd.ErrOrStderr())
			if flushed := out.Flush(); err == nil {
				err = flushed
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.Uint64Var(&f.Seed, "seed", 1, "first seed")
	fl.Uint64Var(&f.seeds, "seeds", 1, "how many seeds, counted up from --seed")
	fl.IntVar(&f.Ops, "ops", DefaultOps, "operations of clients in each run")
	fl.IntVar(&f.Nodes, "nodes", DefaultNodes, fmt.Sprintf("nodes of each cluster, 1 to %d", maxNodes))
	fl.StringVar(&f.Profile, "profile", "", "kind of run: see --list (default: the seed picks one; with --bug, the one that shows it best)")
	fl.StringVar(&f.Bug, "bug", "", "plant a known mistake: see --list-bugs; all for a table of how often each is found")
	fl.BoolVar(&f.trace, "trace", false, "print a line for everything that happens")
	fl.BoolVar(&f.listBugs, "list-bugs", false, "list the planted bugs")
	fl.BoolVar(&f.listAll, "list", false, "list the profiles, the checkers and the planted bugs")
	return cmd
}

// The defaults of a run.
const (
	DefaultOps   = 300
	DefaultNodes = 3
)

func (f *flags) run(out *bufio.Writer, progress io.Writer) error {
	switch {
	case f.seeds < 1:
		return optionError{errors.New("--seeds must be at least 1")}
	case f.listBugs || f.listAll:
		list(out, f.listAll)
		return nil
	case f.Bug == "all":
		return table(out, progress, f.Options, f.seeds)
	case f.trace:
		f.Trace = out
	}
	start, broken := time.Now(), 0
	for seed := f.Seed; seed < f.Seed+f.seeds; seed++ {
		o := f.Options
		o.Seed = seed
		rep, err := Run(o)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, rep)
		if rep.Unjudged {
			fmt.Fprintln(out, "  not judged: linearizability of the pairs of keys took too long")
		}
		for _, v := range rep.Violations {
			fmt.Fprintf(out, "  %v\n", v)
		}
		if len(rep.Violations) > 0 {
			broken++
			fmt.Fprintf(out, "  replay with: %s\n", replay(o, rep.Profile))
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "seeds %d, broken %d, took %v\n", f.seeds, broken, time.Since(start).Round(time.Millisecond))
	if broken > 0 {
		return fmt.Errorf("%d of %d seeds broke a promise", broken, f.seeds)
	}
	return nil
}

// String is a run in a line.
func (r Report) String() string {
	return fmt.Sprintf("seed %d %s trace %016x: %v simulated, %d faults, ok %d, failed %d, unknown %d",
		r.Seed, r.Profile, r.Trace, r.Elapsed.Round(time.Millisecond), r.Faults, r.Outcome["ok"], r.Outcome["failed"], r.Outcome["unknown"])
}

// replay is the command that runs the same again.
func replay(o Options, profile string) string {
	s := fmt.Sprintf("parley sim --seed %d --ops %d --nodes %d --profile %s", o.Seed, o.Ops, o.Nodes, profile)
	if o.Bug != "" {
		s += " --bug " + o.Bug
	}
	return s
}

func list(out io.Writer, all bool) {
	if all {
		fmt.Fprintln(out, "profiles:")
		for _, p := range profiles {
			fmt.Fprintf(out, "  %-24s %s\n", p.name, p.about)
		}
		fmt.Fprintln(out, "checkers:")
		for _, c := range append(checkers[:len(checkers):len(checkers)], watchers...) {
			fmt.Fprintf(out, "  %-24s %s\n", c.name, c.about)
		}
		fmt.Fprintln(out, "planted bugs:")
	}
	for _, b := range Bugs {
		fmt.Fprintf(out, "  %-24s %s (checker %s, profile %s)\n", b.Name, b.About, b.Checker, b.Profile)
	}
}

// Hunt is how a planted bug fares over a number of seeds.
type Hunt struct {
	Found int // seeds in which the checker that is meant for it found it
	First uint64
	Any   int // seeds in which any checker found something
}

// hunt runs a planted bug over seeds, until its checker has found it so often.
func hunt(b Bug, o Options, seeds uint64, enough int) (h Hunt, err error) {
	o.Bug = b.Name
	for seed, end := o.Seed, o.Seed+seeds; seed < end && h.Found < enough; seed++ {
		o.Seed = seed
		rep, err := Run(o)
		if err != nil {
			return h, err
		}
		if len(rep.Violations) > 0 {
			h.Any++
		}
		for _, v := range rep.Violations {
			if v.Checker == b.Checker {
				if h.Found++; h.Found == 1 {
					h.First = seed
				}
			}
		}
	}
	return h, nil
}

// table prints, as Markdown, in how many seeds each planted bug is found.
func table(out *bufio.Writer, progress io.Writer, o Options, seeds uint64) error {
	fmt.Fprintf(out, "| bug | what it is | profile | checker | found by it in %d seeds | by any |\n|---|---|---|---|--:|--:|\n", seeds)
	missed := 0
	for i, b := range Bugs {
		fmt.Fprintf(progress, "%d of %d: %s\n", i+1, len(Bugs), b.Name)
		h, err := hunt(b, o, seeds, int(seeds)+1)
		if err != nil {
			return err
		}
		if h.Found == 0 {
			missed++
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %d | %d |\n", b.Name, b.About, b.Profile, b.Checker, h.Found, h.Any)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d planted bugs were not found by their checkers in %d seeds: try more with --seeds", missed, seeds)
	}
	return nil
}
