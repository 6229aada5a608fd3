package group

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

func message(t raftpb.MessageType, to, index uint64, entries int) *raftpb.Message {
	return &raftpb.Message{Type: &t, To: &to, Term: ptr(3), Index: &index, Entries: make([]*raftpb.Entry, entries)}
}

// A commit waits for the next append to the same follower, which says it too,
// and goes before anything else that is said to it.
func TestCommitsAreHeld(t *testing.T) {
	var tr traffic
	commit2, commit3 := message(raftpb.MsgApp, 2, 5, 0), message(raftpb.MsgApp, 3, 5, 0)
	if out := tr.send(tr.send(nil, commit2), commit3); len(out) != 0 {
		t.Fatalf("%d messages are sent", len(out))
	}
	next := message(raftpb.MsgApp, 2, 5, 1)
	if out := tr.send(nil, next); len(out) != 1 || out[0] != next || len(tr.held) != 1 {
		t.Fatalf("the next entries: %v, %d held", out, len(tr.held))
	}
	beat := message(raftpb.MsgHeartbeat, 3, 0, 0)
	if out := tr.send(nil, beat); len(out) != 2 || out[0] != commit3 || out[1] != beat || len(tr.held) != 0 {
		t.Fatalf("a heartbeat: %v, %d held", out, len(tr.held))
	}
	later := message(raftpb.MsgApp, 2, 6, 0)
	tr.send(tr.send(nil, commit2), later)
	g := Group{fresh: tr}
	if held := g.Release(); len(held) != 1 || held[0] != later || g.Holds() {
		t.Fatalf("released: %v", held)
	}
}

// What was confirmed is confirmed once, until the next tick.
func TestConfirmedOnce(t *testing.T) {
	var tr traffic
	if ack := message(raftpb.MsgAppResp, 1, 5, 0); tr.known(ack) || !tr.known(ack) {
		t.Error("the same twice")
	}
	if tr.known(message(raftpb.MsgAppResp, 1, 6, 0)) || tr.known(message(raftpb.MsgAppResp, 2, 6, 0)) {
		t.Error("news, or to another leader")
	}
	if tr.tick++; tr.known(message(raftpb.MsgAppResp, 2, 6, 0)) {
		t.Error("a tick later it may have been lost")
	}
	refusal := message(raftpb.MsgAppResp, 2, 6, 0)
	refusal.Reject = new(true)
	if tr.known(refusal) || tr.known(message(raftpb.MsgHeartbeatResp, 2, 6, 0)) {
		t.Error("not a confirmation")
	}
}
