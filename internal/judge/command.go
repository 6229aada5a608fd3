package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// The exit codes of `parley check`.
const (
	ExitHolds    = 0 // every level holds
	ExitViolated = 1 // some level is violated
	ExitUnknown  = 2 // none is violated, some is unknown; or the file or the command line cannot be read
)

// ExitError carries an exit code. Its text is empty if everything has been said.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap is the cause, nil if there is only a verdict.
func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode is the code that the process should end with.
func (e *ExitError) ExitCode() int { return e.Code }

// Report writes a report of a judged history to a file, for --report.
type Report func(path string, h *history.History, results []check.Result) error

// flags are what the command line says.
type flags struct {
	format, model, initial string
	levels                 []string
	steps                  int64
	timeout                time.Duration
	json                   bool
	report                 string
	maxOps                 int
	maxLine                int
	total                  int64
	overdraft, strict      bool
	floor, ceiling         int64
}

// Run runs `parley check` with the given arguments and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := Command(nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.Execute()
	if err == nil {
		return ExitHolds
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "parley check: %s\n", text)
	}
	if exit := (*ExitError)(nil); errors.As(err, &exit) {
		return exit.Code
	}
	return ExitUnknown
}

// Command is `parley check`. Its errors are *ExitError, whose code the caller
// passes on. With a report writer the command has the flag --report.
func Command(report Report) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Judge a recorded history: which consistency levels hold",
		Long: `Judge a recorded history, and show for every level that does not hold a minimal
part of the history and what is wrong with it, in words. FILE may be - for
standard input.

Levels, or "all" for those that say something about the history; without --level
it is the strongest of these:
` + table(append(check.LevelNames(), check.Bounded), check.LevelAbout) + `
Models, what the keys hold:
` + table(check.ModelNames(), check.ModelAbout) + `
Definitions, papers, costs and formats are told in docs/checking.md.

Exit code 0: every level holds. 1: some level is violated. 2: unknown, because
the budget ran out or the history does not say enough, or the file cannot be read.`,
		Example: `  parley check run.jsonl
  parley check run.jsonl --level all
  parley check etcd.edn --model cas-register --level linearizable,sequential
  parley check cart.jsonl --level bounded:200ms,ryw --json
  parley check run.jsonl --level all --report run.html`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &ExitError{ExitUnknown, fmt.Errorf("want one file, or - for standard input; see parley check --help")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], report) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", history.Auto, "format of the file: "+strings.Join(history.Formats(), ", "))
	fl.StringVar(&f.model, "model", "", "what the keys hold: "+strings.Join(check.ModelNames(), ", ")+" (default: the header's, or by the operations)")
	fl.StringSliceVar(&f.levels, "level", nil, "levels to judge, separated by commas; all for every one that applies")
	fl.StringVar(&f.initial, "initial", "", "value of every key before the first operation; null for none (default: the header's)")
	fl.Int64Var(&f.steps, "steps", check.DefaultSteps, "most steps of a search, for each level; more is unknown")
	fl.DurationVar(&f.timeout, "timeout", 0, "most time of a search, for each level; more is unknown (default: no limit but --steps)")
	fl.BoolVar(&f.json, "json", false, "print one JSON object instead of text")
	fl.IntVar(&f.maxOps, "max-ops", history.DefaultLimits().Ops, "most operations of a file")
	fl.IntVar(&f.maxLine, "max-line", history.DefaultLimits().Line, "most bytes of a line")
	fl.Int64Var(&f.total, "total", 0, "bank: what all accounts hold together (default: the initial values, or the first read)")
	fl.BoolVar(&f.overdraft, "overdraft", false, "bank: balances may be below zero")
	fl.BoolVar(&f.strict, "strict", false, "set-full: a read that misses a known element for a while is a violation too")
	fl.Int64Var(&f.floor, "min", 0, "counter: no answer may be lower (default: no limit)")
	fl.Int64Var(&f.ceiling, "max", 0, "counter: no answer may be higher (default: no limit)")
	if report != nil {
		fl.StringVar(&f.report, "report", "", "write what was found to this HTML file, with pictures; it opens without a network")
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &ExitError{ExitUnknown, fmt.Errorf("%w; see parley check --help", err)}
	})
	return cmd
}

