package sim

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/sim/crashfs"
)

// Options of a run.
type Options struct {
	Seed  uint64
	Ops   int
	Nodes int
	Bugs  group.Bugs
	Trace io.Writer // gets a line for everything that happens; may be nil
}

// Report is what a run showed.
type Report struct {
	Seed    uint64
	Trace   uint64 // the same for the same seed
	Outcome map[kv.Outcome]int
	Crashes int
	Cuts    int
	Flips   int
	Elapsed time.Duration // simulated
}

// Violation is a promise that a run showed to be broken.
type Violation struct {
	Seed uint64
	What string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("seed %d: %s; replay with: parley sim --seed %d", v.Seed, v.What, v.Seed)
}

// judgeTime bounds Porcupine on one history.
const judgeTime = 20 * time.Second

// Run simulates one cluster under faults and judges it. A broken promise is a
// *Violation.
func Run(o Options) (rep Report, err error) {
	rep.Seed = o.Seed
	defer func() {
		if p := recover(); p != nil {
			err = &Violation{o.Seed, fmt.Sprintf("panic: %v", p)}
		}
	}()
	c, err := New(o.Seed, o.Nodes, o.Bugs, o.Trace)
	if err != nil {
		return rep, err
	}
	defer func() { c.Close() }()
	w := newWorkload(c, 5, o.Ops)
	f := &faults{c: c, rep: &rep}
	f.next()
	for limit := c.now + time.Hour; w.left > 0 && c.now < limit; {
		if err := c.Run(c.now + time.Second); err != nil {
			return rep, err
		}
	}
	f.stop = true
	if err := f.healAll(); err != nil {
		return rep, err
	}
	if err := c.Run(c.now + 20*time.Second); err != nil {
		return rep, err
	}
	rep.Trace, rep.Outcome, rep.Elapsed = c.Trace(), w.outcome, c.now
	return rep, judge(c, w, o.Seed)
}

func judge(c *Cluster, w *workload, seed uint64) error {
	if w.outcome[kv.OutcomeOK] == 0 {
		return &Violation{seed, "no operation succeeded"}
	}
	switch porcupine.CheckOperationsTimeout(model, w.ops, judgeTime) {
	case porcupine.Illegal:
		return &Violation{seed, "the history is not linearizable"}
	case porcupine.Unknown:
		return errors.New("the history could not be judged in time")
	}
	digests := map[kv.GroupID]uint64{}
	for _, s := range c.nodes {
		if !s.node.Ready() {
			return &Violation{seed, fmt.Sprintf("n%d knows no leader 20 s after all was healed", s.id)}
		}
		for id, d := range s.node.Digests() {
			if first, ok := digests[id]; ok && first != d {
				return &Violation{seed, fmt.Sprintf("replicas of %v differ after healing", id)}
			}
			digests[id] = d
		}
	}
	return nil
}

// faults is the nemesis: from time to time it breaks or mends something.
type faults struct {
	c    *Cluster
	rep  *Report
	stop bool
}

func (f *faults) next() {
	f.c.events.push(f.c.now+time.Duration(200+f.c.rng.IntN(1800))*time.Millisecond, func() {
		if f.stop {
			return
		}
		f.strike()
		f.next()
	})
}

func (f *faults) strike() {
	c := f.c
	s := c.nodes[c.rng.IntN(len(c.nodes))]
	switch c.rng.IntN(11) {
	case 0:
		if s.up {
			f.rep.Crashes++
			s.crash()
		}
	case 1:
		if s.up {
			f.rep.Crashes++
			s.fs.Arm(crashfs.Plan{Kind: crashfs.Crash, After: c.rng.IntN(4)})
		}
	case 6:
		if s.up {
			s.fs.Arm(crashfs.Plan{Kind: crashfs.FailWrite + crashfs.Kind(c.rng.IntN(2)), After: c.rng.IntN(6)})
		}
	case 7:
		f.flip(s)
	case 2:
		f.rep.Cuts++
		c.net.partition(c.rng.Uint64(), c.rng.IntN(3) == 0)
	case 3:
		c.net.loss, c.net.delay = c.rng.IntN(20), time.Duration(1+c.rng.IntN(100))*time.Millisecond
	case 4:
		s.paused = true
	case 5:
		s.skew = time.Duration(c.rng.IntN(2000)-1000) * time.Millisecond
	default:
		if err := f.mend(); err != nil && c.fault == nil {
			c.fault = err
		}
	}
}

// flip lets a bit of a node's log rot while the node is down. One node at most
// is damaged at a time, or no majority could start.
func (f *faults) flip(m *machine) {
	if m.up || m.damaged != nil {
		return
	}
	for _, o := range f.c.nodes {
		if o.damaged != nil {
			return
		}
	}
	if _, _, undo, ok := m.fs.Flip(f.c.rng, func(p string) bool { return strings.HasPrefix(p, dataDir+"/log/") }); ok {
		f.rep.Flips++
		m.damaged = undo
	}
}

func (f *faults) mend() error {
	f.c.net.heal()
	for _, s := range f.c.nodes {
		s.fs.Arm(crashfs.Plan{})
		if !s.up {
			if err := s.start(); err != nil {
				return err
			}
		}
		if s.paused {
			s.paused = false
			s.schedule(f.c.now)
		}
	}
	return nil
}

func (f *faults) healAll() error {
	for _, s := range f.c.nodes {
		s.skew = 0
		if s.damaged != nil && !s.up {
			s.damaged()
		}
	}
	return f.mend()
}
