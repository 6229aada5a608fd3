package disk

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func memDisk(t testing.TB, change func(*Options)) *Disk {
	t.Helper()
	o := smallOptions(true)
	o.FS = vfs.NewMem()
	if change != nil {
		change(&o)
	}
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if failed := d.failed(); !failed && d.Close() != nil {
			t.Errorf("close: %v", d.Err())
		} else if failed {
			_ = d.Close()
		}
	})
	return d
}

func entries(term, from, n uint64) []*raftpb.Entry {
	var es []*raftpb.Entry
	for i := from; i < from+n; i++ {
		es = append(es, newEntry(term, i, raftpb.EntryNormal, fmt.Appendf(nil, "entry %d of term %d", i, term)))
	}
	return es
}

func mustSync(t testing.TB, d *Disk) {
	t.Helper()
	if err := d.Sync(true); err != nil {
		t.Fatal(err)
	}
}

// A Log answers as raft's own MemoryStorage does.
func TestLogAnswersLikeMemoryStorage(t *testing.T) {
	d := memDisk(t, nil)
	l, ms := d.Log(4), raft.NewMemoryStorage()
	put := func(es []*raftpb.Entry) {
		d.Append(4, nil, es)
		if err := ms.Append(es); err != nil {
			t.Fatal(err)
		}
	}
	put(entries(1, 1, 20))
	put(entries(2, 15, 30))
	l.truncate(9)
	if err := ms.Compact(9); err != nil {
		t.Fatal(err)
	}
	put(entries(2, 5, 8)) // partly known already
	put(entries(3, 13, 20))
	first, _ := l.FirstIndex()
	last, _ := l.LastIndex()
	wantFirst, _ := ms.FirstIndex()
	wantLast, _ := ms.LastIndex()
	if first != wantFirst || last != wantLast {
		t.Fatalf("log from %d to %d, want %d to %d", first, last, wantFirst, wantLast)
	}
	for i := range last + 3 {
		term, err := l.Term(i)
		want, wantErr := ms.Term(i)
		if term != want || err != wantErr {
			t.Errorf("term of %d is %d %v, want %d %v", i, term, err, want, wantErr)
		}
	}
	for lo := uint64(1); lo <= last; lo++ {
		for hi := lo + 1; hi <= last+1; hi += 3 {
			for _, size := range []uint64{0, 1, 60, 100, 1 << 30} {
				got, err := l.Entries(lo, hi, size)
				want, wantErr := ms.Entries(lo, hi, size)
				if err != wantErr || !reflect.DeepEqual(got, want) {
					t.Fatalf("entries %d to %d of %d bytes: %d, %v; want %d, %v", lo, hi, size, len(got), err, len(want), wantErr)
				}
			}
		}
	}
	if _, err := l.Entries(last, last+2, 1); err != raft.ErrUnavailable {
		t.Errorf("entries beyond the last: %v", err)
	}
}

func TestLogEntriesStayValid(t *testing.T) {
	d := memDisk(t, nil)
	d.Append(1, nil, entries(1, 1, 10))
	l := d.Log(1)
	got, err := l.Entries(3, 8, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(got)
	_ = append(got, nil) // raft may
	d.Append(1, nil, entries(2, 4, 9))
	l.truncate(6)
	d.Append(1, nil, entries(2, 13, 20))
	for i, e := range got {
		if e != want[i] || e.GetTerm() != 1 || string(e.GetData()) != fmt.Sprintf("entry %d of term 1", i+3) {
			t.Errorf("entry %d has become %v", i+3, e)
		}
	}
	if term, _ := l.Term(8); term != 2 {
		t.Errorf("raft's append reached the log: term of 8 is %d", term)
	}
}

func TestLogInitialStateAndSnapshot(t *testing.T) {
	d := memDisk(t, nil)
	l := d.Log(1)
	hs, cs, err := l.InitialState()
	if hs != nil || cs == nil || err != nil {
		t.Fatalf("a new log has %v, %v, %v", hs, cs, err)
	}
	if _, err := l.Snapshot(); err != raft.ErrSnapshotTemporarilyUnavailable {
		t.Fatalf("snapshot of nothing: %v", err)
	}
	conf := &raftpb.ConfState{Voters: []uint64{1, 2, 3}, Learners: []uint64{4}, AutoLeave: new(true)}
	l.SetConfState(conf)
	d.Append(1, &raftpb.HardState{Term: new(uint64(3)), Vote: new(uint64(2)), Commit: new(uint64(4))}, entries(3, 1, 5))
	d.State(1).SetApplied(4, 3)
	hs, cs, _ = l.InitialState()
	if hs.GetTerm() != 3 || hs.GetVote() != 2 || hs.GetCommit() != 4 || !proto.Equal(cs, conf) {
		t.Errorf("initial state is %v, %v", hs, cs)
	}
	snap, err := l.Snapshot()
	m := snap.GetMetadata()
	if err != nil || m.GetIndex() != 4 || m.GetTerm() != 3 || !proto.Equal(m.GetConfState(), conf) {
		t.Errorf("snapshot is %v, %v", snap, err)
	}
}

func TestEntrySizeIsProtoSize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := &raftpb.Entry{}
		if rapid.Bool().Draw(rt, "term") {
			e.Term = new(rapid.Uint64().Draw(rt, "t"))
		}
		if rapid.Bool().Draw(rt, "index") {
			e.Index = new(rapid.Uint64().Draw(rt, "i"))
		}
		if rapid.Bool().Draw(rt, "type") {
			e.Type = raftpb.EntryType(rapid.IntRange(0, 2).Draw(rt, "ty")).Enum()
		}
		if rapid.Bool().Draw(rt, "data") {
			e.Data = make([]byte, rapid.IntRange(0, 300).Draw(rt, "d"))
		}
		if got, want := entrySize(e), uint64(proto.Size(e)); got != want {
			rt.Fatalf("size %d, want %d", got, want)
		}
	})
}

