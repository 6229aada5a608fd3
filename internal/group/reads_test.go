package group

import (
	"log/slog"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/internal/kv"
)

// counted is a read that counts when it may run.
type counted struct {
	Waiter
	readable int
}

func (c *counted) Readable() { c.readable++ }

// asking is replica 1 of a group of so many voters, in term 5 with leader lead,
// that has applied up to 10, and has an inquiry open for one read.
func asking(t *testing.T, voters int, lead kv.NodeID) (*Group, *counted) {
	t.Helper()
	var ids []uint64
	for i := range voters {
		ids = append(ids, uint64(i+1))
	}
	g, _ := openAt(t, ids...)
	g.term, g.within, g.lead, g.applied, g.commit = 5, 5, lead, 10, 10
	if lead == 1 {
		g.role = raft.StateLeader
	}
	r := &counted{}
	g.Read(r)
	if !g.CanAsk() {
		t.Fatal("nothing to ask")
	}
	g.Ask()
	return g, r
}

// said is an answer: of voter from, in its term; the index if it leads.
type said struct {
	from  kv.NodeID
	term  uint64
	index uint64
}

// A read runs only when the leader of a term has told an index and a majority,
// leader and reader among it, is not beyond the term.
func TestReadsNeedLeaderAndMajority(t *testing.T) {
	for _, tc := range []struct {
		name    string
		voters  int
		lead    kv.NodeID
		answers []said
		runs    bool
	}{
		{"a leader hears from nobody", 3, 1, nil, false},
		{"a leader alone", 1, 1, nil, true},
		{"a leader hears from one of two", 3, 1, []said{{from: 2, term: 5}}, true},
		{"a leader hears from a voter that is behind", 3, 1, []said{{from: 2, term: 4}}, true},
		{"a leader hears from a voter that is beyond", 3, 1, []said{{from: 2, term: 6}}, false},
		{"a leader hears from a voter that is beyond, and one that is not", 3, 1, []said{{from: 2, term: 6}, {from: 3, term: 5}}, true},
		{"a leader hears from one of four", 5, 1, []said{{from: 2, term: 5}}, false},
		{"a leader hears from one of four twice", 5, 1, []said{{from: 2, term: 5}, {from: 2, term: 5}}, false},
		{"a leader hears from two of four", 5, 1, []said{{from: 2, term: 5}, {from: 3, term: 5}}, true},
		{"a leader hears from one that does not vote", 3, 1, []said{{from: 7, term: 5}}, false},
		{"a follower hears from the leader", 3, 2, []said{{from: 2, term: 5, index: 10}}, true},
		{"a follower hears from the other", 3, 2, []said{{from: 3, term: 5}}, false},
		{"a follower hears from a leader that has not applied an entry of its term", 3, 2, []said{{from: 2, term: 5}, {from: 3, term: 5}}, false},
		{"a follower hears from a leader of old", 3, 2, []said{{from: 2, term: 4, index: 10}}, false},
		{"a follower hears from a leader of old that another follows", 3, 2, []said{{from: 2, term: 4, index: 10}, {from: 3, term: 4}}, true},
		{"a follower hears from a newer leader than it knows", 3, 2, []said{{from: 3, term: 6, index: 10}}, true},
		{"a follower of five hears from the leader", 5, 2, []said{{from: 2, term: 5, index: 10}}, false},
		{"a follower of five hears from the leader and one beyond", 5, 2, []said{{from: 2, term: 5, index: 10}, {from: 3, term: 6}}, false},
		{"a follower of five hears from the leader and another", 5, 2, []said{{from: 3, term: 5}, {from: 2, term: 5, index: 10}}, true},
		{"the index is not applied yet", 3, 2, []said{{from: 2, term: 5, index: 11}}, false},
	} {
		g, r := asking(t, tc.voters, tc.lead)
		for _, a := range tc.answers {
			g.Answer(g.reads.number, a.from, Standing{Term: a.term, Leads: a.index > 0, Index: a.index})
		}
		if runs := r.readable == 1; runs != tc.runs || r.readable > 1 {
			t.Errorf("%s: ran %d times", tc.name, r.readable)
		}
	}
}

// A reader that comes to lead while it asks can tell the index itself.
func TestReaderComesToLead(t *testing.T) {
	g, r := asking(t, 3, 2)
	g.term, g.lead, g.role = 6, 1, raft.StateLeader
	g.Answer(g.reads.number, 3, Standing{Term: 6})
	if r.readable != 0 {
		t.Fatal("read before an entry of the term is applied")
	}
	g.AskAgain()
	if err := g.apply(&raftpb.Entry{Index: ptr(11), Term: ptr(6)}); err != nil {
		t.Fatal(err)
	}
	if !g.AskAgain() {
		t.Error("does not ask, though it can tell an index now")
	}
	if g.Answer(g.reads.number, 3, Standing{Term: 6}); r.readable != 1 {
		t.Error("did not run")
	}
}

// A reader that has gone on to a newer term is no witness for the old one.
func TestReaderBeyondTheLeader(t *testing.T) {
	g, r := asking(t, 3, 2)
	g.term = 6
	g.Answer(g.reads.number, 2, Standing{Term: 5, Leads: true, Index: 10})
	if r.readable != 0 {
		t.Error("read from a leader that its own voter has left")
	}
	g, r = asking(t, 3, 1)
	g.term, g.role = 6, raft.StateFollower
	g.Answer(g.reads.number, 2, Standing{Term: 6})
	if r.readable != 0 {
		t.Error("read by an office that is lost")
	}
}

