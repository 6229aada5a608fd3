package sim

import (
	"errors"
	"fmt"
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
	c      *Cluster
	id     kv.NodeID
	fs     *crashfs.FS
	disk   *disk.Disk
	node   *node.Node
	up     bool
	paused bool
	skew   time.Duration
	boot   uint64
	wake   time.Duration
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

// start boots the node from what its disk holds. A disk that says it is damaged
// is an outcome too: the node stays down.
func (m *machine) start() error {
	c := m.c
	c.boots++
	m.boot = c.boots
	c.note("n%d starts", m.id)
	err := m.open()
	if m.fs.Crashed() {
		m.stop()
		return nil
	}
	var damage *disk.DamageError
	switch {
	case errors.As(err, &damage) && m.damaged != nil:
		c.note("n%d is damaged", m.id)
		return nil
	case errors.Is(err, crashfs.ErrInjected):
		m.stop()
		return nil
	case err != nil:
		return fmt.Errorf("n%d does not start: %w", m.id, err)
	}
	m.up, m.paused, m.damaged = true, false, nil
	for _, o := range c.nodes {
		if o != m && o.up {
			m.node.PeerUp(o.id)
			o.node.PeerUp(m.id)
		}
	}
	m.schedule(c.now)
	return nil
}

func (m *machine) open() (err error) {
	c := m.c
	m.disk, err = disk.Open(disk.Options{
		FS: m.fs, Dir: dataDir, Inline: true, Sync: true,
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

// step gives the node an input and runs rounds until it has nothing to do.
func (m *machine) step(input func(n *node.Node)) {
	if !m.up || m.paused {
		return
	}
	m.node.SetTime(m.c.now, m.wall())
	if input != nil {
		input(m.node)
	}
	for range 100 {
		sleep, err := m.node.Round()
		switch {
		case m.fs.Crashed():
			m.crash()
			return
		case err != nil:
			if !errors.Is(err, crashfs.ErrInjected) {
				m.c.fault = fmt.Errorf("n%d stopped: %w", m.id, err)
			}
			m.crash()
			return
		case sleep > 0:
			m.schedule(m.c.now + sleep)
			return
		}
	}
	m.schedule(m.c.now + time.Millisecond)
}

// crash ends the process, and with it what was not synced.
func (m *machine) crash() {
	if !m.up {
		return
	}
	m.up = false
	m.stop()
	m.c.net.drop(m.id)
	for _, o := range m.c.nodes {
		if o != m && o.up {
			o.node.SetTime(m.c.now, o.wall())
			o.node.PeerDown(m.id, m.c.rng.IntN(2) == 0)
			o.schedule(m.c.now)
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
