package group

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/internal/kv"
)

func message(t raftpb.MessageType, to, index uint64, entries int) *raftpb.Message {
	return &raftpb.Message{Type: &t, To: &to, Term: ptr(3), Index: &index, Entries: make([]*raftpb.Entry, entries)}
}

// A commit waits for the next append to the same follower, which says it too,
// and goes before anything else that is said to it.
func TestCommitsAreHeld(t *testing.T) {
	var tr traffic
	held := func() int { return len(tr.line(2).held) + len(tr.line(3).held) }
	commit2, commit3 := message(raftpb.MsgApp, 2, 5, 0), message(raftpb.MsgApp, 3, 5, 0)
	if out := tr.send(tr.send(nil, commit2, 1), commit3, 1); len(out) != 0 {
		t.Fatalf("%d messages are sent", len(out))
	}
	next := message(raftpb.MsgApp, 2, 5, 1)
	if out := tr.send(nil, next, 1); len(out) != 1 || out[0] != next || held() != 1 {
		t.Fatalf("the next entries: %v, %d held", out, held())
	}
	beat := message(raftpb.MsgHeartbeat, 3, 0, 0)
	if out := tr.send(nil, beat, 1); len(out) != 2 || out[0] != commit3 || out[1] != beat || held() != 0 {
		t.Fatalf("a heartbeat: %v, %d held", out, held())
	}
	later := message(raftpb.MsgApp, 2, 6, 0)
	tr.send(tr.send(nil, commit2, 1), later, 1)
	g := Group{fresh: tr}
	if commits, entries := g.Holds(); !commits || entries {
		t.Fatalf("holds commits: %v, entries: %v", commits, entries)
	}
	if held := g.Release(false); len(held) != 1 || held[0] != later {
		t.Fatalf("released: %v", held)
	}
	if commits, entries := g.Holds(); commits || entries {
		t.Fatal("holds what it released")
	}
}

// confirmed has followers confirm indexes, 2 the first, and so on; 0 is nothing.
func confirmed(tr *traffic, indexes ...uint64) {
	for i, index := range indexes {
		m := message(raftpb.MsgAppResp, 1, index, 0)
		m.From = ptr(uint64(i + 2))
		if index > 0 {
			tr.heard(m)
		} else {
			tr.line(kv.NodeID(i + 2))
		}
	}
}

// Entries are held for followers that others are ahead of, as many as decide.
func TestWhoIsPatient(t *testing.T) {
	for _, tc := range []struct {
		confirmed []uint64
		needed    int
		patient   []kv.NodeID
	}{
		{[]uint64{0, 0}, 1, nil}, // a new leader knows nothing of them
		{[]uint64{9, 0}, 1, []kv.NodeID{3}},
		{[]uint64{9, 9}, 1, []kv.NodeID{3}},
		{[]uint64{8, 9}, 1, []kv.NodeID{2}},
		{[]uint64{9, 9, 9, 9}, 2, []kv.NodeID{4, 5}},
		{[]uint64{5, 9, 0, 8}, 2, []kv.NodeID{2, 4}},
		{[]uint64{9, 0, 0, 0}, 2, nil},
		{[]uint64{9, 9}, everybody, nil},
	} {
		var tr traffic
		confirmed(&tr, tc.confirmed...)
		var patient []kv.NodeID
		for i := range tc.confirmed {
			if to := kv.NodeID(i + 2); len(tr.send(nil, message(raftpb.MsgApp, uint64(to), 9, 1), tc.needed)) == 0 {
				patient = append(patient, to)
			}
		}
		if !slices.Equal(patient, tc.patient) {
			t.Errorf("%v confirmed, %d needed: patient are %v, not %v", tc.confirmed, tc.needed, patient, tc.patient)
		}
	}
}

// Of followers that have confirmed the same the nearest decide.
func TestTheNearestDecides(t *testing.T) {
	g := Group{}
	confirmed(&g.fresh, 9, 9)
	g.SetDistance(2, 50*time.Millisecond)
	g.SetDistance(3, time.Millisecond)
	to := func(id uint64) bool { return len(g.fresh.send(nil, message(raftpb.MsgApp, id, 9, 1), 1)) > 0 }
	if to(2) || !to(3) {
		t.Error("entries hurry to the one that is far away")
	}
	g.SetDistance(2, 1900*time.Microsecond)
	if !to(2) || to(3) {
		t.Error("a millisecond more counts")
	}
}

