package sim

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	randv2 "math/rand/v2"
	"time"

	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
)

// epoch is the wall clock at the start of every run, in Unix milliseconds.
const epoch = 1_700_000_000_000

// Cluster is a simulated cluster.
type Cluster struct {
	seed    uint64
	rng     *randv2.Rand
	now     time.Duration
	events  eventQueue
	nodes   []*machine
	net     network
	members []meta.Member
	bugs    group.Bugs
	trace   *tracer
	fault   error // a node failed that should not have
	boots   uint64
}

// seededReader gives Raft its election jitter: it draws from crypto/rand.
type seededReader struct{ rng *randv2.ChaCha8 }

func (s seededReader) Read(p []byte) (int, error) { return s.rng.Read(p) }

// New starts a cluster of n nodes. One Cluster runs at a time in a process,
// because Raft's source of randomness is global. trace may be nil.
func New(seed uint64, n int, bugs group.Bugs, trace io.Writer) (*Cluster, error) {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.Reader = seededReader{randv2.NewChaCha8(key)}
	c := &Cluster{seed: seed, rng: randv2.New(randv2.NewPCG(seed, 0x9a21e7)), bugs: bugs, trace: newTracer(trace)}
	c.net.init(c)
	for i := 1; i <= n; i++ {
		id := kv.NodeID(i)
		c.members = append(c.members, meta.Member{ID: id, Name: fmt.Sprintf("n%d", i), Site: fmt.Sprintf("s%d", i)})
	}
	for i := 1; i <= n; i++ {
		c.nodes = append(c.nodes, newMachine(c, kv.NodeID(i)))
	}
	for _, m := range c.nodes {
		if err := m.start(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Cluster) note(format string, args ...any) { c.trace.note(c.now, format, args...) }

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
	for _, m := range c.nodes {
		if m.up {
			_ = m.disk.Close()
		}
	}
}

// Trace is a digest of everything that happened.
func (c *Cluster) Trace() uint64 { return c.trace.sum.Sum64() }
