package verify

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/nemesis"
)

// Made is a fault that was made.
type Made struct {
	Fault    lab.Fault
	Name     string
	From, To int64 // on the history's clock, To when it was ended
	Touched  int   // operations at its nodes while it was there, or that did not succeed then
	NotOK    int   // those of them that did not succeed
}

// faultLog is what the nemesis did.
type faultLog struct {
	mu     sync.Mutex
	made   []Made   // guarded by mu
	active []string // guarded by mu

	heals  []func(context.Context) error // that failed, and are to be tried again
	gone   map[int]bool                  // nodes that must not come back
	doubts []doubt                       // left by the clients
}

// injectTime bounds the making and the ending of a fault.
const injectTime = time.Minute

// faults makes the planned faults, one slot after the other, until ctx ends.
func (r *run) faults(ctx context.Context) {
	plan := nemesis.Plan(r.o.Seed, r.o.Faults, len(r.target.Nodes()), r.o.Time, r.o.Pace)
	start := time.Now()
	for len(plan) > 0 {
		n := 1
		for n < len(plan) && plan[n].At == plan[0].At {
			n++
		}
		if !sleep(ctx, time.Until(start.Add(plan[0].At))) {
			return
		}
		r.slot(ctx, plan[:n])
		plan = plan[n:]
	}
}

// slot makes faults together and ends them together.
func (r *run) slot(ctx context.Context, plan []nemesis.Planned) {
	var ends []func()
	for _, p := range plan {
		if end := r.inject(p.Fault); end != nil {
			ends = append(ends, end)
		}
	}
	sleep(ctx, plan[0].For)
	for _, end := range ends {
		end()
	}
}

// inject makes a fault and gives what ends it, nil if it could not be made.
func (r *run) inject(f lab.Fault) (end func()) {
	// Not the run's context: a fault that is half made would stay.
	ctx, cancel := context.WithTimeout(context.Background(), injectTime)
	defer cancel()
	name := r.nameOf(f)
	from := r.rec.now()
	heal, err := r.target.Inject(ctx, f)
	if err != nil {
		r.problem("fault %s could not be made: %v", name, err)
		return nil
	}
	r.rec.note("fault begins: " + name)
	l := &r.nemesis
	if f.Shape == lab.ShapeFlip {
		if l.gone == nil {
			l.gone = make(map[int]bool)
		}
		l.gone[f.Nodes[0]] = true
	}
	l.mu.Lock()
	at := len(l.made)
	l.made = append(l.made, Made{Fault: f, Name: name, From: from, To: history.Never})
	l.active = append(l.active, name)
	l.mu.Unlock()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), injectTime)
		defer cancel()
		if err := heal(ctx); err != nil {
			if f.Shape == lab.ShapeFlip {
				r.problem("%s: %v", name, err)
			} else {
				r.say("%s could not be ended, and will be tried again: %v\n", name, err)
				l.heals = append(l.heals, heal)
			}
		}
		r.rec.note("fault ends: " + name)
		l.mu.Lock()
		l.made[at].To = r.rec.now()
		l.active = without(l.active, name)
		l.mu.Unlock()
	}
}

func without(names []string, name string) []string {
	for i, n := range names {
		if n == name {
			return append(append([]string(nil), names[:i]...), names[i+1:]...)
		}
	}
	return names
}

// nameOf is a fault in words, with the target's names of nodes.
func (r *run) nameOf(f lab.Fault) string {
	var nodes []string
	for _, n := range f.Nodes {
		nodes = append(nodes, r.target.Nodes()[n])
	}
	plain := f
	plain.Nodes = nil
	text := plain.String()
	if len(nodes) > 0 {
		text += " (" + strings.Join(nodes, " ") + ")"
	}
	return text
}

// touch counts for each fault the operations that it met: those at a node that
// it hit, or that did not succeed, and that were under way while it was there.
func (r *run) touch(h *history.History) []Made {
	made := r.nemesis.made
	for i := range made {
		m := &made[i]
		hit := make(map[string]bool)
		for n, name := range r.target.Nodes() {
			hit[name] = m.Fault.Hits(n)
		}
		for j := range h.Ops {
			op := &h.Ops[j]
			until := op.Return
			if until == history.Never {
				until = op.Call + int64(r.o.OpTimeout)
			}
			if op.Call > m.To || until < m.From {
				continue
			}
			bad := op.Outcome != history.OK
			if bad || hit[op.Node] {
				m.Touched++
			}
			if bad {
				m.NotOK++
			}
		}
	}
	return made
}
