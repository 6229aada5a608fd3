package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/sim/crashfs"
)

// fault is something that goes wrong. What it breaks it mends after a while.
type fault struct {
	name   string
	strike func(n *nemesis)
}

// nemesis breaks something from time to time.
type nemesis struct {
	c    *Cluster
	w    *workload
	rep  *Report
	stop bool
}

func (n *nemesis) next() {
	c := n.c
	c.events.push(c.now+n.w.p.calm/10+c.within(n.w.p.calm), func() {
		if n.stop {
			return
		}
		f := choose(c, n.w.p.faults)
		c.note("fault %s", f.name)
		n.rep.Faults++
		f.strike(n)
		n.next()
	})
}

// after does something later, unless everything was healed before.
func (n *nemesis) after(d time.Duration, do func()) {
	n.c.events.push(n.c.now+d, func() {
		if !n.stop {
			do()
		}
	})
}

func (n *nemesis) any() *machine { return n.c.nodes[n.c.rng.IntN(len(n.c.nodes))] }

// leader is the node that leads the workload's group in the highest term, or
// any.
func (n *nemesis) leader() *machine {
	var lead *machine
	term := uint64(0)
	for _, m := range n.c.nodes {
		if !m.up {
			continue
		}
		for _, st := range m.node.Groups() {
			if st.ID != kv.MetaGroup && st.Role == "StateLeader" && st.Term > term {
				lead, term = m, st.Term
			}
		}
	}
	if lead == nil {
		return n.any()
	}
	return lead
}

func (n *nemesis) others(m *machine) (others []*machine) {
	for _, o := range n.c.nodes {
		if o != m {
			others = append(others, o)
		}
	}
	return others
}

// crash stops a machine, to start again after a while.
func (n *nemesis) crash(m *machine, away time.Duration) {
	if m.up {
		n.rep.Crashes++
		m.crash()
	}
	n.after(away, m.start)
}

// arm has a node's disk fail soon, and the node start again after a while.
func (n *nemesis) arm(m *machine, p crashfs.Plan, away time.Duration) {
	if !m.up {
		return
	}
	m.fs.Arm(p)
	n.after(away, func() {
		m.fs.Arm(crashfs.Plan{})
		m.start()
	})
}

func (n *nemesis) cut(side uint64, oneWay bool, d time.Duration) {
	n.rep.Cuts++
	n.c.net.partition(side, oneWay)
	n.after(d, n.c.net.heal)
}

func bit(m *machine) uint64 { return 1 << m.id }

