package node

import (
	"math"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// maxPasses bounds how often one round goes through log, disk and apply.
const maxPasses = 4

// Round does what the inputs since the last round ask for: it proposes what
// waits, writes the log once for all groups, applies, answers, and sends. It
// returns how long the node may sleep if nothing comes in. An error is final:
// the node serves no more.
func (n *Node) Round() (sleep time.Duration, err error) {
	if n.failed != nil {
		return time.Hour, n.failed
	}
	n.peers.off = !n.peers.clockOK()
	n.ticks()
	elect := n.elect()
	for range maxPasses {
		n.unpark()
		if n.flush(); !n.pass() {
			break
		}
		if n.failed != nil {
			return time.Hour, n.failed
		}
	}
	if !n.reconciled {
		n.fail(n.reconcile())
	}
	n.settleAwaits()
	n.snapshots.pump(n)
	n.disk.Tick(n.mono)
	n.fail(n.disk.Err())
	release := n.release()
	for _, r := range n.awake {
		if !r.gone && (r.HasReady() || r.CanPropose() || r.CanAsk()) {
			return 0, n.failed
		}
	}
	return max(0, min(n.nextTick, n.nextTry(), n.nextInquiry(), elect, release)-n.mono), n.failed
}

func (n *Node) fail(err error) {
	if err == nil || n.failed != nil {
		return
	}
	n.failed = err
	n.cfg.Log.Error("this node stops serving", "error", err)
	n.ops.failAll(n, errNodeFailed(err))
}

func (n *Node) flush() {
	for _, r := range n.awake {
		switch {
		case r.gone:
		case r.IsLeader() && n.peers.off:
			r.Refuse(n.errClock())
		default:
			r.Flush(n.stamp, n.cfg.Seed)
		}
		if r.CanAsk() && !r.gone {
			n.inquire(r)
		}
	}
	n.inquireAgain()
	n.sendInquiries()
}

// takeAwake gives the groups that have effects. Those that sleep cost nothing.
func (n *Node) takeAwake() []*replica {
	awake := n.awake
	n.awake, n.active = n.active[:0], awake[:0]
	for _, r := range awake {
		if r.awake = false; !r.gone && r.HasReady() {
			n.active = append(n.active, r)
		}
	}
	return n.active
}

// pass takes the groups' effects once through send, apply, disk and apply. It
// reports whether there were any. Before the disk goes what others can work on
// meanwhile: entries to the followers, and answers to those whose entries are
// agreed. After it a follower first tells the leader, and then applies.
func (n *Node) pass() bool {
	active, must := n.takeAwake(), false
	if len(active) == 0 {
		return false
	}
	for _, r := range active {
		r.fx = r.Ready()
		n.send(r, r.fx.Early)
		n.hold(r)
		if r.fx.Snapshot != nil {
			n.fail(n.snapshots.install(n, r))
		}
		if n.cfg.Bugs.ForgetVote && len(r.fx.Entries) == 0 {
			r.fx.HardState = nil
		}
		if r.fx.HardState != nil || len(r.fx.Entries) > 0 {
			n.disk.Append(uint64(r.id), r.fx.HardState, r.fx.Entries)
			must = must || r.fx.MustSync
		}
	}
	if must {
		n.net.Flush()
		for _, r := range active {
			if r.IsLeader() {
				n.fail(r.ApplyAgreed())
			}
		}
		n.net.Flush()
	}
	if err := n.disk.Sync(must); err != nil {
		n.fail(err)
		return false
	}
	for _, r := range active {
		n.send(r, r.fx.Late)
	}
	if must {
		n.net.Flush()
	}
	for _, r := range active {
		n.fail(r.Persisted())
	}
	n.fail(n.disk.Err())
	return true
}

const (
	// commitDelay is how long a follower may not know of a commit, unless it asks
	// for something: in steady use the next entries come sooner, and tell it.
	commitDelay = time.Millisecond
	// entriesDelay is how long entries may wait for followers that do not decide
	// about them.
	entriesDelay = 4 * time.Millisecond
)

// hold notes whether a group holds messages, and since when.
func (n *Node) hold(r *replica) {
	commits, entries := r.Holds()
	due := func(held bool, at *time.Duration, delay time.Duration) {
		switch {
		case !held:
			*at = 0
		case *at == 0:
			*at = n.mono + delay
		}
	}
	due(commits, &r.commitsAt, commitDelay)
	due(entries, &r.entriesAt, entriesDelay)
	if r.hurry && entries {
		r.entriesAt = n.mono
	}
	r.hurry = false
	if (commits || entries) && !r.holds {
		r.holds = true
		n.holds = append(n.holds, r)
	}
}

// release sends what was held for long enough, and with it what other groups
// hold: one round and one sync of the follower serve all of them. It returns when
// to look again.
func (n *Node) release() (next time.Duration) {
	next = math.MaxInt64
	commits, entries := false, false
	for _, r := range n.holds {
		commits = commits || r.commitsAt != 0 && n.mono >= r.commitsAt
		entries = entries || r.entriesAt != 0 && n.mono >= r.entriesAt
	}
	holds := n.holds[:0]
	for _, r := range n.holds {
		if entries || commits && r.commitsAt != 0 {
			n.send(r, r.Release(entries))
		}
		if n.hold(r); r.commitsAt == 0 && r.entriesAt == 0 {
			r.holds = false
			continue
		}
		holds = append(holds, r)
		for _, at := range [...]time.Duration{r.commitsAt, r.entriesAt} {
			if at != 0 {
				next = min(next, at)
			}
		}
	}
	clear(n.holds[len(holds):])
	n.holds = holds
	return next
}

func (n *Node) send(r *replica, msgs []*raftpb.Message) {
	for _, m := range msgs {
		to := kv.NodeID(m.GetTo())
		if m.GetType() == raftpb.MsgSnap {
			n.snapshots.start(n, r, m)
			continue
		}
		t := wire.FrameControl
		if m.GetType() == raftpb.MsgApp {
			t = wire.FrameRaft
		}
		n.scratch = wire.AppendRaft(n.scratch[:0], uint64(r.id), m)
		if !n.net.Send(to, t, n.scratch) {
			r.ReportUnreachable(to)
			r.hurry = true // others decide now
		}
	}
}

// ticks moves Raft's time and does what is due with it.
func (n *Node) ticks() {
	if n.mono < n.nextTick {
		return
	}
	// A pause is one tick late, not many at once: a node that slept must not
	// start an election before it heard what came in meanwhile.
	n.nextTick = max(n.nextTick+n.cfg.Tick, n.mono)
	for _, r := range n.order {
		r.Tick()
		if r.IsLeader() && (n.peers.off || n.stopping) && n.mono-r.handedAt >= n.electionTimeout() {
			n.handOver(r)
		}
		if r.IsLeader() && n.mono-r.closedAt >= n.cfg.ClosedInterval && !n.peers.off {
			r.closedAt = n.mono
			r.CloseTimestamp(n.stamp())
		}
	}
	n.ops.expire(n)
	n.peers.tick()
}
