package node

import (
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// A node that stops in order costs nobody an operation, and no waiting for
// ticks: what is under way there and elsewhere is done by the new leader.
func TestStopInOrder(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k 0")
	c.after = func() {
		if lead.Stopped() && !c.cut[lead.cfg.ID-1] { // its process ends at once
			c.cut[lead.cfg.ID-1] = true
			for _, n := range c.nodes {
				n.PeerDown(lead.cfg.ID, false)
			}
		}
	}
	var all []*pending
	began := c.now
	for range 2 {
		for _, n := range c.nodes {
			all = append(all, c.start(n, Request{Calls: calls("incr k")}), c.start(n, Request{Calls: calls("get k")}))
		}
		lead.Stop()
	}
	if lead.Stopped() {
		t.Fatal("stopped with operations under way")
	}
	c.until("all is answered", func() bool {
		for _, p := range all {
			if !p.done {
				return false
			}
		}
		return lead.Stopped()
	})
	if took := c.now - began; took > 5*time.Millisecond {
		t.Errorf("it took %v, though messages take no time", took)
	}
	for i, p := range all {
		if p.err != nil {
			t.Errorf("operation %d: %v", i, p.err)
		}
	}
	if p := c.do(c.leader(), 0, "get k"); p.reply != "$1\r\n6\r\n" {
		t.Errorf("six increments give %q (%v)", p.reply, p.err)
	}
}

// A stopping leader whose successor does not answer tries again.
func TestStopAsksAgain(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	deaf := c.other(lead).cfg.ID - 1
	c.cut[deaf] = true
	lead.Stop()
	c.until("another was asked in vain", func() bool { return c.now > lead.groups[1].handedAt+lead.electionTimeout()/2 })
	if lead.Stopped() {
		t.Fatal("stopped, though nobody took over")
	}
	c.cut[deaf] = false
	c.until("it has stopped", lead.Stopped)
}

// When a leader's process is gone the election waits for no timeout, even if
// the others hear of it one after another.
func TestGoneLeaderIsReplacedAtOnce(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k v")
	var left []*Node
	for _, n := range c.nodes {
		if n != lead {
			left = append(left, n)
		}
	}
	c.cut[lead.cfg.ID-1] = true
	began := c.now
	for _, n := range left { // the first in the order campaigns, and is refused by the other, who knows nothing yet
		n.PeerDown(lead.cfg.ID, true)
		c.wake[n.cfg.ID-1] = c.now
		c.step()
		c.step()
	}
	write := c.start(left[1], Request{Calls: calls("set k w")})
	c.until("the write is done", func() bool { return write.done })
	if took := c.now - began; took > 50*time.Millisecond || kv.OutcomeOf(write.err) != kv.OutcomeOK {
		t.Errorf("a write after %v: %v", took, write.err)
	}
}

// afterALostEntry is a cluster whose leader is cut off. Of the two that are left
// the first lacks an entry that the second has.
func afterALostEntry(t *testing.T) (c *testCluster, lead *Node, left []*Node) {
	t.Helper()
	c = newTestCluster(t, 3)
	lead = c.leader()
	c.do(lead, 0, "set k v")
	for _, n := range c.nodes {
		if n != lead {
			left = append(left, n)
		}
	}
	c.cut[left[0].cfg.ID-1] = true
	c.do(lead, 0, "set k w")
	c.cut[left[0].cfg.ID-1], c.cut[lead.cfg.ID-1] = false, true
	return c, lead, left
}

// If the first in the order lacks entries that another has, that one campaigns
// as soon as it is asked for its vote.
func TestWhoHasMoreCampaigns(t *testing.T) {
	c, lead, left := afterALostEntry(t)
	began := c.now
	for _, n := range left {
		n.PeerDown(lead.cfg.ID, true)
		c.wake[n.cfg.ID-1] = c.now
	}
	write := c.start(left[0], Request{Calls: calls("append k x")})
	c.until("the write is done", func() bool { return write.done })
	if took := c.now - began; took > 50*time.Millisecond || write.reply != ":2\r\n" || !left[1].groups[1].IsLeader() {
		t.Errorf("a write after %v: %q, %v", took, write.reply, write.err)
	}
}

// Nor does an election wait for the one who has more, when the leader is silent
// and the first whose timeout ends is the other.
func TestWhoHasMoreIsWoken(t *testing.T) {
	c, lead, left := afterALostEntry(t)
	for range 80 { // 400 ms of silence
		c.step()
	}
	if left[1].groups[1].Leader() != lead.cfg.ID {
		t.Fatal("the leader's office is over already")
	}
	left[0].groups[1].Campaign() // as at the end of its timeout
	c.wake[left[0].cfg.ID-1] = c.now
	for range 4 {
		c.step()
	}
	if !left[1].groups[1].IsLeader() {
		t.Error("who has more of the log does not lead")
	}
}

// A follower that decides nothing hears of entries later, and of several at
// once; it is still not far behind, and is caught up before it answers a read.
func TestThirdFollowsInLargerSteps(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k 0")
	c.until("all are alike", func() bool {
		for _, n := range c.nodes {
			if n.groups[1].Applied() != lead.groups[1].Applied() {
				return false
			}
		}
		return true
	})
	to := map[kv.NodeID]int{}
	for range 3 {
		p := c.start(lead, Request{Calls: calls("incr k")})
		for !p.done { // no time passes
			for _, n := range c.nodes {
				if _, err := n.Round(); err != nil {
					t.Fatal(err)
				}
			}
			mail := c.mail
			c.mail = nil
			for _, m := range mail {
				if m.from == lead.cfg.ID && (m.t == wire.FrameRaft || m.t == wire.FrameControl) {
					to[m.to]++
				}
				c.nodes[m.to-1].Receive(m.from, m.t, m.payload)
			}
		}
	}
	if len(to) != 1 {
		t.Fatalf("messages of Raft before the answer: %v; want them for one follower", to)
	}
	for _, n := range c.nodes {
		if n == lead || to[n.cfg.ID] > 0 {
			continue
		}
		if n.groups[1].Applied() == lead.groups[1].Applied() {
			t.Error("no node is behind")
		}
		began := c.now
		if p := c.do(n, 0, "get k"); p.reply != "$1\r\n3\r\n" || c.now-began > 5*time.Millisecond {
			t.Errorf("a linearizable read there: %q, %v, after %v", p.reply, p.err, c.now-began)
		}
	}
}

// A follower that nobody asks anything learns of a commit soon, though no
// message is sent for that alone while more entries come.
func TestFollowersLearnOfCommits(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k v")
	began := c.now
	c.until("all have applied it", func() bool {
		for _, n := range c.nodes {
			if n.groups[1].Applied() != lead.groups[1].Applied() {
				return false
			}
		}
		return true
	})
	if took := c.now - began; took > 10*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}
