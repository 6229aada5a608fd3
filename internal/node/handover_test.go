package node

import (
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
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
