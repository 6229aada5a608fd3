package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parleydb/parley/check"
)

// readBack reads what was recorded. Nothing is judged yet.
func (r *run) readBack() (*Found, error) {
	h, err := r.rec.read()
	if err != nil {
		return nil, fmt.Errorf("reading back %s: %w", r.rec.file.Name(), err)
	}
	return &Found{
		History: h, File: r.o.History, Faults: r.touch(h), Problems: r.problems,
		OK: r.counts.ok.Load(), Failed: r.counts.failed.Load(), Unknown: r.counts.unknown.Load(),
	}, nil
}

// judge judges what was read back, since begin.
func (r *run) judge(ctx context.Context, f *Found, begin time.Time) error {
	h := f.History
	r.look(f.Faults)
	f.Problems = r.problems
	r.say("%d operations succeeded, %d failed, %d are unknown, %d were settled later; read back in %.1f s\n",
		r.counts.ok.Load(), r.counts.failed.Load(), r.counts.unknown.Load(), r.settled.Load(), time.Since(begin).Seconds())
	names := r.o.levels()
	if len(names) == 1 && names[0] == "all" {
		names = check.LevelsFor(h)
	}
	for _, name := range names {
		r.say("judging %d operations: %s\n", len(h.Ops), name)
		result, err := check.Judge(h, name, r.options(ctx))
		if err != nil {
			return err
		}
		f.Results = append(f.Results, result)
	}
	f.Judged = time.Since(begin)
	r.say("judged in %.1f s\n", f.Judged.Seconds())
	return nil
}

// look finds what makes a run worthless whatever its verdict.
func (r *run) look(made []Made) {
	if r.counts.ok.Load() == 0 {
		r.problem("no operation succeeded (last error: %v)", r.openErr)
	}
	for _, m := range made {
		if m.Touched == 0 {
			r.problem("the fault %s touched no operation: it shows nothing", m.Name)
		}
	}
	if len(made) == 0 && len(r.o.Faults) > 0 {
		r.problem("no fault was made: the run was too short")
	} else if names := r.notMade(); len(names) > 0 {
		r.say("not made, for lack of time: %s\n", strings.Join(names, ", "))
	}
}

func (r *run) options(ctx context.Context) check.Options {
	deadline := time.Time{}
	if r.o.Judge > 0 {
		deadline = time.Now().Add(r.o.Judge)
	}
	return check.Options{
		// Stale reads of a set are what the target's strongest level rules out.
		Strict: r.o.At == "" || r.o.At == r.target.Levels()[0],
		Budget: check.Budget{Stop: func() bool {
			return ctx.Err() != nil || !deadline.IsZero() && time.Now().After(deadline)
		}},
	}
}
