package parley

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab"
)

// Faults implements lab.Target: those of package dev, in a cluster of its.
func (t *target) Faults() []lab.FaultKind {
	if t.dir == "" {
		return nil
	}
	return []lab.FaultKind{
		lab.FaultPartition, lab.FaultLoss, lab.FaultDuplicate, lab.FaultDelay, lab.FaultSlow,
		lab.FaultKill, lab.FaultPause, lab.FaultClock, lab.FaultDisk,
	}
}

// Inject implements lab.Target.
func (t *target) Inject(ctx context.Context, f lab.Fault) (func(context.Context) error, error) {
	if t.dir == "" {
		return nil, errors.New("faults need a cluster of `parley dev`: add ?dir= with its directory")
	}
	for _, n := range f.Nodes {
		if n < 0 || n >= len(t.nodes) {
			return nil, fmt.Errorf("there is no node %d", n)
		}
	}
	begin, end := t.steps(f)
	if f.Kind == lab.FaultDisk {
		heal, err := t.injectDisk(ctx, f, begin, end)
		return once(heal), err
	}
	if err := t.all(ctx, begin); err != nil {
		return nil, errors.Join(err, t.all(ctx, end))
	}
	return once(func(ctx context.Context) error { return t.all(ctx, end) }), nil
}

// once is a heal that does nothing when it has succeeded.
func once(heal func(context.Context) error) func(context.Context) error {
	if heal == nil {
		return nil
	}
	var mu sync.Mutex
	done := false // guarded by mu
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if done {
			return nil
		}
		err := heal(ctx)
		done = err == nil
		return err
	}
}

// all makes faults one after the other, leaving out nodes that are gone.
func (t *target) all(ctx context.Context, faults []dev.Fault) (err error) {
	for _, f := range faults {
		if len(f.Nodes) == 1 && t.isGone(f.Nodes[0]) {
			continue
		}
		_, one := dev.Inject(ctx, t.dir, f)
		err = errors.Join(err, one)
	}
	return err
}

func (t *target) isGone(node string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone[node]
}

// steps are the faults of package dev that make f, and those that end it.
func (t *target) steps(f lab.Fault) (begin, end []dev.Fault) {
	one := func(op string, n int) dev.Fault { return dev.Fault{Op: op, Nodes: []string{t.nodes[n]}} }
	switch f.Kind {
	case lab.FaultPartition:
		return t.partition(f)
	case lab.FaultKill:
		return t.perNode(f, func(n int) (dev.Fault, dev.Fault) { return one("kill", n), one("restart", n) })
	case lab.FaultPause:
		return t.perNode(f, func(n int) (dev.Fault, dev.Fault) { return one("pause", n), one("resume", n) })
	case lab.FaultClock:
		return t.perNode(f, func(n int) (dev.Fault, dev.Fault) {
			off, right := one("clock", n), one("clock", n)
			off.Duration, right.Duration = f.Amount.String(), "0s"
			if f.Shape == lab.ShapeJump {
				off.Every = jumpEvery.String()
			}
			return off, right
		})
	case lab.FaultDisk:
		return t.perNode(f, func(n int) (dev.Fault, dev.Fault) {
			bad, ok := one("disk", n), one("disk", n)
			bad.Disk, ok.Disk = string(f.Shape), "ok"
			if f.Shape == lab.ShapeSlow {
				bad.Duration = f.Amount.String()
			}
			return bad, ok
		})
	}
	return t.links(f)
}

// jumpEvery is how long a clock that jumps stays where it is.
const jumpEvery = 300 * time.Millisecond

func (t *target) perNode(f lab.Fault, of func(n int) (dev.Fault, dev.Fault)) (begin, end []dev.Fault) {
	for n := range t.nodes {
		if f.Hits(n) {
			b, e := of(n)
			begin, end = append(begin, b), append(end, e)
		}
	}
	return begin, end
}

// links are faults of every link between nodes.
func (t *target) links(f lab.Fault) (begin, end []dev.Fault) {
	t.pairs(func(a, b int) {
		bad := dev.Fault{Nodes: []string{t.nodes[a], t.nodes[b]}}
		good := bad
		switch f.Kind {
		case lab.FaultLoss:
			bad.Op, bad.Percent = "drop", f.Percent
		case lab.FaultDuplicate:
			bad.Op, bad.Percent = "duplicate", f.Percent
		case lab.FaultDelay:
			bad.Op, bad.Duration, good.Duration = "delay", f.Amount.String(), "0s"
		case lab.FaultSlow:
			bad.Op, bad.Bytes = "slow", f.Bytes
		}
		good.Op = bad.Op
		begin, end = append(begin, bad), append(end, good)
	})
	return begin, end
}

func (t *target) pairs(fn func(a, b int)) {
	for a := range t.nodes {
		for b := a + 1; b < len(t.nodes); b++ {
			fn(a, b)
		}
	}
}

func (t *target) partition(f lab.Fault) (begin, end []dev.Fault) {
	for a := range t.nodes {
		for b := range t.nodes {
			if a != b && cuts(f, a, b, len(t.nodes)) {
				link := []string{t.nodes[a], t.nodes[b]}
				begin = append(begin, dev.Fault{Op: "cut", Nodes: link, OneWay: true})
				end = append(end, dev.Fault{Op: "join", Nodes: link, OneWay: true})
			}
		}
	}
	return begin, end
}

// cuts says whether a partition stops what node a sends to node b.
func cuts(f lab.Fault, a, b, nodes int) bool {
	at := func(n int) int { return slices.Index(f.Nodes, n) }
	switch f.Shape {
	case lab.ShapeOneWay:
		return at(a) >= 0 && at(b) < 0
	case lab.ShapeBridge: // the first is in the middle, the others are in two halves
		left := func(n int) bool { return at(n) <= nodes/2 }
		return at(a) != 0 && at(b) != 0 && left(a) != left(b)
	case lab.ShapeRing:
		d := (at(a) - at(b) + nodes) % nodes
		return d != 1 && d != nodes-1
	}
	return (at(a) >= 0) != (at(b) >= 0)
}