var (
	faultCrash = fault{"crash", func(n *nemesis) { n.crash(n.any(), n.c.within(3*time.Second)) }}

	faultQuickCrash = fault{"quick crash", func(n *nemesis) { n.crash(n.any(), n.c.within(60*time.Millisecond)) }}

	faultCrashWriting = fault{"crash within a write", func(n *nemesis) {
		n.arm(n.any(), crashfs.Plan{Kind: crashfs.Crash, After: n.c.rng.IntN(12)}, n.c.within(3*time.Second))
	}}

	faultLeaderAfterAck = fault{"crash of the leader after an acknowledgement", func(n *nemesis) {
		n.w.acked = func() {
			n.w.acked = nil
			lead := n.leader()
			n.c.events.push(n.c.now+n.c.within(2*time.Millisecond), func() { n.crash(lead, time.Second+n.c.within(time.Second)) })
		}
	}}

	faultBlackout = fault{"blackout", func(n *nemesis) {
		for _, m := range n.c.nodes {
			n.crash(m, n.c.within(time.Second))
		}
	}}

	faultAway = fault{"away for long", func(n *nemesis) { n.crash(n.any(), 3*time.Second+n.c.within(4*time.Second)) }}

	faultFailDisk = fault{"disk error", func(n *nemesis) {
		kind := crashfs.FailWrite + crashfs.Kind(n.c.rng.IntN(2))
		n.arm(n.any(), crashfs.Plan{Kind: kind, After: n.c.rng.IntN(6)}, n.c.within(3*time.Second))
	}}

	faultFlip = fault{"bit rot", (*nemesis).flip}

	faultCut = fault{"cut", func(n *nemesis) { n.cut(n.c.rng.Uint64(), false, n.c.within(4*time.Second)) }}

	faultCutOneWay = fault{"cut one way", func(n *nemesis) { n.cut(n.c.rng.Uint64(), true, n.c.within(4*time.Second)) }}

	faultIsolateLeader = fault{"cut around the leader", func(n *nemesis) {
		n.cut(bit(n.leader()), n.c.rng.IntN(3) == 0, n.c.within(4*time.Second))
	}}

	faultCutOff = fault{"cut for long", func(n *nemesis) { n.cut(bit(n.any()), false, 2*time.Second+n.c.within(4*time.Second)) }}

	faultDetour = fault{"detour", func(n *nemesis) {
		a, b := n.any(), n.leader()
		n.c.net.detour[[2]kv.NodeID{a.id, b.id}] = 500*time.Millisecond + n.c.within(2*time.Second)
		n.after(n.c.within(4*time.Second), n.c.net.heal)
	}}

	faultFlaky = fault{"loss and delay", func(n *nemesis) {
		n.c.net.loss, n.c.net.delay = n.c.rng.IntN(20), time.Millisecond+n.c.within(100*time.Millisecond)
		n.after(n.c.within(3*time.Second), n.c.net.heal)
	}}

	faultPause = fault{"pause", func(n *nemesis) { n.pause(n.any()) }}

	faultPauseLeader = fault{"pause of the leader", func(n *nemesis) { n.pause(n.leader()) }}

	faultClock = fault{"clock jump", func(n *nemesis) {
		m := n.any()
		m.skew = time.Duration(n.c.rng.IntN(2000)-1000) * time.Millisecond
		if n.c.rng.IntN(2) == 0 {
			m.skew /= 5
		}
		n.c.skewed()
		n.after(n.c.within(5*time.Second), func() { m.skew = 0 })
	}}

	faultTransfer = fault{"transfer of leadership", func(n *nemesis) {
		lead := n.leader()
		lead.step((*node.Node).Stop)
		n.after(300*time.Millisecond, func() { n.crash(lead, n.c.within(time.Second)) })
	}}

	faultBetrayal = fault{"followers crash as they sync, then the leader", func(n *nemesis) {
		n.betray(crashfs.Plan{Kind: crashfs.Crash, After: 1, Lose: true})
	}}

	faultBetrayalOfSync = fault{"followers' syncs fail, then all crash", func(n *nemesis) {
		n.betray(crashfs.Plan{Kind: crashfs.FailSync, Again: true})
	}}
)

// betray has the followers' disks go wrong at their next sync, and the leader
// crash soon after. The followers come back first: what they had promised to
// keep is all that is left.
func (n *nemesis) betray(p crashfs.Plan) {
	lead := n.leader()
	for _, m := range n.others(lead) {
		m.fs.Arm(p)
	}
	n.after(30*time.Millisecond+n.c.within(200*time.Millisecond), func() {
		n.crash(lead, 4*time.Second)
		for _, m := range n.others(lead) {
			n.crash(m, 500*time.Millisecond+n.c.within(200*time.Millisecond))
		}
	})
}

func (n *nemesis) pause(m *machine) {
	if !m.up || m.paused {
		return
	}
	m.paused = true
	boot := m.boot
	n.after(n.c.within(3*time.Second), func() {
		if m.boot == boot {
			m.resume()
		}
	})
}

// flip lets a bit of a node's log rot while the node is down. One node at most
// is damaged at a time, or no majority could start.
func (n *nemesis) flip() {
	m := n.any()
	damaged := slices.ContainsFunc(n.c.nodes, func(o *machine) bool { return o.damaged != nil })
	if damaged || m.up && !n.enough(m) {
		return
	}
	n.crash(m, n.c.within(2*time.Second))
	if _, _, undo, ok := m.fs.Flip(n.c.rng, func(p string) bool { return strings.HasPrefix(p, dataDir+"/log/") }); ok {
		n.rep.Flips++
		m.damaged = undo
	}
}

// enough says whether a majority is up without one node.
func (n *nemesis) enough(without *machine) bool {
	up := 0
	for _, o := range n.others(without) {
		if o.up {
			up++
		}
	}
	return up > len(n.c.nodes)/2
}

// healAll mends everything, at the end of a run.
func (n *nemesis) healAll() {
	n.stop, n.w.acked = true, nil
	n.c.note("all is healed")
	n.c.net.heal()
	for _, m := range n.c.nodes {
		m.fs.Arm(crashfs.Plan{})
		m.skew = 0
		if m.damaged != nil && !m.up {
			m.damaged()
			m.damaged = nil
		}
		m.start()
		m.resume()
	}
}
