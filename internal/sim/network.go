package sim

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/lane"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/wire"
)

// network carries frames between nodes with delay, loss, partitions and, for
// Raft's own messages, duplication and reordering. Other frames keep their
// order on a link, as on the TCP connections that production uses, but for those
// that are urgent. Long ones go in pieces.
type network struct {
	c      *Cluster
	ends   [maxNodes]endpoint
	cut    map[[2]kv.NodeID]bool
	loss   int           // percent
	delay  time.Duration // longest
	p      *profile
	last   map[[2]kv.NodeID]time.Duration
	busy   map[[2]kv.NodeID]time.Duration // until then a link is full
	detour map[[2]kv.NodeID]time.Duration // frames of a link take so much longer
	// flying are the frames under way on a link. Doubling stops when there are
	// many, or nodes that answer each other at once would drown in answers.
	flying map[[2]kv.NodeID]int
	lanes  map[[2]kv.NodeID]*way
}

// way is where long frames go on a link, and what waits behind them.
type way struct {
	out lane.Out
	in  lane.In
	dec wire.Decoder
}

const (
	fewFlying = 4
	perByte   = time.Microsecond // of a frame on a link
)

const maxNodes = 9

func (w *network) init(c *Cluster, p *profile) {
	w.p = p
	w.c, w.cut, w.last, w.flying = c, map[[2]kv.NodeID]bool{}, map[[2]kv.NodeID]time.Duration{}, map[[2]kv.NodeID]int{}
	w.busy = map[[2]kv.NodeID]time.Duration{}
	w.detour = map[[2]kv.NodeID]time.Duration{}
	w.lanes = map[[2]kv.NodeID]*way{}
	w.delay = p.delay
	for i := range w.ends {
		w.ends[i] = endpoint{w, kv.NodeID(i + 1)}
	}
}

// endpoint is one node's side; it implements node.Transport.
type endpoint struct {
	w  *network
	id kv.NodeID
}

// Flush implements node.Transport: nothing is queued here.
func (e *endpoint) Flush() {}

// Backlog implements node.Transport.
func (e *endpoint) Backlog(kv.NodeID) int { return 0 }

// Send implements node.Transport.
func (e *endpoint) Send(to kv.NodeID, t wire.FrameType, payload []byte) bool {
	w := e.w
	c := w.c
	dst := c.nodes[to-1]
	if !c.nodes[e.id-1].alive() || !dst.up {
		return false
	}
	link := [2]kv.NodeID{e.id, to}
	if w.cut[link] || c.rng.IntN(100) < w.loss {
		return true // sent, and lost on the way
	}
	l := w.lanes[link]
	idle := l == nil
	if idle {
		l = &way{}
	}
	if !l.out.Direct(t, len(payload)) {
		l.out.Add(t, payload)
		if idle {
			w.lanes[link] = l
			w.drain(link, l)
		}
		return true
	}
	data := append([]byte(nil), payload...)
	w.busy[link] = max(w.busy[link], c.now) + time.Duration(len(data))*perByte
	at := w.busy[link] + c.within(w.delay) + 50*time.Microsecond
	at += w.detour[link]
	copies := 1
	raft := t == wire.FrameRaft || t == wire.FrameControl
	if twice := c.rng.IntN(100) < w.p.double || raft && c.rng.IntN(50) == 0; twice && w.flying[link] < fewFlying {
		copies++
	}
	if !raft && !t.Urgent() {
		at = max(at, w.last[link])
		w.last[link] = at
	}
	boot := dst.boot
	for i := range copies {
		w.flying[link]++
		c.events.push(at+time.Duration(i)*time.Millisecond, func() {
			w.flying[link]--
			if dst.up && dst.boot == boot {
				c.note("n%d -> n%d frame %d %d %x", e.id, to, t, len(data), xxhash.Sum64(data))
				dst.step(func(n *node.Node) { n.Receive(e.id, t, data) })
			}
		})
	}
	return true
}

// drain puts the next piece on a link, and comes again when the link has taken it.
func (w *network) drain(link [2]kv.NodeID, l *way) {
	c, dst := w.c, w.c.nodes[link[1]-1]
	if w.lanes[link] != l {
		return // the connection broke
	}
	if l.out.Empty() {
		delete(w.lanes, link)
		return
	}
	b := l.out.Next(nil)
	w.busy[link] = max(w.busy[link], c.now) + time.Duration(len(b))*perByte
	w.last[link] = max(w.last[link], w.busy[link]+c.within(w.delay)+50*time.Microsecond+w.detour[link])
	boot := dst.boot
	c.events.push(w.last[link], func() {
		if dst.up && dst.boot == boot {
			w.arrive(link, l, b)
		}
	})
	c.events.push(w.busy[link], func() { w.drain(link, l) })
}

// arrive takes what drain sent.
func (w *network) arrive(link [2]kv.NodeID, l *way, b []byte) {
	c, dst := w.c, w.c.nodes[link[1]-1]
	t, payload, _, err := l.dec.Next(b)
	if err == nil && t == wire.FramePiece {
		t, payload, err = l.in.Take(payload)
	}
	if err != nil {
		panic(err)
	}
	if t == 0 {
		return
	}
	data := append([]byte(nil), payload...)
	c.note("n%d -> n%d long frame %d %d %x", link[0], link[1], t, len(data), xxhash.Sum64(data))
	dst.step(func(n *node.Node) { n.Receive(link[0], t, data) })
}

// drop forgets the order of a crashed node's links.
func (w *network) drop(id kv.NodeID) {
	for _, s := range w.c.nodes {
		for _, link := range [][2]kv.NodeID{{id, s.id}, {s.id, id}} {
			delete(w.last, link)
			delete(w.busy, link)
			delete(w.lanes, link)
		}
	}
}

// partition cuts the nodes in two by the bits of side; oneWay cuts only what
// side 1 sends.
func (w *network) partition(side uint64, oneWay bool) {
	for _, a := range w.c.nodes {
		for _, b := range w.c.nodes {
			if sa, sb := side>>a.id&1, side>>b.id&1; sa != sb && (!oneWay || sa == 1) {
				w.cut[[2]kv.NodeID{a.id, b.id}] = true
			}
		}
	}
}

func (w *network) heal() {
	clear(w.cut)
	clear(w.detour)
	w.loss, w.delay = 0, w.p.delay
}
