package node

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/wire"
)

// testCluster runs nodes in one goroutine, in steps of time, with disks in
// memory. A node sleeps as long as it said, unless something comes in. Faults by
// seed are package sim's.
type testCluster struct {
	t     testing.TB
	now   time.Duration
	nodes []*Node
	wake  []time.Duration // when each node's sleep ends
	skew  []time.Duration // of the nodes' clocks
	cut   []bool          // nodes that are cut off: frames to and from them vanish
	mail  []letter
	after func() // each round of a node; nil for nothing
}

type letter struct {
	from, to kv.NodeID
	t        wire.FrameType
	payload  []byte
}

type testLink struct {
	c    *testCluster
	from kv.NodeID
}

func (l testLink) Send(to kv.NodeID, t wire.FrameType, payload []byte) bool {
	if !l.c.cut[l.from-1] && !l.c.cut[to-1] {
		l.c.mail = append(l.c.mail, letter{l.from, to, t, append([]byte(nil), payload...)})
	}
	return true
}

func (l testLink) Backlog(kv.NodeID) int { return 0 }

func (l testLink) Flush() {}

func newTestCluster(t testing.TB, size int) *testCluster {
	t.Helper()
	c := &testCluster{t: t, wake: make([]time.Duration, size), skew: make([]time.Duration, size), cut: make([]bool, size)}
	var members []meta.Member
	for i := range size {
		members = append(members, meta.Member{ID: kv.NodeID(i + 1), Name: "n" + strconv.Itoa(i+1), Site: "s"})
	}
	seed := uint64(0)
	for i := range size {
		d, err := disk.Open(disk.Options{FS: vfs.NewMem(), Dir: "data", Inline: true, Sync: true, SegmentBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		n, err := Open(Config{
			ID: members[i].ID, Boot: uint64(i + 1), Cluster: 1, Members: members,
			Tick: 50 * time.Millisecond, ElectionTicks: 10, HeartbeatTicks: 2, ClosedInterval: 200 * time.Millisecond,
			Timeout: 5 * time.Second, ClockBound: 500 * time.Millisecond, MaxInflight: 2, MaxBatch: 64 << 10, MaxWaiting: 1 << 20,
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Seed: func() uint64 { seed += 0x9e3779b97f4a7c15; return seed },
		}, d, testLink{c, members[i].ID}, 0, testEpoch)
		if err != nil {
			t.Fatal(err)
		}
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		for _, m := range members {
			n.PeerUp(m.ID)
		}
	}
	return c
}

const testEpoch = 1_700_000_000_000

func (c *testCluster) setTime() {
	for i, n := range c.nodes {
		n.SetTime(c.now, testEpoch+(c.now+c.skew[i]).Milliseconds())
	}
}

// step lets 5 ms pass.
func (c *testCluster) step() {
	c.now += 5 * time.Millisecond
	c.setTime()
	for range 20 {
		for i, n := range c.nodes {
			if c.now < c.wake[i] {
				continue
			}
			sleep, err := n.Round()
			if err != nil {
				c.t.Fatal(err)
			}
			c.wake[i] = c.now + sleep
			if c.after != nil {
				c.after()
			}
		}
		mail := c.mail
		c.mail = nil
		for _, m := range mail {
			c.nodes[m.to-1].Receive(m.from, m.t, m.payload)
			c.wake[m.to-1] = c.now
		}
		if len(mail) == 0 {
			return
		}
	}
}

// until lets time pass until a condition holds.
func (c *testCluster) until(what string, holds func() bool) {
	c.t.Helper()
	for limit := c.now + time.Minute; !holds(); c.step() {
		if c.now > limit {
			c.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// leader waits until all replicas of main that are not cut off agree who leads.
func (c *testCluster) leader() *Node {
	c.t.Helper()
	var lead kv.NodeID
	c.until("a leader", func() bool {
		lead = 0
		for i, n := range c.nodes {
			if c.cut[i] || n.groups[1] == nil {
				continue
			}
			l := n.groups[1].Leader()
			if l == 0 || c.cut[l-1] || lead != 0 && l != lead {
				return false
			}
			lead = l
		}
		return true
	})
	return c.nodes[lead-1]
}

// other is the first replica of main but one.
func (c *testCluster) other(than *Node) *Node {
	for i, n := range c.nodes {
		if n != than && !c.cut[i] && n.groups[1] != nil {
			return n
		}
	}
	return nil
}

// pending is a request under way.
type pending struct {
	done    bool
	reply   string
	receipt kv.Receipt
	err     error
}

// Complete implements Completer.
func (p *pending) Complete(_ *Request, reply []byte, rc kv.Receipt, err error) {
	if p.done {
		panic("completed twice")
	}
	p.done, p.reply, p.receipt, p.err = true, string(reply), rc, err
}

func calls(lines ...string) (out []Call) {
	for _, line := range lines {
		var args [][]byte
		for _, a := range strings.Fields(line) {
			args = append(args, []byte(a))
		}
		out = append(out, Call{data.Lookup(args[0]), args})
	}
	return out
}

func (c *testCluster) start(n *Node, r Request) *pending {
	p := &pending{}
	r.Done = p
	c.setTime()
	n.Submit(&r)
	c.wake[n.cfg.ID-1] = c.now
	for _, call := range r.Calls {
		for _, a := range call.Args { // a connection's buffer is used again
			clear(a)
		}
	}
	return p
}

func (c *testCluster) wait(p *pending) *pending {
	c.t.Helper()
	c.until("an answer", func() bool { return p.done })
	return p
}

// do runs one command in a keyspace and waits for its reply.
func (c *testCluster) do(n *Node, ks kv.KeyspaceID, line string) *pending {
	c.t.Helper()
	return c.wait(c.start(n, Request{Keyspace: ks, Calls: calls(line)}))
}

// keyspace makes a keyspace with many shards.
func (c *testCluster) keyspace(shards int) kv.KeyspaceID {
	c.t.Helper()
	lead := c.nodes[0]
	var id kv.KeyspaceID
	failed := error(nil)
	lead.Change(meta.Change{Name: "many", Model: kv.ModelStrong, Shards: shards}, 0, func(err error) { failed = err })
	c.until("the keyspace everywhere", func() bool {
		if failed != nil {
			c.t.Fatal(failed)
		}
		for _, n := range c.nodes {
			k := n.Meta().Named("many")
			if k == nil {
				return false
			}
			id = k.ID
		}
		return true
	})
	return id
}
