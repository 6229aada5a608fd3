package analyze

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// The names of the schedules.
const (
	nameCutOff   = "a node is cut off"
	nameQuiet    = "nothing fails"
	nameFailover = "the leader fails"
	nameBehind   = "who is behind takes over"
)

// told says what happens in a schedule or workload.
var told = map[string]string{
	nameCutOff:   "A node that does not lead hears nobody. Ann writes at the leader, and the others acknowledge it. Then Ben reads at the cut-off node; Carol, who read Ann's write, and Ann go there and read; Eve writes and reads there.",
	nameQuiet:    "Ann writes at one node. Then Ben reads at another; Carol, who read Ann's write, and Ann go there and read; Eve writes and reads there.",
	nameFailover: "The leader hears nobody; Ann and Sam write there, Ben reads. Then it is killed, and another takes over, at which all of them go on.",
	nameBehind:   "Sam's write is acknowledged while one node is cut off. Then the leader is killed, and those who have the write stand still: only the one that misses it is left.",
	nameMoves:    "Sessions write and read, and go from node to node with what a session brings along.",
	nameStays:    "The same, but each session stays at its node.",
	nameAppend:   "Transactions append to lists and read them.",
	nameSet:      "Clients add to sets, which are read in the end: is all there that was acknowledged?",
}

// names are the circumstances in their order.
var names = []string{nameQuiet, nameCutOff, nameFailover, nameBehind, nameMoves, nameStays, nameAppend, nameSet}

// cutOff cuts a node off that does not lead, lets a write be acknowledged by the
// others, and reads it there: in a session of the node's own, in the writer's
// that moves there, and in one that saw the write and moves there. Where no
// faults can be made it is the same without one.
func (a *analyzer) cutOff(ctx context.Context) error {
	name, needs := nameCutOff, []lab.FaultKind{lab.FaultPartition}
	if !a.result.Faults {
		name, needs = nameQuiet, nil
	}
	p, err := a.begin(ctx, name, 2, needs...)
	if p == nil || err != nil {
		return err
	}
	far := p.others[0]
	return p.play(ctx,
		p.each(func(ctx context.Context, pt *part) error {
			return errors.Join(pt.open(ctx, "ann", p.leader), pt.open(ctx, "carol", p.leader), pt.open(ctx, "ben", far), pt.open(ctx, "eve", far))
		}),
		p.each(func(ctx context.Context, pt *part) error {
			err := pt.until(ctx, "ann", []int{p.leader}, func(ctx context.Context) history.Op { return pt.write(ctx, "ann", "x") })
			return errors.Join(err, pt.everywhere(ctx, pt.regs, "register", []int{far}, "x", history.Int(pt.last)))
		}),
		p.cut(far),
		p.each(func(ctx context.Context, pt *part) error { return pt.lookFrom(ctx, far) }),
		p.heal,
		p.each(func(ctx context.Context, pt *part) error { return pt.lastRead(ctx, "x") }),
	)
}

// cut cuts a node off the others, if faults can be made.
func (p *probe) cut(node int) step {
	if !p.result.Faults {
		return func(context.Context) error { return nil }
	}
	return p.fault(p.target.Nodes()[node]+" is cut off", lab.Fault{Kind: lab.FaultPartition, Shape: lab.ShapeHalves, Nodes: []int{node}})
}

// lookFrom is what sessions see at a node that misses a write.
func (pt *part) lookFrom(ctx context.Context, far int) error {
	from := int64(time.Since(pt.p.start))
	pt.write(ctx, "ann", "x")
	select { // a bound must have run out
	case <-time.After(bound + bound/4):
	case <-ctx.Done():
		return ctx.Err()
	}
	pt.read(ctx, "ben", "x")
	pt.read(ctx, "carol", "x")
	for _, who := range []string{"carol", "ann"} {
		moving, cancel := context.WithTimeout(ctx, patience)
		pt.sessions[who].Move(moving, far)
		cancel()
		pt.read(ctx, who, "x")
	}
	pt.write(ctx, "eve", "x")
	pt.read(ctx, "eve", "x")
	if !pt.p.result.Faults {
		return nil
	}
	h, name := pt.regs.History(), pt.p.target.Nodes()[far]
	for i := range h.Ops {
		if op := &h.Ops[i]; op.Call >= from && op.Node == name {
			pt.mode.Alone.add(op)
		}
	}
	return nil
}

func (a *Alone) add(op *history.Op) {
	ok := 0
	if op.Outcome == history.OK {
		ok = 1
	}
	if op.F == history.Read {
		a.Reads, a.ReadsOK = a.Reads+1, a.ReadsOK+ok
	} else {
		a.Writes, a.WritesOK = a.Writes+1, a.WritesOK+ok
	}
}

// lastRead reads a register in the end, at the target's strongest level.
func (pt *part) lastRead(ctx context.Context, key string) error {
	if err := pt.openAt(ctx, pt.regs, "register", "last", pt.p.leader, ""); err != nil {
		return err
	}
	return pt.until(ctx, "last", pt.p.nodes(), func(ctx context.Context) history.Op { return pt.read(ctx, "last", key) })
}

// lastSet is lastRead of the set.
func lastSet(ctx context.Context, pt *part) error {
	if err := pt.openAt(ctx, pt.set, "set", "last set", pt.p.leader, ""); err != nil {
		return err
	}
	return pt.until(ctx, "last set", pt.p.nodes(), func(ctx context.Context) history.Op { return pt.read(ctx, "last set", pt.p.setKey()) })
}

func (p *probe) nodes() (all []int) {
	for n := range p.target.Nodes() {
		all = append(all, n)
	}
	return all
}

