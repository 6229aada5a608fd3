package node

import (
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// A node whose clock is off hands its leaderships over, to one whose clock is
// right, and its clients go on.
func TestClockOffHandsOver(t *testing.T) {
	c := newTestCluster(t, 5)
	lead := c.leader()
	c.do(lead, 0, "set k v")
	c.until("clocks are compared", func() bool { return c.now > 3*pingInterval })
	c.skew[lead.cfg.ID-1] = 10 * time.Second
	wrong := c.other(lead) // the first in the order: would be asked first
	c.skew[wrong.cfg.ID-1] = 10 * time.Second
	if p := c.do(lead, 0, "set k w"); p.err != nil || p.receipt.Stamp.Millis() > testEpoch+c.now.Milliseconds()+500 {
		t.Fatalf("a write at a node whose clock is off: %v, stamp %v", p.err, p.receipt.Stamp)
	}
	c.until("another leads", func() bool { l := c.leader(); return l != lead && l != wrong })
	if p := c.do(lead, 0, "get k"); p.reply != "$1\r\nw\r\n" {
		t.Fatalf("a read at a node whose clock is off: %q, %v", p.reply, p.err)
	}
}

// Where nobody may stamp, writes end as -CLOCK: certainly nothing happened, at
// the leader and through others. Reads go on.
func TestNobodyMayStamp(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k v")
	c.until("clocks are compared", func() bool { return c.now > 3*pingInterval })
	for i := range c.skew {
		c.skew[i] = time.Duration(i) * 10 * time.Second // each is off from both others
	}
	compared := c.now + 2*pingInterval
	c.until("clocks are compared", func() bool { return c.now > compared })
	for _, n := range c.nodes {
		p := c.do(n, 0, "append k x")
		if kv.KindOf(p.err) != kv.KindClock || p.receipt.Outcome != kv.OutcomeFailed {
			t.Fatalf("at n%d: %q, %v", n.cfg.ID, p.reply, p.err)
		}
		if !strings.Contains(p.err.Error(), "nothing was done") {
			t.Errorf("the error is %q", p.err)
		}
		if p := c.do(n, 0, "get k"); p.reply != "$1\r\nv\r\n" {
			t.Fatalf("a read at n%d: %q, %v", n.cfg.ID, p.reply, p.err)
		}
	}
	for i := range c.skew {
		c.skew[i] = 0
	}
	if p := c.do(lead, 0, "append k y"); p.reply != ":2\r\n" {
		t.Fatalf("when the clocks are right again: %q, %v", p.reply, p.err)
	}
}

// A leader from which nothing has come for some heartbeats is given no more
// commands: they wait for the next one, instead of ending as unknown.
func TestSilentLeaderIsNotAsked(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	n := c.other(lead)
	c.do(n, 0, "set k v")
	c.cut[lead.cfg.ID-1] = true
	for until := c.now + 350*time.Millisecond; c.now < until; {
		c.step()
	}
	if n.groups[1].Leader() != lead.cfg.ID {
		t.Fatal("the election came before the test could ask")
	}
	if p := c.do(n, 0, "append k w"); p.reply != ":2\r\n" {
		t.Fatalf("%q, %v", p.reply, p.err)
	}
}

// What is under way on a node is bounded, and what is refused did nothing.
func TestBusyNode(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	for i := range c.cut {
		c.cut[i] = true
	}
	big := strings.Repeat("x", 100<<10)
	var all []*pending
	for range 20 {
		all = append(all, c.start(lead, Request{Calls: calls("append k " + big)}))
	}
	busy := 0
	for _, p := range all {
		if p.done && kv.KindOf(p.err) == kv.KindBusy {
			busy++
		}
	}
	if busy != 10 {
		t.Errorf("%d of 20 commands of 100 KiB were refused at a limit of 1 MiB", busy)
	}
	for i := range c.cut {
		c.cut[i] = false
	}
	for _, p := range all {
		c.wait(p)
	}
	if lead.ops.bytes != 0 {
		t.Errorf("%d bytes are still counted", lead.ops.bytes)
	}
}
