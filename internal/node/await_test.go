package node

import (
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
)

// change makes a keyspace at n and says at the moment of the answer what at
// shows.
func (c *testCluster) change(n *Node, name string, at func()) {
	c.t.Helper()
	done := false
	c.setTime()
	n.Change(meta.Change{Name: name, Model: kv.ModelStrong, Shards: 1}, 0, func(err error) {
		if err != nil {
			c.t.Error(err)
		}
		at()
		done = true
	})
	c.wake[n.cfg.ID-1] = c.now
	c.until("the change", func() bool { return done })
}

// Whoever made a keyspace can use it at once at the same node, also if another
// node leads group 0.
func TestChangeIsKnownToWhoMadeIt(t *testing.T) {
	c := newTestCluster(t, 3)
	c.leader()
	for i, n := range c.nodes {
		name := string(rune('a' + i))
		c.change(n, name, func() {
			if n.Meta().Named(name) == nil {
				t.Errorf("n%d answered before it knew keyspace %s", n.cfg.ID, name)
			}
		})
	}
}

// A node that has not heard of a keyspace hears of it when it asks.
func TestRefresh(t *testing.T) {
	c := newTestCluster(t, 3)
	c.until("a leader of group 0", func() bool { return c.nodes[0].groups[kv.MetaGroup].Leader() != 0 })
	lead := c.nodes[c.nodes[0].groups[kv.MetaGroup].Leader()-1]
	heard, behind := 0, 0
	c.change(lead, "x", func() {
		for i, n := range c.nodes {
			if n.Meta().Named("x") == nil {
				behind++
			}
			c.wake[i] = c.now
			n.Refresh(0, func(err error) {
				if err != nil || n.Meta().Named("x") == nil {
					t.Errorf("n%d after Refresh: %v, knows x: %v", n.cfg.ID, err, n.Meta().Named("x") != nil)
				}
				heard++
			})
		}
	})
	if behind == 0 {
		t.Fatal("every node knew of it before it asked: this shows nothing")
	}
	c.until("all have heard", func() bool { return heard == 3 })
}

// A minority cannot know, and says so at the deadline.
func TestRefreshOnAMinority(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	n := c.other(lead)
	c.cut[n.cfg.ID-1] = true
	var failed error
	began := c.now
	n.Refresh(time.Second, func(err error) { failed = err })
	c.until("an answer", func() bool { return failed != nil })
	if kv.KindOf(failed) != kv.KindUnavailable || c.now-began < time.Second || c.now-began > 1200*time.Millisecond {
		t.Errorf("after %v: %v", c.now-began, failed)
	}
}
