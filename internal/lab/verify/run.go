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
}

// run is one run under way.
type run struct {
	o       Options
	target  lab.Target
	out     io.Writer
	tag     string // tells this run's keys and identities from others'
	rec     *recorder
	counts  counts
	settled atomic.Int64
	last    atomic.Int64 // the last process's number
	nemesis faultLog

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
	r := &run{o: o, target: target, out: out, tag: strconv.FormatInt(time.Now().UnixNano()/1e6, 36)}
	r.o.Workload = o.Workload.Tagged("." + r.tag)
	initials, err := r.prepare(hard)
	if err != nil {
		return nil, err
	}
	header := history.Header{
		Model: o.Workload.Model, Initials: initials, Sessions: history.ByProcess,
		Meta: map[string]string{"target": target.Name(), "workload": o.Workload.Name, "seed": fmt.Sprint(o.Seed), "command": o.Command},
	}
	if r.rec, err = newRecorder(o.History, header, o.discard); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	keys := r.work(ctx)
	r.finish(hard, keys)
	if err := r.rec.finish(); err != nil {
		return nil, errors.Join(fmt.Errorf("recording to %s: %w", r.rec.file.Name(), err), r.rec.close())
	}
	found, err := r.judge(hard)
	return found, errors.Join(err, r.rec.close())
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
// gives the keys that were used.
func (r *run) work(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, r.o.Time)
	defer cancel()
	every := time.Duration(0)
	if r.o.Rate > 0 {
		every = time.Duration(float64(time.Second) * float64(r.o.Clients) / r.o.Rate)
	}
	clients := make([]*client, r.o.Clients)
	var group, helpers sync.WaitGroup
	for i := range clients {
		clients[i] = r.newClient(i)
		group.Go(func() { clients[i].work(ctx, every) })
	}
	shown, stopShowing := context.WithCancel(context.Background())
	helpers.Go(func() { r.progress(shown) })
	r.faults(ctx)
	group.Wait()
	stopShowing()
	helpers.Wait()
	seen := make(map[string]bool)
	var keys []string
	for _, c := range clients {
		r.nemesis.doubts = append(r.nemesis.doubts, c.doubts...)
		for _, k := range c.gen.Keys() {
			if !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	return keys
}
