package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/judge"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/nemesis"
	"github.com/parleydb/parley/internal/lab/report"
	"github.com/parleydb/parley/internal/lab/workload"
)

// Targets open targets by the scheme of `--target`.
type Targets map[string]lab.Opener

// ErrUnknown is the error of Open for a scheme that is not among the targets.
var ErrUnknown = errors.New("unknown target")

// Report writes a report, for --report.
type Report func(w io.Writer, in report.Input) error

type flags struct {
	target, workload, report string
	faults                   []string
	o                        Options
}

// Command is `parley verify`. Its errors are *judge.ExitError, whose code the
// caller passes on. With a report writer it has the flag --report.
func Command(targets Targets, write Report) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Run a workload against a database, break it, and judge what it did",
		Long: `Run a workload against a database while faults are made, record every operation,
and judge the recording: which consistency it kept, and if not, a minimal proof.

Targets:
` + describeTargets(targets) + `
Workloads:
` + describeWorkloads() + `
Faults: all, none, or kinds with commas between; some have shapes. With + between
they come together, the second while the first is there, as in partition+kill:
  ` + wrap(nemesis.Names()) + `
They are drawn from --seed, one or two at a time. The same seed and flags give the
same schedule; what the database makes of it also depends on its timing.
disk:flip damages a node's log: it must refuse to start, and stays out.

--at is the level that operations ask for, in the target's words. --level is what
the recording is judged by, as in 'parley check --level'. Without it, it is the
workload's own, or the promise of --at session, causal or bounded:<duration> for
the workloads register and session.

Ctrl-C ends the workload; what was recorded is judged. A second one ends it all.

Exit code 0: every level holds. 1: some level is violated. 2: unknown: the budget
ran out, a fault could not be made or touched no operation, a node did not come
back, or the command line cannot be read.`,
		Example: `  parley verify                                            # must hold
  parley verify --workload append --faults partition,kill --time 2m --report run.html
  parley verify --target parley://127.0.0.1:7001?dir=./cluster --faults pause
  parley verify --history run.jsonl && parley check run.jsonl --level all

  # What must not hold: exit code 1 and a proof.
  parley verify --workload session --at eventual --level ryw --faults partition:halves
  parley verify --target etcd --at serializable --faults partition:halves
  parley verify --target 'redis?nodes=2' --workload set --faults delay+kill
  parley verify --target 'redis?nodes=3&sentinel=yes' --workload set --faults partition:halves --seed 1
  parley verify --target redis --workload session --at replica --faults delay`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			code, err := f.run(cmd, targets, write)
			if code == judge.ExitHolds && err == nil {
				return nil
			}
			return &judge.ExitError{Code: code, Err: err}
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.target, "target", "dev", "the database: "+strings.Join(schemes(targets), ", "))
	fl.StringVar(&f.workload, "workload", "register", "what clients do: "+strings.Join(workload.Names(), ", "))
	fl.StringSliceVar(&f.faults, "faults", []string{"partition", "kill", "pause"}, "faults to make, see above")
	fl.DurationVar(&f.o.Time, "time", time.Minute, "how long the workload runs")
	fl.StringVar(&f.o.At, "at", "", "level that operations ask for (default: the target's own)")
	fl.StringSliceVar(&f.o.Levels, "level", nil, "levels to judge by, with commas between; all for every one that applies")
	fl.IntVar(&f.o.Clients, "clients", 15, "clients, each doing one operation at a time")
	fl.Float64Var(&f.o.Rate, "rate", 500, "operations a second, of all clients; 0: as fast as they can")
	fl.Uint64Var(&f.o.Seed, "seed", 0, "seed of operations and faults (default: drawn, and printed)")
	fl.DurationVar(&f.o.Pace.Fault, "fault-time", 6*time.Second, "how long a fault lasts, about")
	fl.DurationVar(&f.o.Pace.Quiet, "quiet-time", 4*time.Second, "time between faults, about, and before the first")
	fl.DurationVar(&f.o.OpTimeout, "op-timeout", 3*time.Second, "time after which an operation's outcome is unknown")
	fl.DurationVar(&f.o.Judge, "judge-timeout", 2*time.Minute, "most time of a search, for each level; more is unknown (0: no limit)")
	fl.StringVar(&f.o.History, "history", "", "keep the recording in this file")
	fl.BoolVar(&f.o.Discard, "discard", false, "record nothing, to see what recording costs; the verdict is then unknown")
	_ = fl.MarkHidden("discard") // it exists
	if write != nil {
		fl.StringVar(&f.report, "report", "", "write a report to this HTML file")
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &judge.ExitError{Code: judge.ExitUnknown, Err: fmt.Errorf("%w; see parley verify --help", err)}
	})
	return cmd
}

