package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// Found is what a run found.
type Found struct {
	History  *history.History
	File     string // the history's, "" if it is not kept
	Results  []check.Result
	Faults   []Made
	Problems []string // what keeps the verdict from counting, beside unknown ones
	Judged   time.Duration

	OK, Failed, Unknown int64 // how many operations ended so, also if they were not recorded
}

// run is one workload's run under way.
type run struct {
	o       Options
	target  lab.Target
	out     io.Writer
	tag     string // tells this run's keys and identities from others'
	rec     *recorder
	counts  counts
	settled atomic.Int64
	last    atomic.Int64 // the last process's number
	nemesis *faultLog    // of all workloads that run together
	doubts  []doubt      // left by the clients

	mu       sync.Mutex
	openErr  error    // guarded by mu: why a session could not be opened, the last time
	problems []string // guarded by mu
}

func (r *run) process() int64 { return r.last.Add(1) }

func (r *run) failedOpen(err error) {
	r.mu.Lock()
	r.openErr = err
	r.mu.Unlock()
}

func (r *run) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.say("%s\n", text)
	r.mu.Lock()
	r.problems = append(r.problems, text)
	r.mu.Unlock()
}

func (r *run) say(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format, args...) }

// Run runs a workload against a target and judges what was recorded. The end of
// ctx ends the workload early, and what was recorded until then is judged; the
// end of hard gives up that too. Progress goes to out.
func Run(ctx, hard context.Context, target lab.Target, o Options, out io.Writer) (*Found, error) {
	found, err := Together(ctx, hard, target, []Options{o}, out)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Together runs several workloads at the same time, as Run does, so that all
// meet the same faults: those of the first, for the time of the first. Their
// recordings have one clock.
func Together(ctx, hard context.Context, target lab.Target, all []Options, out io.Writer) ([]*Found, error) {
	return recorded(ctx, hard, target, all, out, (*run).judge)
}

// Record is Together without a verdict. To judge what was recorded, and whether
// the faults touched anything, is left to the caller.
func Record(ctx, hard context.Context, target lab.Target, all []Options, out io.Writer) ([]*Found, error) {
	return recorded(ctx, hard, target, all, out, func(*run, context.Context, *Found, time.Time) error { return nil })
}

// recorded runs workloads together, reads their recordings back, judges and
// closes them.
func recorded(ctx, hard context.Context, target lab.Target, all []Options, out io.Writer, judge func(*run, context.Context, *Found, time.Time) error) (found []*Found, err error) {
	runs, err := runAll(ctx, hard, target, all, out)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		begin := time.Now()
		f, one := r.readBack()
		if err = errors.Join(err, one); err == nil {
			err = judge(r, hard, f, begin)
		}
		found, err = append(found, f), errors.Join(err, r.rec.close())
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// runAll records. The recordings are whole, and to be closed.
func runAll(ctx, hard context.Context, target lab.Target, all []Options, out io.Writer) (runs []*run, err error) {
	log := &faultLog{}
	for i, o := range all {
		tag := fmt.Sprintf("%s-%d", strconv.FormatInt(time.Now().UnixNano()/1e6, 36), i)
		r := &run{o: o, target: target, out: out, tag: tag, nemesis: log}
		r.o.Workload = o.Workload.Tagged("." + tag)
		runs = append(runs, r)
	}
	opened := runs
	defer func() {
		for _, r := range opened {
			if err != nil && r.rec != nil {
				err = errors.Join(err, r.rec.close())
			}
		}
	}()
	if err := recordAll(hard, runs); err != nil {
		return nil, err
	}
	keys := work(ctx, runs)
	nodes := runs[0].heal(hard, keys[0][0])
	for i, r := range runs {
		r.finish(hard, nodes, keys[i])
		if err := r.rec.finish(); err != nil {
			return nil, fmt.Errorf("recording to %s: %w", r.rec.file.Name(), err)
		}
	}
	return runs, nil
}

// recordAll makes what the workloads need to find, and begins their recordings.
func recordAll(ctx context.Context, runs []*run) error {
	initials := make([]map[string]history.Value, len(runs))
	for i, r := range runs {
		var err error
		if initials[i], err = r.prepare(ctx); err != nil {
			return err
		}
	}
	start := time.Now()
	for i, r := range runs {
		header := history.Header{
			Model: r.o.Workload.Model, Initials: initials[i], Sessions: history.ByProcess,
			Meta: map[string]string{"target": r.target.Name(), "workload": r.o.Workload.Name, "seed": fmt.Sprint(r.o.Seed), "command": r.o.Command},
		}
		var err error
		if r.rec, err = newRecorder(start, r.o.History, header, r.o.Discard); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		r.nemesis.recordings = append(r.nemesis.recordings, r.rec)
	}
	return nil
}

// prepare makes what the workload needs to find.
func (r *run) prepare(ctx context.Context) (map[string]history.Value, error) {
	ops, initials := r.o.Workload.Setup()
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for i := range ops {
		for {
			err := r.try(ctx, 0, &ops[i])
			if err == nil {
				break
			}
			if !sleep(ctx, redialAfter) {
				return nil, fmt.Errorf("the target does not take what the workload begins with: %w", err)
			}
		}
	}
	return initials, nil
}

// work runs clients, faults and progress until the time is over or ctx ends. It
// gives the keys that each run used.
func work(ctx context.Context, runs []*run) (keys [][]string) {
	ctx, cancel := context.WithTimeout(ctx, runs[0].o.Time)
	defer cancel()
	var waits []func() []string
	for _, r := range runs {
		waits = append(waits, r.work(ctx))
	}
	shown, stopShowing := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	helpers.Go(func() { progress(shown, runs) })
	runs[0].faults(ctx)
	for _, wait := range waits {
		keys = append(keys, wait())
	}
	stopShowing()
	helpers.Wait()
	return keys
}

// work runs the clients until ctx ends; wait waits for them, and gives the keys
// that were used.
func (r *run) work(ctx context.Context) (wait func() []string) {
	every := time.Duration(0)
	if r.o.Rate > 0 {
		every = time.Duration(float64(time.Second) * float64(r.o.Clients) / r.o.Rate)
	}
	clients := make([]*client, r.o.Clients)
	group := new(sync.WaitGroup)
	for i := range clients {
		clients[i] = r.newClient(i)
		group.Go(func() { clients[i].work(ctx, every) })
	}
	return func() (keys []string) {
		group.Wait()
		seen := make(map[string]bool)
		for _, c := range clients {
			r.doubts = append(r.doubts, c.doubts...)
			for _, k := range c.gen.Keys() {
				if !seen[k] {
					seen[k] = true
					keys = append(keys, k)
				}
			}
		}
		return keys
	}
}