// If the one that decides cannot be reached, or falls behind, it is not waited for.
func TestNobodyIsPatientForTheDead(t *testing.T) {
	var tr traffic
	confirmed(&tr, 9, 9)
	tr.line(2).down = true
	if out := tr.send(nil, message(raftpb.MsgApp, 3, 9, 1), 1); len(out) != 1 {
		t.Error("held, though the other one cannot be reached")
	}
	confirmed(&tr, 9, 10) // it was heard again, and is behind
	if tr.send(nil, message(raftpb.MsgApp, 2, 9, 1), 1); tr.line(2).some != 1 || tr.line(2).down {
		t.Errorf("not the one that is behind is patient: %+v", tr.lines)
	}
}

// What is held goes in order, before anything else, and has a bound.
func TestEntriesAreHeldInOrder(t *testing.T) {
	var tr traffic
	confirmed(&tr, 9, 0)
	var sent []*raftpb.Message
	commit := message(raftpb.MsgApp, 3, 9, 0)
	for range mostHeld - 1 {
		sent = append(sent, message(raftpb.MsgApp, 3, 9, 1))
		if out := tr.send(tr.send(nil, sent[len(sent)-1], 1), commit, 1); len(out) != 0 {
			t.Fatalf("%d messages are sent", len(out))
		}
	}
	last := message(raftpb.MsgApp, 3, 9, 1)
	if out := tr.send(nil, last, 1); !slices.Equal(out, append(sent, last)) {
		t.Fatalf("at the bound: %v", out)
	}
	large := message(raftpb.MsgApp, 3, 9, 1)
	large.Entries[0] = &raftpb.Entry{Data: make([]byte, mostHeldBytes)}
	if out := tr.send(nil, large, 1); len(out) != 1 {
		t.Fatal("more is held than may be")
	}
	entries := message(raftpb.MsgApp, 3, 9, 1)
	tr.send(tr.send(nil, entries, 1), commit, 1)
	g := Group{fresh: tr}
	if commits, some := g.Holds(); commits || !some {
		t.Errorf("holds commits: %v, entries: %v", commits, some)
	}
	if out := g.Release(false); len(out) != 0 {
		t.Errorf("a commit overtakes entries: %v", out)
	}
	if out := g.ReleaseTo(3); !slices.Equal(out, []*raftpb.Message{entries, commit}) {
		t.Errorf("released: %v", out)
	}
}

// Of confirmations that wait for the same sync the last one says all.
func TestLastConfirmation(t *testing.T) {
	a, b, c := message(raftpb.MsgAppResp, 1, 5, 0), message(raftpb.MsgAppResp, 1, 7, 0), message(raftpb.MsgAppResp, 2, 7, 0)
	refusal := message(raftpb.MsgAppResp, 2, 8, 0)
	refusal.Reject = new(true)
	var out []*raftpb.Message
	for _, m := range []*raftpb.Message{a, b, c, refusal, c} {
		out = confirm(out, m)
	}
	if !slices.Equal(out, []*raftpb.Message{b, c, refusal, c}) {
		t.Errorf("%v", out)
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

// Where followers are alike, the next node after the leader decides: the same one
// for all groups that a node leads, and another one for each node.
func TestWhoDecidesWhereAllAreAlike(t *testing.T) {
	for node, decides := range map[uint64]kv.NodeID{1: 2, 2: 3, 3: 1} {
		storage := raft.NewMemoryStorage()
		_ = storage.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
			ConfState: &raftpb.ConfState{Voters: []uint64{1, 2, 3}}, Index: ptr(1), Term: ptr(1)}})
		g, err := New(Config{ID: 1, Node: kv.NodeID(node), Boot: 1, Storage: storage, Applied: 1, ElectionTicks: 10, HeartbeatTick: 2,
			MaxInflight: 2, MaxBatch: 1 << 20, Logger: &raft.DefaultLogger{Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}})
		if err != nil {
			t.Fatal(err)
		}
		for from := range uint64(3) {
			if from++; from != node {
				ack := message(raftpb.MsgAppResp, node, 5, 0)
				ack.From = ptr(from)
				g.fresh.heard(ack)
			}
		}
		for to := range uint64(3) {
			if to++; to == node {
				continue
			}
			sent := len(g.fresh.send(nil, message(raftpb.MsgApp, to, 5, 1), 1)) > 0
			if want := kv.NodeID(to) == decides; sent != want {
				t.Errorf("node %d leads: entries to node %d are sent at once: %v, want %v", node, to, sent, want)
			}
		}
	}
}