// table has a line for each name.
func table(names []string, about func(string) string) string {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "  %-20s %s\n", n, about(n))
	}
	return b.String()
}

func (f *flags) run(cmd *cobra.Command, path string, report Report) error {
	say := progress{w: cmd.ErrOrStderr(), wait: quiet}
	var h *history.History
	var format string
	var err error
	in := &counted{}
	say.during("reading "+path, in.n.Load, func() { h, format, err = f.read(cmd.InOrStdin(), in, path) })
	if err != nil {
		return &ExitError{ExitUnknown, err}
	}
	if cmd.Flags().Changed("initial") {
		h.Header.Initials = nil
		h.Header.Initial = history.String(f.initial)
		if f.initial == "null" {
			h.Header.Initial = history.Nil
		}
	}
	if _, err := check.ModelNamed(h.Header.Model, &h.Header); h.Header.Model != "" && f.model == "" && err != nil {
		return &ExitError{ExitUnknown, fmt.Errorf("%s: line 1: %w; another can be chosen with --model", path, err)}
	}
	if f.model != "" {
		if _, err := check.ModelNamed(f.model, &h.Header); err != nil {
			return &ExitError{ExitUnknown, err}
		}
		h.Header.Model = f.model
	}
	v := verdicts{File: path, Format: format, Model: check.ModelOf(h), h: h}
	for _, name := range f.levelsOf(h) {
		var r check.Result
		say.during("judging "+name, nil, func() { r, err = check.Judge(h, name, f.options(cmd)) })
		if err != nil {
			return &ExitError{ExitUnknown, err}
		}
		v.results = append(v.results, r)
	}
	if err := v.print(cmd.OutOrStdout(), f.json); err != nil {
		return &ExitError{ExitUnknown, fmt.Errorf("writing the verdict: %w", err)}
	}
	if f.report != "" {
		if err := report(f.report, h, v.results); err != nil {
			return &ExitError{ExitUnknown, fmt.Errorf("writing the report: %w", err)}
		}
	}
	if code := v.exit(); code != ExitHolds {
		return &ExitError{Code: code}
	}
	return nil
}

// counted is a reader that another goroutine may ask how much was read.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (f *flags) read(stdin io.Reader, through *counted, path string) (*history.History, string, error) {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, "", err
		}
		defer file.Close() // only read
		in = file
	}
	through.Reader = in
	h, format, err := history.ReadFormat(through, f.format, history.Limits{Line: f.maxLine, Ops: f.maxOps})
	if errors.Is(err, history.ErrLimit) {
		return nil, "", fmt.Errorf("%s: %w; --max-line and --max-ops allow more", path, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return h, format, nil
}

// levelsOf are the levels to run.
func (f *flags) levelsOf(h *history.History) []string {
	apply := check.LevelsFor(h)
	if len(f.levels) == 0 {
		return apply[:1]
	}
	var names []string
	for _, n := range f.levels {
		if n = strings.TrimSpace(n); n == "all" {
			names = append(names, apply...)
		} else {
			names = append(names, n)
		}
	}
	return names
}

// options are the options for one level, with a clock of its own.
func (f *flags) options(cmd *cobra.Command) check.Options {
	o := check.Options{Model: f.model, Overdraft: f.overdraft, Strict: f.strict, Budget: check.Budget{Steps: f.steps}}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	deadline := time.Time{}
	if f.timeout > 0 {
		deadline = time.Now().Add(f.timeout)
	}
	o.Budget.Stop = func() bool {
		return ctx.Err() != nil || !deadline.IsZero() && time.Now().After(deadline)
	}
	set := cmd.Flags().Changed
	if set("total") {
		o.Total = &f.total
	}
	if set("min") {
		o.Limits.Min = &f.floor
	}
	if set("max") {
		o.Limits.Max = &f.ceiling
	}
	return o
}