func schemes(targets Targets) (names []string) {
	for name := range targets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// known tells of the targets that a build may have.
var known = map[string]string{
	"dev": `  dev                  a cluster of Parley on this machine, started for the run;
                       dev?nodes=5&sites=2&serve=--fsync=false says more
                       --at linearizable (default), session, causal,
                       bounded:<duration>, eventual
`,
	"parley": `  parley://H:P,H:P     nodes of Parley that run; with ?dir=DIR of a 'parley dev',
                       also without addresses, faults can be made
`,
	"etcd": `  etcd                 etcd, started for the run from the installed program, three
                       members or etcd?nodes=N; etcd://H:P,H:P are some that run
                       --at linearizable (default) or serializable
`,
	"redis": `  redis                Redis, started for the run from the installed program: a
                       primary and a replica, or redis?nodes=N; with
                       redis?nodes=3&sentinel=yes Sentinel decides on failovers,
                       else the lab does; redis://[:PASSWORD@]H:P,H:P run already
                       --at primary (default), replica (reads), wait (WAIT)
`,
}

func describeTargets(targets Targets) (text string) {
	for _, name := range schemes(targets) {
		if about, ok := known[name]; ok {
			text += about
		} else {
			text += "  " + name + "\n"
		}
	}
	return text
}

func describeWorkloads() (text string) {
	for _, w := range workload.All() {
		text += fmt.Sprintf("  %-10s %s\n%13sjudged by %s\n", w.Name, w.About, "", strings.Join(w.Levels, ", "))
	}
	return text
}

// wrap sets names in lines of the help.
func wrap(names []string) string {
	var b strings.Builder
	width := 0
	for i, n := range names {
		if i > 0 {
			b.WriteString(",")
		}
		if width += len(n) + 2; width > 76 {
			b.WriteString("\n  ")
			width = len(n) + 2
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(n)
	}
	return b.String()
}

// repeat is the command line that runs the same again.
func (f *flags) repeat(cmd *cobra.Command) string {
	parts := []string{"parley verify"}
	cmd.Flags().VisitAll(func(fl *pflag.Flag) {
		value := fl.Value.String()
		if list, ok := fl.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		if fl.Name == "seed" || fl.Changed && fl.Name != "history" && fl.Name != "report" {
			parts = append(parts, "--"+fl.Name+" "+quote(value))
		}
	})
	return strings.Join(parts, " ")
}

func quote(s string) string {
	if s != "" && !strings.ContainsAny(s, " ?&*'\"$;<>|()") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// complete checks the flags.
func (f *flags) complete() (err error) {
	if f.o.Workload, err = workload.Named(f.workload); err != nil {
		return err
	}
	for i := range f.o.Levels {
		f.o.Levels[i] = strings.TrimSpace(f.o.Levels[i])
	}
	if err := checkLevels(f.o.Levels); err != nil {
		return err
	}
	for name, d := range map[string]time.Duration{"time": f.o.Time, "fault-time": f.o.Pace.Fault, "op-timeout": f.o.OpTimeout} {
		if d <= 0 {
			return fmt.Errorf("--%s %v: give a time above zero", name, d)
		}
	}
	switch {
	case f.o.Pace.Quiet < 0 || f.o.Judge < 0:
		return errors.New("--quiet-time and --judge-timeout must not be negative")
	case f.o.Clients < 1 || f.o.Clients > 10_000:
		return fmt.Errorf("--clients %d: give 1 to 10000", f.o.Clients)
	case f.o.Rate < 0:
		return fmt.Errorf("--rate %v: give operations a second, or 0", f.o.Rate)
	}
	if f.o.Seed == 0 {
		f.o.Seed = uint64(rand.Uint32()) + 1
	}
	return nil
}

func (f *flags) run(cmd *cobra.Command, targets Targets, write Report) (code int, err error) {
	if err := f.complete(); err != nil {
		return judge.ExitUnknown, err
	}
	f.o.Command = f.repeat(cmd)
	ctx, hard, stop := twice(cmd.Context())
	defer stop()
	progress := cmd.ErrOrStderr()
	target, err := targets.Open(ctx, f.target, progress)
	if err != nil {
		return judge.ExitUnknown, err
	}
	defer func() {
		if cerr := target.Close(); cerr != nil && err == nil {
			code, err = max(code, judge.ExitUnknown), fmt.Errorf("stopping the target: %w", cerr)
		}
	}()
	if f.o.At != "" && !offers(target.Levels(), f.o.At) {
		return judge.ExitUnknown, fmt.Errorf("--at %s: %s has the levels %s", f.o.At, target.Name(), strings.Join(target.Levels(), ", "))
	}
	if f.o.Faults, err = nemesis.Parse(f.chosen(cmd, target), target.Faults(), len(target.Nodes())); err != nil {
		return judge.ExitUnknown, err
	}
	_, _ = fmt.Fprintf(progress, "%s on %s, seed %d, %v\n", f.workload, target.Name(), f.o.Seed, f.o.Time)
	found, err := Run(ctx, hard, target, f.o, progress)
	if err != nil {
		return judge.ExitUnknown, err
	}
	if code, err = found.print(cmd.OutOrStdout(), f.o.Command); err != nil {
		return judge.ExitUnknown, err
	}
	if f.report != "" {
		if err := f.writeReport(target, found, write); err != nil {
			return judge.ExitUnknown, fmt.Errorf("writing the report: %w", err)
		}
	}
	return code, nil
}

// chosen are the faults asked for; those that nobody asked for are left out
// where a target does not offer them.
func (f *flags) chosen(cmd *cobra.Command, target lab.Target) (names []string) {
	if cmd.Flags().Changed("faults") {
		return f.faults
	}
	for _, name := range f.faults {
		if slices.Contains(target.Faults(), lab.FaultKind(name)) {
			names = append(names, name)
		}
	}
	return names
}

// offers says whether a level is one of a target's; "bounded:<duration>" stands
// for any duration.
func offers(levels []string, level string) bool {
	return slices.ContainsFunc(levels, func(l string) bool {
		prefix, _, open := strings.Cut(l, "<")
		return l == level || open && strings.HasPrefix(level, prefix)
	})
}

// Open opens what `--target` names: a scheme alone, with a query behind, or with
// "://" and the rest.
func (targets Targets) Open(ctx context.Context, text string, out io.Writer) (lab.Target, error) {
	scheme, spec, ok := strings.Cut(text, "://")
	if !ok {
		if scheme, spec, ok = strings.Cut(text, "?"); ok {
			spec = "?" + spec
		}
	}
	open := targets[scheme]
	if open == nil {
		return nil, fmt.Errorf("%w %q; there are %s", ErrUnknown, text, strings.Join(schemes(targets), ", "))
	}
	return open(ctx, spec, out)
}

// twice makes a context of a second signal: the first ends ctx.
func twice(ctx context.Context) (first, second context.Context, stop func()) {
	if ctx == nil {
		ctx = context.Background()
	}
	second, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	first, cancelFirst := context.WithCancel(ctx)
	unhook := context.AfterFunc(ctx, func() {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		select {
		case <-signals:
			cancel()
		case <-second.Done():
		}
	})
	return first, second, func() {
		unhook()
		signal.Stop(signals)
		cancelFirst()
		cancel()
	}
}

func (f *flags) writeReport(target lab.Target, found *Found, write Report) (err error) {
	file, err := os.Create(f.report)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	in := report.Input{
		Title: fmt.Sprintf("%s on %s", f.workload, target.Name()), Command: f.o.Command,
		History: found.History, Results: found.Results,
		Facts: [][2]string{{"target", target.Name()}, {"workload", f.workload}, {"level asked for", f.at(target)},
			{"seed", fmt.Sprint(f.o.Seed)}, {"clients", fmt.Sprint(f.o.Clients)}, {"time", f.o.Time.String()}},
	}
	for _, m := range found.Faults {
		in.Faults = append(in.Faults, report.Fault{Name: m.Name, From: m.From, To: m.To})
	}
	for _, p := range found.Problems {
		in.Facts = append(in.Facts, [2]string{"problem", p})
	}
	return write(file, in)
}

func (f *flags) at(target lab.Target) string {
	if f.o.At != "" {
		return f.o.At
	}
	return target.Levels()[0]
}
