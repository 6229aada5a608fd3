package sim

import (
	"errors"
	"io"
	"log/slog"
	randv2 "math/rand/v2"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/sim/crashfs"
)

// machine is one node with its disk and clock.
type machine struct {
	c        *Cluster
	id       kv.NodeID
	fs       *crashfs.FS
	disk     *disk.Disk
	node     *node.Node
	up       bool
	paused   bool
	skew     time.Duration
	boot     uint64
	wake     time.Duration
	inbox    []func(n *node.Node) // what came while it was paused
	applied  map[kv.GroupID]uint64
	panicked bool
	// damaged puts a flipped bit right again, while the node refuses to start
	// because of it.
	damaged func()
}

func newMachine(c *Cluster, id kv.NodeID) *machine {
	m := &machine{c: c, id: id}
	m.fs = crashfs.New(crashfs.Options{
		Rand:       randv2.New(randv2.NewPCG(c.seed, uint64(id))),
		Background: func(path string) bool { return strings.HasPrefix(path, dataDir+"/state") },
		Trace: func(what, path string, off int64, n int) {
			c.note("n%d disk %s %s %d %d", id, what, path, off, n)
		},
	})
	return m
}

const dataDir = "data"

// start boots the node from what its disk holds, if it is down. A disk that says
// it is damaged is an outcome too: the node stays down.
func (m *machine) start() {
	c := m.c
	if m.up || m.panicked {
		return
	}
	c.boots++
	m.boot, m.disk, m.node = c.boots, nil, nil
	m.paused, m.inbox, m.applied = false, nil, map[kv.GroupID]uint64{}
	c.note("n%d starts", m.id)
	err := m.open()
	if m.fs.Crashed() || m.panicked {
		m.stop()
		return
	}
	var damage *disk.DamageError
	switch {
	case errors.As(err, &damage) && m.damaged != nil:
		c.note("n%d is damaged", m.id)
		return
	case errors.Is(err, crashfs.ErrInjected):
		m.stop()
		return
	case err != nil:
		c.watch.report("recovery", "n%d does not start: %v", m.id, err)
		return
	}
	m.up, m.damaged = true, nil
	for _, o := range c.nodes {
		if o != m && o.up {
			m.node.PeerUp(o.id)
			o.node.PeerUp(m.id)
		}
	}
	c.watch.look(m)
	m.schedule(c.now)
}

// guard turns a panic of a node into a finding, and the node's end.
func (m *machine) guard() {
	if p := recover(); p != nil {
		m.c.watch.report("panic", "n%d panicked: %v", m.id, p)
		m.panicked = true
	}
}

func (m *machine) open() (err error) {
	c := m.c
	defer m.guard()
	m.disk, err = disk.Open(disk.Options{
		FS: m.fs, Dir: dataDir, Inline: true, Sync: true, Bugs: c.bugs,
		CacheBytes: 1 << 20, SegmentBytes: 16 << 10, GenerationBytes: 8 << 10, LogKeepBytes: 16 << 10,
	})
	if err != nil {
		return err
	}
	m.node, err = node.Open(node.Config{
		ID: m.id, Boot: m.boot, Cluster: 1, Members: c.members,
		Tick: 50 * time.Millisecond, ElectionTicks: 10, HeartbeatTicks: 2,
		ClosedInterval: 200 * time.Millisecond, Timeout: 5 * time.Second, ClockBound: 500 * time.Millisecond,
		MaxInflight: 2, MaxBatch: 64 << 10, MaxWaiting: 16 << 20,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Seed: c.rng.Uint64, Bugs: c.bugs,
	}, m.disk, &c.net.ends[m.id-1], c.now, m.wall())
	if err != nil {
		return errors.Join(err, m.disk.Close())
	}
	return nil
}

func (m *machine) wall() int64 { return epoch + (m.c.now + m.skew).Milliseconds() }

// alive says whether what the node does reaches anybody: it may be past the
// moment at which its machine stopped, within the same round.
func (m *machine) alive() bool { return m.up && !m.fs.Crashed() }

// schedule makes sure that the node runs a round at the given time.
func (m *machine) schedule(at time.Duration) {
	m.wake = at
	boot := m.boot
	m.c.events.push(at, func() {
		if m.up && m.boot == boot && m.wake == at {
			m.step(nil)
		}
	})
}

// step gives the node an input and runs rounds until it has nothing to do. A
// node that is paused gets it later.
func (m *machine) step(input func(n *node.Node)) {
	switch {
	case !m.up:
		return
	case m.paused:
		if input != nil {
			m.inbox = append(m.inbox, input)
		}
		return
	}
	again, err := m.rounds(input)
	switch {
	case m.fs.Crashed() || m.panicked:
		m.crash()
	case err != nil:
		if !errors.Is(err, crashfs.ErrInjected) {
			m.c.watch.report("panic", "n%d stopped: %v", m.id, err)
		}
		m.crash()
	default:
		m.c.watch.look(m)
		m.schedule(m.c.now + again)
	}
}

func (m *machine) rounds(input func(n *node.Node)) (again time.Duration, err error) {
	defer m.guard()
	m.node.SetTime(m.c.now, m.wall())
	if input != nil {
		input(m.node)
	}
	for range 100 {
		again, err = m.node.Round()
		if err != nil || again > 0 || m.fs.Crashed() {
			return again, err
		}
	}
	return time.Millisecond, nil
}

// resume ends a pause: all that came meanwhile is there at once.
func (m *machine) resume() {
	if !m.up || !m.paused {
		return
	}
	m.paused = false
	inbox := m.inbox
	m.inbox = nil
	m.c.note("n%d goes on", m.id)
	m.step(func(n *node.Node) {
		for _, in := range inbox {
			in(n)
		}
	})
}

// crash ends the process, and with it what was not synced.
func (m *machine) crash() {
	if !m.up {
		return
	}
	m.up = false
	m.stop()
	m.c.net.drop(m.id)
	m.c.crashed(m)
	for _, o := range m.c.nodes {
		if o != m && o.up {
			gone := m.c.rng.IntN(2) == 0
			o.step(func(n *node.Node) { n.PeerDown(m.id, gone) })
		}
	}
}

// stop leaves the disk as the crash left it.
func (m *machine) stop() {
	after := m.fs.Crash()
	if m.disk != nil {
		_ = m.disk.Close() // into the old file system, which nobody will see
	}
	m.fs = after
	m.c.note("n%d is down", m.id)
}
