package sim

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	randv2 "math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/node"
)

// epoch is the wall clock at the start of every run, in Unix milliseconds.
const epoch = 1_700_000_000_000

// Cluster is a simulated cluster.
type Cluster struct {
	rng     *randv2.Rand
	now     time.Duration
	events  eventQueue
	nodes   []*simNode
	net     network
	members []meta.Member
	bugs    group.Bugs
	hash    hashState
	fault   error // a node failed that should not have
	boots   uint64
}

// simNode is one node with its disk and clock.
type simNode struct {
	c      *Cluster
	id     kv.NodeID
	fs     *vfs.MemFS
	disk   *disk.Disk
	node   *node.Node
	up     bool
	paused bool
	skew   time.Duration
	boot   uint64
	wake   time.Duration
	tear   bool // crash at the next disk sync
	torn   bool
}

// hashState folds everything that happens into one number.
type hashState struct{ sum uint64 }

func (h *hashState) add(parts ...any) {
	f := fnv.New64a()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], h.sum)
	f.Write(b[:])
	fmt.Fprint(f, parts...)
	h.sum = f.Sum64()
}

// seededReader gives Raft its election jitter: it draws from crypto/rand.
type seededReader struct{ rng *randv2.ChaCha8 }

func (s seededReader) Read(p []byte) (int, error) { return s.rng.Read(p) }

// New starts a cluster of n nodes. One Cluster runs at a time in a process,
// because Raft's source of randomness is global.
func New(seed uint64, n int, bugs group.Bugs) (*Cluster, error) {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.Reader = seededReader{randv2.NewChaCha8(key)}
	c := &Cluster{rng: randv2.New(randv2.NewPCG(seed, 0x9a21e7)), bugs: bugs}
	c.net.init(c)
	for i := 1; i <= n; i++ {
		id := kv.NodeID(i)
		c.members = append(c.members, meta.Member{ID: id, Name: fmt.Sprintf("n%d", i), Site: fmt.Sprintf("s%d", i)})
	}
	for i := 1; i <= n; i++ {
		s := &simNode{c: c, id: kv.NodeID(i), fs: vfs.NewCrashableMem()}
		c.nodes = append(c.nodes, s)
		if err := s.start(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// errTorn is the disk sync at which a node crashes.
var errTorn = errors.New("sim: crashed at this sync")

func (s *simNode) inject(op errorfs.Op) error {
	if !s.tear || op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData {
		return nil
	}
	s.torn = true
	return errTorn
}

func (s *simNode) start() error {
	c := s.c
	c.boots++
	s.boot = c.boots
	d, err := disk.Open(disk.Options{
		FS: errorfs.Wrap(s.fs, errorfs.InjectorFunc(s.inject)), Dir: "data", Inline: true, Sync: true,
		CacheBytes: 1 << 20, SegmentBytes: 64 << 10, GenerationBytes: 16 << 10, LogKeepBytes: 64 << 10,
	})
	if err != nil {
		return fmt.Errorf("n%d: %w", s.id, err)
	}
	s.disk = d
	s.node, err = node.Open(node.Config{
		ID: s.id, Boot: s.boot, Cluster: 1, Members: c.members,
		Tick: 50 * time.Millisecond, ElectionTicks: 10, HeartbeatTicks: 2,
		ClosedInterval: 200 * time.Millisecond, Timeout: 5 * time.Second, ClockBound: 500 * time.Millisecond,
		MaxInflight: 2, MaxBatch: 64 << 10, MaxWaiting: 16 << 20,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Seed: c.rng.Uint64, Bugs: c.bugs,
	}, d, &c.net.ends[s.id-1], c.now, s.wall())
	if err != nil {
		return err
	}
	s.up, s.paused, s.tear, s.torn = true, false, false, false
	for _, o := range c.nodes {
		if o != s && o.up {
			s.node.PeerUp(o.id)
			o.node.PeerUp(s.id)
		}
	}
	s.schedule(c.now)
	return nil
}

func (s *simNode) wall() int64 { return epoch + (s.c.now + s.skew).Milliseconds() }

// schedule makes sure that the node runs a round at the given time.
func (s *simNode) schedule(at time.Duration) {
	s.wake = at
	boot := s.boot
	s.c.events.push(at, func() {
		if s.up && s.boot == boot && s.wake == at {
			s.step(nil)
		}
	})
}

// step gives the node an input and runs rounds until it has nothing to do.
func (s *simNode) step(input func(n *node.Node)) {
	if !s.up || s.paused {
		return
	}
	s.node.SetTime(s.c.now, s.wall())
	if input != nil {
		input(s.node)
	}
	for range 100 {
		sleep, err := s.node.Round()
		if err != nil {
			if !s.torn {
				s.c.fault = fmt.Errorf("n%d stopped: %w", s.id, err)
			}
			s.crash()
			return
		}
		if sleep > 0 {
			s.schedule(s.c.now + sleep)
			return
		}
	}
	s.schedule(s.c.now + time.Millisecond)
}

// crash ends the process.
func (s *simNode) crash() {
	if !s.up {
		return
	}
	// All of what was not synced is lost, or nothing: how much of it there is
	// depends on Pebble's background, which the seed does not rule. Torn and
	// half-kept writes are the crash tests' of package disk.
	clone := s.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * s.c.rng.IntN(2), RNG: s.c.rng})
	s.up, s.tear = false, false
	_ = s.disk.Close()
	s.fs = clone
	s.c.net.drop(s.id)
	for _, o := range s.c.nodes {
		if o != s && o.up {
			o.node.SetTime(s.c.now, o.wall())
			o.node.PeerDown(s.id, s.c.rng.IntN(2) == 0)
			o.schedule(s.c.now)
		}
	}
	s.c.hash.add("crash", s.id, s.c.now)
}

// Run lets simulated time pass until the given time.
func (c *Cluster) Run(until time.Duration) error {
	for c.fault == nil {
		at, fn := c.events.next(until)
		if fn == nil {
			c.now = until
			return nil
		}
		c.now = at
		fn()
	}
	return c.fault
}

// Close releases the disks.
func (c *Cluster) Close() {
	for _, s := range c.nodes {
		if s.up {
			_ = s.disk.Close()
		}
	}
}

// Trace is a digest of everything that happened.
func (c *Cluster) Trace() uint64 { return c.hash.sum }
