package sim

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	randv2 "math/rand/v2"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/planted"
)

// epoch is the wall clock at the start of every run, in Unix milliseconds.
const epoch = 1_700_000_000_000

// Cluster is a simulated cluster.
type Cluster struct {
	seed     uint64
	rng      *randv2.Rand
	now      time.Duration
	events   eventQueue
	nodes    []*machine
	net      network
	members  []meta.Member
	keyspace kv.KeyspaceID
	bugs     planted.Bugs
	trace    *tracer
	watch    *watch
	crashed  func(*machine) // told when a node goes down
	boots    uint64
	steps    int // events so far
	limit    int // of steps
	maxSkew  time.Duration
}

// seededReader gives Raft its election jitter: it draws from crypto/rand.
type seededReader struct{ rng *randv2.ChaCha8 }

func (s seededReader) Read(p []byte) (int, error) { return s.rng.Read(p) }

// newCluster starts a cluster. One runs at a time in a process, because Raft's
// source of randomness is global.
func newCluster(o Options, p *profile, b *Bug) *Cluster {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], o.Seed)
	rand.Reader = seededReader{randv2.NewChaCha8(key)}
	c := &Cluster{
		seed: o.Seed, rng: randv2.New(randv2.NewPCG(o.Seed, 0x9a21e7)), trace: newTracer(o.Trace),
		crashed: func(*machine) {}, limit: stepsPerOp * (o.Ops + 100),
	}
	if b != nil {
		b.plant(&c.bugs)
	}
	c.watch = newWatch(c)
	c.net.init(c, p)
	for i := 1; i <= o.Nodes; i++ {
		id := kv.NodeID(i)
		c.members = append(c.members, meta.Member{ID: id, Name: fmt.Sprintf("n%d", i), Site: fmt.Sprintf("s%d", i)})
	}
	for i := 1; i <= o.Nodes; i++ {
		c.nodes = append(c.nodes, newMachine(c, kv.NodeID(i)))
	}
	for _, m := range c.nodes {
		m.start()
	}
	if p.shards > 0 {
		c.shard(p.shards)
	}
	return c
}

// shard makes a keyspace of several shards, for the clients to use.
func (c *Cluster) shard(n int) {
	made := false
	c.run(time.Second) // until there are leaders
	c.nodes[0].step(func(at *node.Node) {
		ch := meta.Change{Name: "sharded", Model: kv.ModelStrong, Shards: n}
		at.Change(ch, 0, func(err error) { made = err == nil })
	})
	c.run(10 * time.Second)
	if !made {
		c.watch.report("recovery", "no keyspace of %d shards could be made in 10 s without faults", n)
		return
	}
	c.keyspace = 1
}

func (c *Cluster) note(format string, args ...any) { c.trace.note(c.now, format, args...) }

// within is a random time below d.
func (c *Cluster) within(d time.Duration) time.Duration { return time.Duration(c.rng.Int64N(int64(d))) }

// skewed notes by how much clocks differ now.
func (c *Cluster) skewed() {
	low, high := c.nodes[0].skew, c.nodes[0].skew
	for _, m := range c.nodes {
		low, high = min(low, m.skew), max(high, m.skew)
	}
	c.maxSkew = max(c.maxSkew, high-low)
}

// stepsPerOp bounds a run: far above what one that makes progress takes. Nodes
// that lost what they should have kept may answer each other for ever.
const stepsPerOp = 250

// run lets simulated time pass until the given time, or the run's limit.
func (c *Cluster) run(until time.Duration) {
	for {
		if c.steps++; c.steps > c.limit {
			c.watch.report("recovery", "the cluster makes no progress: %d events, and no end at %v", c.limit, c.now)
			c.now = until
			return
		}
		at, fn := c.events.next(until)
		if fn == nil {
			c.now = until
			return
		}
		c.now = at
		fn()
	}
}

// close releases the disks.
func (c *Cluster) close() {
	for _, m := range c.nodes {
		if m.up {
			_ = m.disk.Close()
		}
	}
}