// What cannot be a log ends the Disk, before anything is acknowledged.
func TestAppendRefusesGaps(t *testing.T) {
	for name, es := range map[string][]*raftpb.Entry{
		"gap after the last": entries(1, 5, 1),
		"gap within":         append(entries(1, 4, 1), entries(1, 6, 1)...),
	} {
		d := memDisk(t, nil)
		d.Append(1, nil, entries(1, 1, 3))
		d.Append(1, nil, es)
		if err := d.Sync(true); err == nil || d.Err() == nil {
			t.Errorf("%s: accepted", name)
		}
		if err := d.Close(); err == nil {
			t.Errorf("%s: close says nothing", name)
		}
	}
}

// syncs counts fdatasyncs of log segments.
func syncs(n *int) errorfs.Injector {
	return errorfs.InjectorFunc(func(op errorfs.Op) error {
		if _, ok := parseSegmentName(vfs.Default.PathBase(op.Path)); ok && op.Kind == errorfs.OpFileSyncData {
			*n++
		}
		return nil
	})
}

func TestRoundIsOneSync(t *testing.T) {
	var n int
	d := memDisk(t, func(o *Options) {
		o.FS = errorfs.Wrap(vfs.NewMem(), syncs(&n))
		o.SegmentBytes = 1 << 20
	})
	n = 0
	for g := range uint64(100) {
		d.Append(g, &raftpb.HardState{Term: new(uint64(1)), Commit: new(uint64(0))}, entries(1, 1, 3))
	}
	mustSync(t, d)
	if n != 1 {
		t.Errorf("a round of 100 groups took %d syncs", n)
	}
	mustSync(t, d)
	d.Append(1, &raftpb.HardState{Term: new(uint64(1)), Commit: new(uint64(2))}, nil)
	if err := d.Sync(false); err != nil {
		t.Fatal(err)
	}
	if n != 1 {
		t.Errorf("rounds with nothing to sync took %d syncs", n-1)
	}
	mustSync(t, d)
	if n != 2 {
		t.Errorf("the commit index took %d syncs", n-1)
	}
}

func TestNoSyncOption(t *testing.T) {
	var n int
	d := memDisk(t, func(o *Options) {
		o.FS = errorfs.Wrap(vfs.NewMem(), syncs(&n))
		o.SegmentBytes = 1 << 20
		o.Sync = false
	})
	n = 0
	d.Append(1, nil, entries(1, 1, 3))
	mustSync(t, d)
	if n != 0 {
		t.Errorf("%d syncs", n)
	}
}

func TestAppendCopiesDataOnce(t *testing.T) {
	d := memDisk(t, func(o *Options) { o.SegmentBytes = 1 << 20 })
	es := entries(1, 1, 1)
	d.Append(1, nil, es)
	got, err := d.Log(1).Entries(1, 2, 1)
	if err != nil || got[0] != es[0] {
		t.Errorf("the log keeps another entry: %v", err)
	}
}
