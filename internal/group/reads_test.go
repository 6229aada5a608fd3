package group

import (
	"log/slog"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// counted is a read that counts when it may run.
type counted struct {
	Waiter
	readable int
}

func (c *counted) Readable() { c.readable++ }

// A leader that is further away than the patience still gets its answers heard:
// each request is answered after the next one was sent.
func TestReadsOverALongWay(t *testing.T) {
	var q readQueue
	const patience = 3
	first, second := &counted{}, &counted{}
	q.waiting = append(q.waiting, first)
	one, ok := q.next()
	if !ok {
		t.Fatal("nothing is asked")
	}
	if _, ok := q.next(); ok {
		t.Fatal("asked again at once")
	}
	q.waiting = append(q.waiting, second)
	for range patience + 1 {
		if _, ok := q.next(); ok {
			t.Fatal("asked again before the patience ended")
		}
		q.tick(patience)
	}
	two, ok := q.next()
	if !ok || two <= one {
		t.Fatalf("not asked again: %d, %v", two, ok)
	}
	q.confirmed(one, 10)
	q.release(10, nil)
	if first.readable != 1 || second.readable != 0 {
		t.Fatalf("after the answer to the first request: %d, %d", first.readable, second.readable)
	}
	q.confirmed(two, 11)
	q.release(10, nil)
	if second.readable != 0 {
		t.Fatal("a read ran before its index was applied")
	}
	q.release(11, nil)
	q.confirmed(one, 12)
	q.confirmed(two, 12)
	q.release(12, nil)
	if first.readable != 1 || second.readable != 1 {
		t.Fatalf("in the end: %d, %d", first.readable, second.readable)
	}
	if _, ok := q.next(); ok || len(q.asked) != 0 {
		t.Fatal("asked for nobody")
	}
}

// An answer to a later request is one to all before it, which were lost.
func TestReadsAskedAgain(t *testing.T) {
	var q readQueue
	r := &counted{}
	q.waiting = append(q.waiting, r)
	q.next()
	q.tick(0)
	again, ok := q.next()
	if !ok {
		t.Fatal("not asked again")
	}
	q.confirmed(again, 5)
	q.release(5, nil)
	if r.readable != 1 {
		t.Fatalf("%d", r.readable)
	}
}

// Under a new leader the request is sent again at once.
func TestReadsOfANewLeader(t *testing.T) {
	var q readQueue
	if q.askAgain(); q.overdue {
		t.Fatal("asks for nobody")
	}
	q.waiting = append(q.waiting, &counted{})
	q.next()
	if _, ok := q.next(); ok {
		t.Fatal("asked twice for no reason")
	}
	q.askAgain()
	if _, ok := q.next(); !ok {
		t.Fatal("not asked again")
	}
}

// A replica is current by itself only if nobody else votes, and only when what
// was committed before its term is applied.
func TestCurrent(t *testing.T) {
	open := func(voters ...uint64) (*Group, *raft.MemoryStorage) {
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
	round := func(g *Group, st *raft.MemoryStorage) {
		fx := g.Ready()
		if err := st.Append(fx.Entries); err != nil {
			t.Fatal(err)
		}
		if err := g.Persisted(); err != nil {
			t.Fatal(err)
		}
	}
	g, st := open(1)
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
	g, _ = open(1, 2, 3)
	g.Campaign()
	if g.within = g.term; g.Current() {
		t.Error("current before it is elected")
	}
	g.role = raft.StateLeader
	if g.Current() {
		t.Error("current though others vote")
	}
}
