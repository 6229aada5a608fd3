package verify

import (
	"context"
	"slices"
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

	heals      []func(context.Context) error // that failed, and are to be tried again
	gone       map[int]bool                  // nodes that must not come back
	recordings []*recorder                   // that get a note of each fault
}

func (l *faultLog) note(text string) {
	for _, rec := range l.recordings {
		rec.note(text)
	}
}

// injectTime bounds the making and the ending of a fault.
const injectTime = time.Minute

// faults makes the planned faults, one slot after the other, until ctx ends or
// too little time is left for another.
func (r *run) faults(ctx context.Context) {
	plan := nemesis.Plan(r.o.Seed, r.o.Faults, len(r.target.Nodes()), r.o.Time, r.o.Pace)
	start := time.Now()
	end, _ := ctx.Deadline()
	for len(plan) > 0 {
		n := 1
		for n < len(plan) && plan[n].At == plan[0].At {
			n++
		}
		// A slot that took long moves what comes after it.
		wait := max(time.Until(start.Add(plan[0].At)), r.o.Pace.Quiet/2)
		if time.Until(end)-wait < r.o.Pace.Fault/2 || !sleep(ctx, wait) {
			break
		}
		r.slot(ctx, plan[:n])
		plan = plan[n:]
	}
}

// slot makes faults together and ends them together, the last one first, but
// those of the network before all others.
func (r *run) slot(ctx context.Context, plan []nemesis.Planned) {
	start := time.Now()
	var first, then []func()
	for _, p := range plan {
		if p.After > 0 && !sleep(ctx, time.Until(start.Add(p.After))) {
			break
		}
		end := r.inject(p.Fault)
		switch {
		case end == nil:
		case nemesis.Outside(p.Fault.Kind):
			first = append(first, end)
		default:
			then = append(then, end)
		}
	}
	sleep(ctx, time.Until(start.Add(plan[0].For)))
	slices.Reverse(first)
	slices.Reverse(then)
	for _, end := range append(first, then...) {
		end()
	}
}

// notMade are the kinds that were wished for and did not come to pass.
func (r *run) notMade() (names []string) {
	var wishes []nemesis.Wish
	for _, w := range r.o.Faults {
		wishes = append(wishes, w.All()...)
	}
	for _, w := range wishes {
		if !slices.ContainsFunc(r.nemesis.made, func(m Made) bool {
			return m.Fault.Kind == w.Kind && (w.Shape == "" || w.Shape == m.Fault.Shape)
		}) {
			names = append(names, w.String())
		}
	}
	return names
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
	l := r.nemesis
	l.note("fault begins: " + name)
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
		l.note("fault ends: " + name)
		l.mu.Lock()
		l.made[at].To = r.rec.now()
		l.active = slices.DeleteFunc(l.active, func(n string) bool { return n == name })
		l.mu.Unlock()
	}
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
	made := slices.Clone(r.nemesis.made)
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
