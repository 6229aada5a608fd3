package analyze

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/report"
)

// Options say how long and by what seed to run workloads.
type Options struct {
	Time    time.Duration // of the workloads under drawn faults; 0: none
	Seed    uint64
	Command string
}

// Analysis is what a run showed.
type Analysis struct {
	Target   string
	Options  Options
	Nodes    []string
	Faults   bool // whether any could be made
	Modes    []*Mode
	Problems []string // what keeps the run from counting
	Took     time.Duration
}

// Mode is a level that was asked for, and all that happened at it.
type Mode struct {
	Name   string
	Trials []*Trial
	Alone  Alone
}

// Trial is what one schedule or workload showed at a mode.
type Trial struct {
	Name    string
	History *history.History
	Results []check.Result
	Faults  []report.Fault
}

// Alone is what a node answered while it was cut off.
type Alone struct{ Reads, ReadsOK, Writes, WritesOK int }

// bound is that of the level "bounded", where a target offers it.
const bound = time.Second

// analyzer is a run under way.
type analyzer struct {
	target lab.Target
	o      Options
	out    io.Writer
	start  time.Time
	tag    string // of keys, "" if none of an earlier run can be there
	modes  []*Mode
	result *Analysis
}

// Run analyzes a target. The end of ctx ends it: with an error, but if it has come
// to the workloads these are cut short and judged. The end of hard also ends what
// must be done to leave the target whole.
func Run(ctx, hard context.Context, target lab.Target, o Options, out io.Writer) (*Analysis, error) {
	a := &analyzer{target: target, o: o, out: out, start: time.Now()}
	for _, level := range target.Levels() {
		a.modes = append(a.modes, &Mode{Name: strings.Replace(level, "<duration>", bound.String(), 1)})
	}
	a.result = &Analysis{Target: target.Name(), Options: o, Nodes: target.Nodes(), Faults: len(target.Faults()) > 0, Modes: a.modes}
	if err := a.tagKeys(ctx); err != nil {
		return nil, err
	}
	for _, schedule := range []func(context.Context) error{a.cutOff, a.failover, a.behind} {
		if err := errors.Join(schedule(ctx), ctx.Err()); err != nil {
			return nil, err
		}
	}
	if o.Time > 0 {
		if err := a.workloads(ctx, hard); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		a.result.Problems = append(a.result.Problems, "it was interrupted, so the workloads were cut short")
	}
	a.result.Took = time.Since(a.start)
	return a.result, nil
}

// marker is the key that says that the target has been analyzed before.
const marker = "parley-analyzed"

// tagKeys gives the keys of this run names of their own, if the target may hold
// those of another: stories are easier to read where it does not.
func (a *analyzer) tagKeys(ctx context.Context) error {
	return within(ctx, settle, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*patience)
		defer cancel()
		s, err := a.target.Open(ctx, lab.Session{Model: "register"})
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		read := history.Op{F: history.Read, Key: marker}
		write := history.Op{F: history.Write, Key: marker, In: history.Int(1)}
		if s.Do(ctx, &read); read.Outcome == history.OK {
			s.Do(ctx, &write)
		}
		if write.Outcome != history.OK {
			return fmt.Errorf("%s does not take a write of %s", a.target.Name(), marker)
		}
		if !read.Out.IsNil() || !a.result.Faults {
			a.tag = fmt.Sprintf(".%x", time.Now().UnixMilli()&0xffffff)
		}
		return nil
	})
}

func (a *analyzer) say(format string, args ...any) { _, _ = fmt.Fprintf(a.out, format+"\n", args...) }

// judgeTime bounds the judging of one history at one level.
const judgeTime = 3 * time.Second

// judge adds what a history shows to a mode.
func (a *analyzer) judge(m *Mode, name string, h *history.History, faults []report.Fault) error {
	t := &Trial{Name: name, History: h, Faults: faults}
	levels := check.LevelsFor(h)
	if strings.HasPrefix(m.Name, "bounded:") && h.Header.Model == "register" {
		levels = append(levels, m.Name)
	}
	for _, level := range levels {
		deadline := time.Now().Add(judgeTime)
		r, err := check.Judge(h, level, check.Options{
			Strict: m == a.modes[0],
			Budget: check.Budget{Stop: func() bool { return time.Now().After(deadline) }},
		})
		if err != nil {
			return err
		}
		t.Results = append(t.Results, r)
	}
	m.Trials = append(m.Trials, t)
	return nil
}
