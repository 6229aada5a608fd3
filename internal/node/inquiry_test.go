package node

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// inquiries counts the inquiries on their way to each node.
func (c *testCluster) inquiries() map[kv.NodeID]int {
	to := map[kv.NodeID]int{}
	for _, m := range c.mail {
		if m.t == wire.FrameInquiry {
			to[m.to]++
		}
	}
	return to
}

// A leader asks no more voters than it needs, a follower the leader only, and
// each once for all groups that have reads.
func TestInquiriesAreFew(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	n := c.other(lead)
	for _, asks := range []*Node{lead, n} {
		for range 3 {
			c.start(asks, Request{Calls: calls("get k")})
		}
		asks.groups[kv.MetaGroup].Read(&metaRead{})
		if _, err := asks.Round(); err != nil {
			t.Fatal(err)
		}
		to := c.inquiries()
		total := 0
		for _, frames := range to {
			total += frames
		}
		metaLead := asks.groups[kv.MetaGroup].Leader()
		if asks == n && to[lead.cfg.ID] != 1 {
			t.Errorf("a follower asked %v, and n%d leads", to, lead.cfg.ID)
		}
		most := 1
		if metaLead != lead.cfg.ID {
			most = 2
		}
		if total < 1 || total > most {
			t.Errorf("n%d sent %v inquiries; its groups are led by n%d and n%d", asks.cfg.ID, to, lead.cfg.ID, metaLead)
		}
		c.until("the reads are done", func() bool { return asks.ops.head == nil })
	}
}

// If the voter that was asked first is silent, all are asked.
func TestInquiryOfASilentVoter(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k v")
	p := c.start(lead, Request{Calls: calls("get k")})
	if _, err := lead.Round(); err != nil {
		t.Fatal(err)
	}
	for to := range c.inquiries() {
		c.cut[to-1] = true
	}
	c.mail = nil
	began := c.now
	c.until("the read is done", func() bool { return p.done })
	if took := c.now - began; p.err != nil || p.reply != "$1\r\nv\r\n" || took > 2*askPatience {
		t.Errorf("%q, %v, after %v", p.reply, p.err, took)
	}
}

// Whoever is nearer is asked, unless it is silent.
func TestTheNearestIsAsked(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	r := lead.groups[1]
	a, b := &lead.peers.list[0], &lead.peers.list[1]
	for range 2 {
		a.rtt, b.rtt = 50*time.Millisecond, time.Millisecond
		a.heard, b.heard = lead.mono, lead.mono-50*time.Millisecond
		if got := lead.nearest(r)[0]; got != b {
			t.Errorf("n%d is asked, not the near n%d", got.id, b.id)
		}
		b.heard = lead.mono - time.Second
		if got := lead.nearest(r)[0]; got != a {
			t.Errorf("n%d is asked, though it is silent", got.id)
		}
		b.heard, a.connected = lead.mono-50*time.Millisecond, false
		if got := lead.nearest(r)[0]; got != b {
			t.Errorf("n%d is asked, though it is not connected", got.id)
		}
		a.connected = true
		a, b = b, a
	}
	a.rtt, b.rtt, a.heard, b.heard = time.Millisecond, 1500*time.Microsecond, lead.mono-time.Millisecond, lead.mono
	if got := lead.nearest(r)[0]; got != b {
		t.Errorf("n%d is asked, though n%d was heard later", got.id, b.id)
	}
}

// A leader that nobody answers any more tells nothing, not even what it has.
func TestNoReadFromALeaderThatIsCutOff(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "set k v")
	c.cut[lead.cfg.ID-1] = true
	if p := c.wait(c.start(lead, Request{Calls: calls("get k"), Timeout: 300 * time.Millisecond})); kv.KindOf(p.err) != kv.KindUnavailable {
		t.Errorf("%q, %v", p.reply, p.err)
	}
}

// What was answered to a process that was here before counts for nothing.
func TestStandingForAnotherProcess(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	p := c.start(lead, Request{Calls: calls("get k")})
	if _, err := lead.Round(); err != nil {
		t.Fatal(err)
	}
	c.mail = nil
	r := lead.groups[1]
	number, open := r.Asking()
	if !open {
		t.Fatal("nothing is asked")
	}
	answer := func(boot uint64) []byte {
		b := binary.LittleEndian.AppendUint64(nil, boot)
		for _, v := range []uint64{1, number, 1, 0} {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	from := c.other(lead).cfg.ID
	if lead.Receive(from, wire.FrameStanding, answer(lead.cfg.Boot+1)); p.done {
		t.Fatal("counted")
	}
	if lead.Receive(from, wire.FrameStanding, answer(lead.cfg.Boot)); !p.done {
		t.Fatal("not counted, though it is for this process")
	}
}

// FuzzInquiry: whatever a peer sends, a node goes on.
func FuzzInquiry(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0xff})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1})
	c := newTestCluster(f, 3)
	lead := c.leader()
	other := c.other(lead).cfg.ID
	f.Fuzz(func(t *testing.T, b []byte) {
		c.start(lead, Request{Calls: calls("get k")})
		if _, err := lead.Round(); err != nil {
			t.Fatal(err)
		}
		c.mail = nil
		lead.Receive(other, wire.FrameInquiry, b)
		for _, m := range c.mail {
			if m.t == wire.FrameStanding && len(m.payload) > 8+20*len(b) {
				t.Fatalf("%d bytes are answered with %d", len(b), len(m.payload))
			}
		}
		lead.Receive(other, wire.FrameStanding, b)
	})
}
