package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
)

// still runs rounds and delivers frames until nothing is under way, in no time.
func (c *testCluster) still() {
	c.t.Helper()
	c.setTime()
	for range 50 {
		for _, n := range c.nodes {
			if _, err := n.Round(); err != nil {
				c.t.Fatal(err)
			}
		}
		mail := c.mail
		c.mail = nil
		for _, m := range mail {
			c.nodes[m.to-1].Receive(m.from, m.t, m.payload)
		}
		if len(mail) == 0 {
			return
		}
	}
	c.t.Fatal("frames without end")
}

// What the groups of a leader hold for a follower goes together, when the first
// of it is due: one sync there serves all of them.
func TestGroupsLetGoTogether(t *testing.T) {
	c := newTestCluster(t, 3)
	c.leader()
	ks := c.keyspace(16)
	keys := map[kv.GroupID]string{}
	for i := range 200 {
		key := fmt.Sprint("k", i)
		k := c.nodes[0].Meta().Keyspace(ks)
		keys[k.Groups[k.Shard(data.Slot([]byte(key)))].ID] = key
		c.do(c.nodes[0], ks, "set "+key+" 0")
	}
	lead, led := c.nodes[0], []*replica(nil)
	for _, n := range c.nodes {
		var here []*replica
		for _, r := range n.order {
			if keys[r.id] != "" && r.IsLeader() {
				here = append(here, r)
			}
		}
		if len(here) > len(led) {
			lead, led = n, here
		}
	}
	// Between two ticks, so that no closed timestamp comes in between.
	c.until("nothing is held", func() bool { return len(lead.holds) == 0 && c.now%(50*time.Millisecond) == 10*time.Millisecond })
	first, second := led[0], led[1]
	holds := func(r *replica) bool { _, entries := r.Holds(); return entries }
	for _, r := range []*replica{first, second} {
		p := c.start(lead, Request{Keyspace: ks, Calls: calls("set " + keys[r.id] + " 1")})
		c.still()
		if !p.done || p.err != nil || !holds(r) {
			t.Fatalf("%v: answered %v (%v), holds entries for the third replica: %v", r.id, p.done, p.err, holds(r))
		}
		c.now += entriesDelay / 2
	}
	c.still()
	if holds(first) || holds(second) {
		t.Errorf("held still: of the first %v, of the second %v", holds(first), holds(second))
	}
}
