package group

import (
	"log/slog"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// wordy answers each command with as many bytes as it says, in MiB.
type wordy struct{ most int }

func (*wordy) Begin(*Entry) {}
func (*wordy) End(*Entry)   {}

func (m *wordy) Execute(dst []byte, _ *Entry, command []byte) []byte {
	dst = append(dst, make([]byte, int(command[0])<<20)...)
	dst = append(dst, command...)
	m.most = max(m.most, len(dst))
	return dst
}

type told struct {
	n   int // bytes of the reply
	err error
}

func (w *told) Applied(reply []byte, _ clock.Timestamp) { w.n = len(reply) }
func (w *told) Readable()                               {}
func (w *told) Failed(err error)                        { w.err = err }

// alone is a group of one replica, which leads, and what has it do all there is.
func alone(t *testing.T, m Machine) (g *Group, storage *raft.MemoryStorage, round func()) {
	storage = raft.NewMemoryStorage()
	_ = storage.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
		ConfState: &raftpb.ConfState{Voters: []uint64{1}}, Index: ptr(1), Term: ptr(1)}})
	g, err := New(Config{ID: 1, Node: 1, Boot: 1, Storage: storage, Machine: m, Applied: 1, ElectionTicks: 10, HeartbeatTick: 2,
		MaxInflight: 2, MaxBatch: 1 << 20, Logger: &raft.DefaultLogger{Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}})
	if err != nil {
		t.Fatal(err)
	}
	stamp := clock.At(1000)
	round = func() {
		g.Flush(func() clock.Timestamp { stamp++; return stamp }, func() uint64 { return 1 })
		for g.HasReady() {
			fx := g.Ready()
			_ = storage.Append(fx.Entries)
			if fx.HardState != nil {
				_ = storage.SetHardState(fx.HardState)
			}
			if err := g.Persisted(); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.Campaign()
	round()
	return g, storage, round
}

// echo answers each command with itself.
type echo struct{}

func (echo) Begin(*Entry)                                        {}
func (echo) End(*Entry)                                          {}
func (echo) Execute(dst []byte, _ *Entry, command []byte) []byte { return append(dst, command...) }

// The memory of a batch serves the next ones: Raft must have copied it.
func TestBatchesAreReusedAndTheLogIsNotTouched(t *testing.T) {
	g, storage, round := alone(t, echo{})
	want := map[uint64]string{}
	for i := range 20 {
		text := strings.Repeat(string(rune('a'+i)), 10+i%3)
		for range 1 + i%4 {
			g.Propose([]byte(text), &told{})
		}
		if round(); len(g.spare) != 1 {
			t.Fatalf("%d batches are kept for reuse", len(g.spare))
		}
		want[g.Applied()] = text
	}
	for index, text := range want {
		ents, err := storage.Entries(index, index+1, 1<<20)
		var e Entry
		if err != nil || e.decode(ents[0].GetData()) != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
		for _, c := range e.Commands {
			if string(c) != text {
				t.Errorf("entry %d has the command %q, was proposed with %q", index, c, text)
			}
		}
	}
	g.CloseTimestamp(clock.At(5000))
	if len(g.spare) != 0 {
		t.Error("a group that rests keeps memory for batches")
	}
}

// The replies of an entry wait for its end: those that many commands may gather
// are bounded. Who gets none is told that the command was done.
func TestRepliesOfAnEntryAreBounded(t *testing.T) {
	m := &wordy{}
	g, _, round := alone(t, m)
	var replies []*told
	propose := func(mib byte) {
		w := &told{}
		replies = append(replies, w)
		g.Propose([]byte{mib}, w)
	}
	for range 10 {
		propose(40)
	}
	propose(0)
	round()
	for i, w := range replies {
		kept := i < 4 || i == 10
		if kept != (w.err == nil && w.n > 0) || !kept && kv.KindOf(w.err) != kv.KindUnknown {
			t.Errorf("command %d: a reply of %d bytes, %v", i, w.n, w.err)
		}
	}
	if m.most > maxReplies+80<<20 {
		t.Errorf("%d bytes of replies were gathered", m.most)
	}
}

func ptr(n uint64) *uint64 { return &n }