// setKey is the probe's set: each has one of its own.
func (p *probe) setKey() string {
	if p.name == nameBehind {
		return "t"
	}
	return "s"
}

// failover cuts the leader off, writes there, and kills it. Another takes over,
// and those who wrote and read go on there.
func (a *analyzer) failover(ctx context.Context) error {
	p, err := a.begin(ctx, nameFailover, 2, lab.FaultPartition, lab.FaultKill)
	if p == nil || err != nil {
		return err
	}
	return p.play(ctx,
		p.each(func(ctx context.Context, pt *part) error {
			return errors.Join(pt.open(ctx, "ann", p.leader), pt.open(ctx, "ben", p.leader), pt.openSet(ctx, "sam", p.leader))
		}),
		p.each(beforeFailover),
		p.cut(p.leader),
		p.each(writeAlone),
		p.fault(p.target.Nodes()[p.leader]+" is killed", lab.Fault{Kind: lab.FaultKill, Nodes: []int{p.leader}}),
		p.each(afterFailover),
		p.heal,
		p.each(func(ctx context.Context, pt *part) error {
			return errors.Join(pt.lastRead(ctx, "y"), pt.lastRead(ctx, "z"), lastSet(ctx, pt))
		}),
	)
}

func beforeFailover(ctx context.Context, pt *part) error {
	leader := []int{pt.p.leader}
	err := pt.until(ctx, "ann", leader, func(ctx context.Context) history.Op { return pt.write(ctx, "ann", "y") })
	err = errors.Join(err, pt.everywhere(ctx, pt.regs, "register", pt.p.others, "y", history.Int(pt.last)))
	err = errors.Join(err, pt.until(ctx, "sam", leader, func(ctx context.Context) history.Op { return pt.add(ctx, "sam", pt.p.setKey()) }))
	return errors.Join(err, pt.everywhere(ctx, pt.set, "set", pt.p.others, pt.p.setKey(), history.List(history.Int(pt.last))))
}

// writeAlone writes and reads at the leader that hears nobody.
func writeAlone(ctx context.Context, pt *part) error {
	pt.write(ctx, "ann", "y")
	pt.read(ctx, "ben", "y")
	pt.add(ctx, "sam", pt.p.setKey())
	for _, who := range []string{"ann", "ben"} {
		asking, cancel := context.WithTimeout(ctx, patience)
		pt.sessions[who].Remember(asking)
		cancel()
	}
	return nil
}

// afterFailover goes on where another leads: what was seen before must still be
// there, and what one session writes must be seen in its order.
func afterFailover(ctx context.Context, pt *part) error {
	nodes := pt.p.others
	for _, who := range []string{"ben", "ann", "sam"} {
		moving, cancel := context.WithTimeout(ctx, patience)
		pt.sessions[who].Move(moving, nodes[0])
		cancel()
	}
	err := errors.Join(
		pt.until(ctx, "ben", nodes, func(ctx context.Context) history.Op { return pt.read(ctx, "ben", "y") }),
		pt.until(ctx, "ann", nodes, func(ctx context.Context) history.Op { return pt.read(ctx, "ann", "y") }),
		pt.until(ctx, "ann", nodes, func(ctx context.Context) history.Op { return pt.write(ctx, "ann", "z") }),
		pt.open(ctx, "carol", nodes[0]),
	)
	if err != nil {
		return err
	}
	return errors.Join(
		pt.until(ctx, "carol", nodes, func(ctx context.Context) history.Op { return pt.read(ctx, "carol", "z") }),
		pt.until(ctx, "carol", nodes, func(ctx context.Context) history.Op { return pt.read(ctx, "carol", "y") }),
		pt.until(ctx, "sam", nodes, func(ctx context.Context) history.Op { return pt.add(ctx, "sam", pt.p.setKey()) }),
	)
}

// behind has a write acknowledged while one node is cut off. Then the leader is
// killed while the node that has the write stands still: only the one that
// misses it is left.
func (a *analyzer) behind(ctx context.Context) error {
	p, err := a.begin(ctx, nameBehind, 3, lab.FaultPartition, lab.FaultKill, lab.FaultPause)
	if p == nil || err != nil {
		return err
	}
	names := p.target.Nodes()
	late, ahead := p.others[0], p.others[1:]
	var still []string
	for _, n := range ahead {
		still = append(still, names[n])
	}
	return p.play(ctx,
		p.each(func(ctx context.Context, pt *part) error {
			err := pt.openSet(ctx, "sam", p.leader)
			if err == nil {
				err = pt.until(ctx, "sam", []int{p.leader}, func(ctx context.Context) history.Op { return pt.add(ctx, "sam", "t") })
			}
			return errors.Join(err, pt.everywhere(ctx, pt.set, "set", []int{late}, "t", history.List(history.Int(pt.last))))
		}),
		p.cut(late),
		p.each(func(ctx context.Context, pt *part) error {
			return pt.until(ctx, "sam", []int{p.leader}, func(ctx context.Context) history.Op { return pt.add(ctx, "sam", "t") })
		}),
		p.fault(strings.Join(still, ", ")+" stands still", lab.Fault{Kind: lab.FaultPause, Nodes: ahead}),
		p.fault(names[p.leader]+" is killed", lab.Fault{Kind: lab.FaultKill, Nodes: []int{p.leader}}),
		p.each(func(ctx context.Context, pt *part) error {
			moving, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			pt.sessions["sam"].Move(moving, late)
			pt.read(ctx, "sam", "t")
			pt.add(ctx, "sam", "t")
			return nil
		}),
		p.heal,
		p.each(lastSet),
	)
}