// The index that an inquiry finds must be applied before its reads run.
func TestReadsWaitForTheirIndex(t *testing.T) {
	g, r := asking(t, 3, 2)
	g.Answer(g.reads.number, 2, Standing{Term: 5, Leads: true, Index: 12})
	g.applied = 11
	if g.release(); r.readable != 0 {
		t.Fatal("ran too early")
	}
	g.applied = 12
	if g.release(); r.readable != 1 {
		t.Fatal("did not run")
	}
	if g.release(); r.readable != 1 {
		t.Fatal("ran twice")
	}
}

// What was said to an inquiry before may be older than the reads of this one.
func TestAnswersToAnotherInquiry(t *testing.T) {
	g, first := asking(t, 3, 2)
	old := g.reads.number
	second := &counted{}
	g.Read(second)
	if g.CanAsk() {
		t.Fatal("two inquiries at once")
	}
	yes := Standing{Term: 5, Leads: true, Index: 10}
	if g.Answer(old, 2, yes); first.readable != 1 || second.readable != 0 {
		t.Fatalf("after the answer: %d, %d", first.readable, second.readable)
	}
	g.Ask()
	if g.Answer(old, 2, yes); second.readable != 0 {
		t.Fatal("an old answer counts")
	}
	if g.Answer(g.reads.number, 2, yes); first.readable != 1 || second.readable != 1 {
		t.Fatalf("in the end: %d, %d", first.readable, second.readable)
	}
	if g.Answer(g.reads.number, 2, yes); second.readable != 1 || g.CanAsk() {
		t.Fatal("something is left")
	}
}

// It is worth asking again when there is a new leader.
func TestAskAgain(t *testing.T) {
	g, _ := asking(t, 3, 2)
	if g.AskAgain() {
		t.Error("asks twice for no reason")
	}
	g.observe() // as its Raft has no leader, it is nobody's follower now
	if g.AskAgain() {
		t.Error("asks though nobody leads")
	}
	m := raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: ptr(3), To: ptr(1), Term: ptr(7)}
	if err := g.Step(&m); err != nil {
		t.Fatal(err)
	}
	if g.Leader() != 3 || !g.AskAgain() {
		t.Error("a new leader is not asked")
	}
	if g.AskAgain() {
		t.Error("says so twice")
	}
}

// A leader tells an index only when an entry of its term is applied, and then
// all that any message told of.
func TestStanding(t *testing.T) {
	g, _ := openAt(t, 1, 2, 3)
	g.term, g.within, g.applied, g.commit = 5, 5, 10, 12
	if s := g.Standing(); s != (Standing{Term: 5}) {
		t.Errorf("a follower says %+v", s)
	}
	g.role = raft.StateLeader
	if s := g.Standing(); s != (Standing{Term: 5, Leads: true, Index: 12}) {
		t.Errorf("a leader says %+v", s)
	}
	g.within = 4
	if s := g.Standing(); s != (Standing{Term: 5}) {
		t.Errorf("a leader that has applied nothing of its term says %+v", s)
	}
	g.Read(&counted{})
	if g.lead = 1; g.CanAsk() {
		t.Error("a leader without an index asks who else could tell one")
	}
	if g.role, g.lead = raft.StateFollower, 0; g.CanAsk() {
		t.Error("asks though nobody leads")
	}
}

func openAt(t *testing.T, voters ...uint64) (*Group, *raft.MemoryStorage) {
	t.Helper()
	st := raft.NewMemoryStorage()
	if err := st.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
		ConfState: &raftpb.ConfState{Voters: voters}, Index: ptr(1), Term: ptr(1),
	}}); err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{ID: 1, Node: 1, Boot: 1, Storage: st, Machine: &wordy{}, Applied: 1,
		ElectionTicks: 10, HeartbeatTick: 1, MaxInflight: 4, MaxBatch: 1 << 20, Logger: &raft.DefaultLogger{Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}})
	if err != nil {
		t.Fatal(err)
	}
	return g, st
}

// A replica is current by itself only if nobody else votes, and only when what
// was committed before its term is applied.
func TestCurrent(t *testing.T) {
	round := func(g *Group, st *raft.MemoryStorage) {
		fx := g.Ready()
		if err := st.Append(fx.Entries); err != nil {
			t.Fatal(err)
		}
		if err := g.Persisted(); err != nil {
			t.Fatal(err)
		}
	}
	g, st := openAt(t, 1)
	if g.Current() {
		t.Error("current before it leads")
	}
	g.Campaign()
	for g.HasReady() {
		leads := g.IsLeader()
		if leads && g.Applied() == 1 && g.Current() {
			t.Error("current before an entry of its term is applied")
		}
		round(g, st)
	}
	if !g.IsLeader() || g.Applied() < 2 || !g.Current() {
		t.Errorf("leads %v, applied %d, current %v", g.IsLeader(), g.Applied(), g.Current())
	}
	g, _ = openAt(t, 1, 2, 3)
	g.Campaign()
	if g.within = g.term; g.Current() {
		t.Error("current before it is elected")
	}
	g.role = raft.StateLeader
	if g.Current() {
		t.Error("current though others vote")
	}
}
