package analyze

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/nemesis"
	"github.com/parleydb/parley/internal/lab/report"
	"github.com/parleydb/parley/internal/lab/verify"
	"github.com/parleydb/parley/internal/lab/workload"
)

// The names of what runs under drawn faults.
const (
	nameMoves  = "drawn faults, moving"
	nameStays  = "drawn faults, staying"
	nameAppend = "drawn faults, lists"
	nameSet    = "drawn faults, sets"
)

// job is a workload at a mode.
type job struct {
	mode *Mode
	name string
}

// workloads runs, at all modes at the same time, sessions that move between
// nodes and such that stay, transactions, and sets, under faults that are drawn.
func (a *analyzer) workloads(ctx, hard context.Context) error {
	jobs, all, err := a.jobs()
	if err != nil {
		return err
	}
	a.say("workloads for %v, under faults drawn from seed %d ...", a.o.Time, a.o.Seed)
	found, err := verify.Record(ctx, hard, a.target, all, a.out)
	if err != nil {
		return err
	}
	a.say("judging what was recorded ...")
	a.look(found)
	for i, f := range found {
		var faults []report.Fault
		for _, m := range f.Faults {
			faults = append(faults, report.Fault{Name: m.Name, From: m.From, To: m.To})
		}
		if err := a.judge(jobs[i].mode, jobs[i].name, f.History, faults); err != nil {
			return err
		}
	}
	return nil
}

// look finds what makes the workloads worth less: what went wrong with a fault,
// and faults that touched no operation of any of them.
func (a *analyzer) look(found []*verify.Found) {
	touched := make([]int, len(found[0].Faults))
	for _, f := range found {
		for i, m := range f.Faults {
			touched[i] += m.Touched
		}
		for _, p := range f.Problems {
			if !slices.Contains(a.result.Problems, p) {
				a.result.Problems = append(a.result.Problems, p)
			}
		}
	}
	for i, n := range touched {
		if n == 0 {
			a.result.Problems = append(a.result.Problems, "the fault "+found[0].Faults[i].Name+" touched no operation")
		}
	}
}

// jobs are the workloads of all modes; the first has the faults and the time.
func (a *analyzer) jobs() (jobs []job, all []verify.Options, err error) {
	wishes, err := nemesis.Parse(a.drawn(), a.target.Faults(), len(a.target.Nodes()))
	if err != nil {
		return nil, nil, err
	}
	for _, m := range a.modes {
		for _, kind := range []struct{ name, workload string }{
			{nameMoves, "session"}, {nameStays, "session"}, {nameAppend, "append"}, {nameSet, "set"},
		} {
			w, err := workload.Named(kind.workload)
			if err != nil {
				return nil, nil, err
			}
			w.Moves = kind.name == nameMoves
			jobs = append(jobs, job{m, kind.name})
			all = append(all, verify.Options{
				Workload: w, At: m.Name, Time: a.o.Time, OpTimeout: 2 * patience, Clients: 2 * len(a.target.Nodes()), Rate: 50,
				Seed: a.o.Seed + uint64(len(all)), Faults: wishes,
				Pace:    nemesis.Pace{Fault: 2 * time.Second, Quiet: time.Second},
				Command: a.o.Command,
			})
		}
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("%s offers no level", a.target.Name())
	}
	return jobs, all, nil
}

// drawn are the faults to draw from, of those that the target offers.
func (a *analyzer) drawn() (names []string) {
	for _, kind := range []lab.FaultKind{lab.FaultPartition, lab.FaultKill, lab.FaultPause, lab.FaultDelay} {
		if slices.Contains(a.target.Faults(), kind) {
			names = append(names, string(kind))
		}
	}
	return names
}
