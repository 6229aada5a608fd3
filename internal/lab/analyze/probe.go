package analyze

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/report"
	"github.com/parleydb/parley/internal/lab/script"
)

const (
	settle   = 30 * time.Second        // until what must come has come
	patience = 1000 * time.Millisecond // for an operation that may get no answer
)

// probe is a schedule under way: all modes go through the same steps at the same
// time, each with sessions and keys of its own, so that one fault meets all.
type probe struct {
	*analyzer
	name   string
	leader int
	others []int // the other nodes
	parts  []*part
	faults []report.Fault
	heals  []func(context.Context) error
}

// part is what one mode does in a probe.
type part struct {
	p        *probe
	mode     *Mode
	regs     *script.Script // on registers
	set      *script.Script // on a set
	sessions map[string]*script.Session
	last     int64 // value that was written
}

// begin makes a probe, if the target has the nodes and the faults that it needs;
// nil if not.
func (a *analyzer) begin(ctx context.Context, name string, nodes int, needs ...lab.FaultKind) (*probe, error) {
	if len(a.target.Nodes()) < nodes {
		a.say("%s: left out, it needs %d nodes", name, nodes)
		return nil, nil
	}
	for _, kind := range needs {
		if !slices.Contains(a.target.Faults(), kind) {
			a.say("%s: left out, the lab cannot make the fault %q here", name, kind)
			return nil, nil
		}
	}
	a.say("%s ...", name)
	p := &probe{analyzer: a, name: name}
	if led, ok := a.target.(lab.Led); ok {
		if err := within(ctx, settle, func(ctx context.Context) (err error) {
			p.leader, err = led.Leader(ctx)
			return err
		}); err != nil {
			return nil, err
		}
	}
	for n := range a.target.Nodes() {
		if n != p.leader {
			p.others = append(p.others, n)
		}
	}
	for _, m := range a.modes {
		p.parts = append(p.parts, &part{
			p: p, mode: m, sessions: make(map[string]*script.Session),
			regs: script.New(a.target, history.Header{Model: "register", Sessions: history.ByField}, a.start),
			set:  script.New(a.target, history.Header{Model: "set", Sessions: history.ByField}, a.start),
		})
	}
	return p, nil
}

// within tries something until it goes well or the time is over.
func within(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// step is a step of a schedule.
type step func(context.Context) error

// play goes through a schedule until a step fails, heals what is left, and
// judges what was recorded.
func (p *probe) play(ctx context.Context, steps ...step) error {
	var err error
	for _, do := range steps {
		if err = errors.Join(do(ctx), ctx.Err()); err != nil {
			break
		}
	}
	err = errors.Join(err, p.heal(ctx))
	for _, pt := range p.parts {
		for _, s := range pt.sessions {
			_ = s.Close() // it is of no more use
		}
		for _, s := range []*script.Script{pt.regs, pt.set} {
			if h := s.History(); err == nil && len(h.Ops) > 0 {
				err = p.judge(pt.mode, p.name, h, p.faults)
			}
		}
	}
	return err
}

// each is a step that all modes take at the same time.
func (p *probe) each(do func(context.Context, *part) error) step {
	return func(ctx context.Context) error {
		var group sync.WaitGroup
		failed := make([]error, len(p.parts))
		for i, pt := range p.parts {
			group.Go(func() {
				if err := do(ctx, pt); err != nil {
					failed[i] = fmt.Errorf("%s, %s: %w", p.name, pt.mode.Name, err)
				}
			})
		}
		group.Wait()
		return errors.Join(failed...)
	}
}

// fault is a step that makes a fault, which lasts until the schedule heals.
func (p *probe) fault(name string, f lab.Fault) step {
	return func(context.Context) error {
		ctx, cancel := context.WithTimeout(context.Background(), settle) // half a fault would stay
		defer cancel()
		heal, err := p.target.Inject(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", p.name, name, err)
		}
		var nodes []string
		for _, n := range f.Nodes {
			nodes = append(nodes, p.target.Nodes()[n])
		}
		p.faults = append(p.faults, report.Fault{Name: name, From: int64(time.Since(p.start)), To: history.Never, Nodes: nodes})
		p.heals = append(p.heals, heal)
		p.note("fault begins: " + name)
		return nil
	}
}

func (p *probe) note(text string) {
	for _, pt := range p.parts {
		pt.regs.Note(text)
		pt.set.Note(text)
	}
}

// heal is a step that ends all faults, the first that was made first: the
// network's, so that a process that starts finds the others.
func (p *probe) heal(context.Context) (err error) {
	if len(p.heals) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), settle)
	defer cancel()
	for _, heal := range p.heals {
		err = errors.Join(err, heal(ctx))
	}
	p.heals = nil
	for i := range p.faults {
		p.faults[i].To = int64(time.Since(p.start))
	}
	p.note("all faults end")
	return err
}

// key is a name that no other mode or run uses.
func (pt *part) key(name string) string { return name + "-" + pt.mode.Name + pt.p.tag }

// open opens a session by name, at a node, with registers or a set.
func (pt *part) open(ctx context.Context, name string, node int) error {
	return pt.openAt(ctx, pt.regs, "register", name, node, pt.mode.Name)
}

func (pt *part) openSet(ctx context.Context, name string, node int) error {
	return pt.openAt(ctx, pt.set, "set", name, node, pt.mode.Name)
}

func (pt *part) openAt(ctx context.Context, s *script.Script, model, name string, node int, level string) error {
	return within(ctx, settle, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*patience)
		defer cancel()
		session, err := s.Open(ctx, lab.Session{Name: name, Node: node, Level: level, Model: model})
		if err == nil {
			pt.sessions[name] = session
		}
		return err
	})
}

// once tries an operation that may get no answer.
func (pt *part) once(ctx context.Context, who, f, key string, in history.Value) history.Op {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return pt.sessions[who].Do(ctx, history.Op{F: f, Key: pt.key(key), In: in})
}

// write writes a value that nobody else writes, once.
func (pt *part) write(ctx context.Context, who, key string) history.Op {
	pt.last++
	return pt.once(ctx, who, history.Write, key, history.Int(pt.last))
}

func (pt *part) read(ctx context.Context, who, key string) history.Op {
	return pt.once(ctx, who, history.Read, key, history.Nil)
}

func (pt *part) add(ctx context.Context, who, key string) history.Op {
	pt.last++
	return pt.once(ctx, who, history.Add, key, history.Int(pt.last))
}

// until repeats an attempt until it is acknowledged, in a session that moves on
// to a node where that is possible.
func (pt *part) until(ctx context.Context, who string, nodes []int, try func(context.Context) history.Op) error {
	n := 0
	return within(ctx, settle, func(ctx context.Context) error {
		op := try(ctx)
		if op.Outcome == history.OK {
			return nil
		}
		moving, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		n++
		pt.sessions[who].Move(moving, nodes[n%len(nodes)])
		return fmt.Errorf("%s %s is not acknowledged: %s", op.F, op.Key, op.Outcome)
	})
}

// everywhere waits until all of some nodes have a value, as this mode reads there.
func (pt *part) everywhere(ctx context.Context, s *script.Script, model string, nodes []int, key string, want history.Value) error {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for _, n := range nodes {
		if err := pt.openAt(ctx, s, model, "waiting", n, pt.mode.Name); err != nil {
			return err
		}
		waiting := pt.sessions["waiting"]
		if err := errors.Join(waiting.Until(ctx, history.Read, pt.key(key), want), waiting.Close()); err != nil {
			return err
		}
	}
	delete(pt.sessions, "waiting")
	return nil
}
