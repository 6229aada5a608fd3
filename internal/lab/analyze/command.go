package analyze

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/lab/report"
	"github.com/parleydb/parley/internal/lab/story"
	"github.com/parleydb/parley/internal/lab/verify"
)

// exitBroken: a documented promise was broken, or the analysis failed.
const exitBroken = 1

type flags struct {
	target, out string
	o           Options
}

// Command is `parley lab analyze`.
func Command(targets verify.Targets) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "analyze", Short: "the guarantees of a real database, by what is asked of it",
		Long: story.Paragraphs(`What does a database really give, if one asks it for this or for that? This
starts one (or takes one that runs), and at every level that it offers, at all of
them at the same time, lets clients read and write while things break: first in
three small schedules in which a weak level shows that it is weak, then in
workloads under faults that are drawn from a seed. All is recorded and judged by
every checker of 'parley check' that applies.

It tells for each level the strongest guarantees that held, and for each that did
not the smallest story that shows it; what became of acknowledged writes when the
leader failed; and how that compares with what the database's documents promise.

`+caution) + `

Targets:
  dev                         a cluster of Parley on this machine
  etcd, etcd?nodes=N          etcd from the path, 3 members if not said
  redis, redis?nodes=N        redis-server from the path, a primary and 2 replicas
  parley://H:P,…  etcd://H:P,…  redis://[:PASSWORD@]H:P,…
                              one that runs. Faults cannot be made there (but with
                              parley://?dir=DIR of a 'parley dev'), so little is
                              shown, and it says so. It writes keys of its own.

Exit code 0: what the documents promise was kept in this run. 1: a promise was
broken, or the analysis failed. 2: a wrong command line. 130: interrupted; then
what was recorded by workloads is judged all the same.`,
		Example: `  parley lab analyze
  parley lab analyze --target etcd --out etcd.html
  parley lab analyze --target redis --time 5m`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, targets) },
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.target, "target", "dev", "the database, see above")
	fl.DurationVar(&f.o.Time, "time", 25*time.Second, "how long the workloads run under drawn faults; 0: only the schedules")
	fl.Uint64Var(&f.o.Seed, "seed", 0, "seed of operations and faults (default: drawn, and printed)")
	fl.StringVar(&f.out, "out", "", "write it with pictures to this `file`, as .html")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	return cmd
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &story.ExitError{Code: story.ExitUsage, Err: fmt.Errorf("%w; see `parley lab analyze --help`", err)}
}

// defaultTarget has replicas enough that one can be ahead of another.
func defaultTarget(name string) string {
	if name == "redis" {
		return "redis?nodes=3"
	}
	return name
}

func (f *flags) run(cmd *cobra.Command, targets verify.Targets) error {
	switch {
	case f.o.Time < 0:
		return usage(fmt.Errorf("--time %v: give a time, or 0", f.o.Time))
	case f.out != "" && filepath.Ext(f.out) != ".html":
		return usage(fmt.Errorf("--out %s: the name must end with .html", f.out))
	}
	if f.o.Seed == 0 {
		f.o.Seed = uint64(rand.Uint32()) + 1
	}
	f.o.Command = report.CommandLine("parley", "lab", "analyze", "--target", f.target, "--time", f.o.Time.String(), "--seed", fmt.Sprint(f.o.Seed))
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	result, err := f.analyze(ctx, cmd, targets)
	switch {
	case ctx.Err() != nil && err != nil:
		return &story.ExitError{Code: story.ExitInterrupted, Err: errors.New("interrupted")}
	case errors.Is(err, verify.ErrUnknown):
		return usage(err)
	case err != nil:
		return err
	}
	s := story.On(cmd.OutOrStdout())
	result.tell(s)
	if f.out != "" {
		if err := result.write(f.out); err != nil {
			return fmt.Errorf("the report was not written: %w", err)
		}
		s.Line("")
		s.Line("The report is in %s.", f.out)
	}
	s.Step("Again")
	s.Line("  %s", f.o.Command)
	s.Next("parley lab analyze --target etcd", "parley lab analyze --target redis", "parley verify --help        # one workload, longer, with all faults")
	if ctx.Err() != nil {
		return &story.ExitError{Code: story.ExitInterrupted, Err: errors.New("interrupted")}
	}
	for _, p := range result.Promises() {
		if words, broken := result.Kept(p); broken {
			return &story.ExitError{Code: exitBroken, Err: fmt.Errorf("%s at %s does not keep what %s says: %s", result.Target, p.Mode, p.Source, words)}
		}
	}
	return nil
}

// analyze opens the target, analyzes and closes it.
func (f *flags) analyze(ctx context.Context, cmd *cobra.Command, targets verify.Targets) (result *Analysis, err error) {
	progress := cmd.ErrOrStderr()
	target, err := targets.Open(ctx, defaultTarget(f.target), progress)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := target.Close(); cerr != nil {
			err = errors.Join(err, fmt.Errorf("stopping the target: %w", cerr))
		}
	}()
	// An interrupt ends the workloads; what must be done to leave the target whole
	// is done in time all the same.
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.o.Time+10*time.Minute)
	defer cancel()
	return Run(ctx, hard, target, f.o, progress)
}
