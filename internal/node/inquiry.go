package node

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// Reads need to hear where other replicas stand (see group.Standing). All groups
// with reads ask together, one frame to each node, and no more nodes than must
// answer; if they are silent, all.
//
// An inquiry is the boot number of the node that asks, 8 bytes, and then for each
// group its id and the number of the group's inquiry. The answer is the boot
// number, and for each of the groups that are here id, number, term, and 0, or
// the index and 1 more if the replica leads. All but the boot number are uvarint.

const (
	// askSoon is the pause before a leader is asked again that could not tell an
	// index yet.
	askSoon = time.Millisecond
	// askPatience is how long those that were asked first may be silent.
	askPatience = 10 * time.Millisecond
)

// inquire begins an inquiry of a group.
func (n *Node) inquire(r *replica) {
	r.Ask()
	if _, open := r.Asking(); !open {
		return
	}
	r.askAt = n.mono + askPatience
	if !r.asking {
		r.asking = true
		n.asking = append(n.asking, r)
	}
	need, lead := r.Needed(), r.Leader()
	if lead != n.cfg.ID {
		n.ask(r, n.peers.find(lead))
		need--
	}
	if need <= 0 {
		return
	}
	for _, p := range n.nearest(r) {
		if p.id != lead && need > 0 {
			n.ask(r, p)
			need--
		}
	}
}

// nearest are the other voters: those first that are not silent, of them those that
// are not further away, and then those that were heard last.
func (n *Node) nearest(r *replica) []*peer {
	n.near = n.near[:0]
	for i := range n.peers.list {
		if p := &n.peers.list[i]; contains(r.voters, p.id) {
			n.near = append(n.near, p)
		}
	}
	slices.SortStableFunc(n.near, func(a, b *peer) int {
		if heard := n.peers.heard(a.id); heard != n.peers.heard(b.id) {
			if heard {
				return -1
			}
			return 1
		}
		if c := cmp.Compare(a.rtt.Truncate(group.FarStep), b.rtt.Truncate(group.FarStep)); c != 0 {
			return c
		}
		return cmp.Compare(b.heard, a.heard)
	})
	return n.near
}

func (n *Node) ask(r *replica, p *peer) {
	if p == nil {
		return
	}
	if len(p.inquiry) == 0 {
		p.inquiry = binary.LittleEndian.AppendUint64(p.inquiry, n.cfg.Boot)
	}
	number, _ := r.Asking()
	p.inquiry = binary.AppendUvarint(p.inquiry, uint64(r.id))
	p.inquiry = binary.AppendUvarint(p.inquiry, number)
}

// inquireAgain asks all voters where those asked first were silent for too long,
// and then again at every heartbeat.
func (n *Node) inquireAgain() {
	open := n.asking[:0]
	for _, r := range n.asking {
		if _, asks := r.Asking(); !asks || r.gone {
			r.asking = false
			continue
		}
		open = append(open, r)
		if r.AskAgain() {
			r.askAt = n.mono
		}
		if n.mono < r.askAt {
			continue
		}
		r.askAt = n.mono + time.Duration(n.cfg.HeartbeatTicks)*n.cfg.Tick
		for _, p := range n.nearest(r) {
			n.ask(r, p)
		}
	}
	clear(n.asking[len(open):])
	n.asking = open
}

// inquiryLost has those who may have lost what was on its way ask again.
func (n *Node) inquiryLost() {
	for _, r := range n.asking {
		r.askAt = n.mono
	}
}

// nextInquiry is when inquireAgain will have something to do.
func (n *Node) nextInquiry() time.Duration {
	at := time.Duration(math.MaxInt64)
	for _, r := range n.asking {
		if _, open := r.Asking(); open {
			at = min(at, r.askAt)
		}
	}
	return at
}

func (n *Node) sendInquiries() {
	for i := range n.peers.list {
		if p := &n.peers.list[i]; len(p.inquiry) > 0 {
			n.net.Send(p.id, wire.FrameInquiry, p.inquiry)
			p.inquiry = p.inquiry[:0]
		}
	}
}

func (n *Node) takeInquiry(from kv.NodeID, b []byte) {
	if len(b) < 8 {
		n.badInquiry(from)
		return
	}
	out := append(n.standing[:0], b[:8]...)
	for in := (reader{b: b[8:]}); len(in.b) > 0; {
		id, number := in.uvarint(), in.uvarint()
		if in.bad {
			n.badInquiry(from)
			return
		}
		r := n.groups[kv.GroupID(id)]
		if r == nil {
			continue // not known here yet, or dropped
		}
		s := r.Standing()
		index := uint64(0)
		if s.Leads {
			index = s.Index + 1
			n.send(r, r.ReleaseTo(from)) // so that it has what it will wait for
		}
		for _, v := range [...]uint64{id, number, s.Term, index} {
			out = binary.AppendUvarint(out, v)
		}
	}
	n.standing = out
	n.net.Send(from, wire.FrameStanding, out)
}

func (n *Node) takeStanding(from kv.NodeID, b []byte) {
	if len(b) < 8 {
		n.badInquiry(from)
		return
	}
	if binary.LittleEndian.Uint64(b) != n.cfg.Boot {
		return // it was asked by the process that was here before
	}
	for in := (reader{b: b[8:]}); len(in.b) > 0; {
		id, number, term, index := in.uvarint(), in.uvarint(), in.uvarint(), in.uvarint()
		if in.bad {
			n.badInquiry(from)
			return
		}
		s := group.Standing{Term: term}
		if index > 0 {
			s.Leads, s.Index = true, index-1
		}
		r := n.groups[kv.GroupID(id)]
		if r == nil {
			continue
		}
		if r.Answer(number, from, s); !s.Leads && from == r.Leader() {
			r.askAt = min(r.askAt, n.mono+askSoon)
		}
	}
}

func (n *Node) badInquiry(from kv.NodeID) {
	n.cfg.Log.Error("an inquiry, or the answer to one, does not read and is dropped", "node", from.String())
}
