package disk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

func crashAtPercent(percent, seed int) vfs.CrashCloneCfg {
	return vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(seed), 5))}
}

func logFiles(t *testing.T, d *Disk) int {
	t.Helper()
	ns, err := listSegments(d.opts.FS, d.path(logDir))
	if err != nil {
		t.Fatal(err)
	}
	return len(ns)
}

// Segments go when the state is durable beyond them, down to LogKeepBytes; the
// log in memory goes with them.
func TestTruncationFreesSegments(t *testing.T) {
	for _, inline := range []bool{true, false} {
		d := memDisk(t, func(o *Options) { o.Inline, o.LogKeepBytes, o.LogMaxBytes = inline, 10<<10, 1<<30 })
		for i := range uint64(200) {
			d.Append(1, nil, entries(1, i*10+1, 10))
			mustSync(t, d)
		}
		if n := logFiles(t, d); n < 8 || d.Metrics().Entries != 2000 {
			t.Fatalf("%d segments, %d entries", n, d.Metrics().Entries)
		}
		d.State(1).Set([]byte("k"), []byte("v"))
		d.State(1).SetApplied(2000, 1)
		if n := logFiles(t, d); n < 8 {
			t.Fatal("segments went before the state was durable")
		}
		settle(t, d)
		m := d.Metrics()
		deadline := time.Now().Add(5 * time.Second)
		for logFiles(t, d) > int(m.Segments)+1 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond) // they are deleted in the background
		}
		// How long a segment gets depends on when the next one is ready.
		oldest := d.journal.segs[0].end
		if n := logFiles(t, d); n > int(m.Segments)+1 || m.LogBytes < 10<<10 || m.LogBytes-oldest >= 10<<10 || m.Entries*28 > m.LogBytes {
			t.Errorf("inline %v: %d segment files, the oldest of %d bytes, %+v", inline, n, oldest, m)
		}
		l := d.Log(1)
		first, _ := l.FirstIndex()
		if term, err := l.Term(first - 1); err != nil || term != 1 {
			t.Errorf("the term before the first entry is %d, %v", term, err)
		}
	}
}

// One idle group's undurable entry keeps the segment it is in.
func TestUndurableEntryKeepsItsSegment(t *testing.T) {
	d := memDisk(t, func(o *Options) { o.LogKeepBytes, o.LogMaxBytes = 1, 1<<30 })
	d.Append(2, nil, entries(1, 1, 1))
	for i := range uint64(100) {
		d.Append(1, nil, entries(1, i*10+1, 10))
		mustSync(t, d)
	}
	d.State(1).SetApplied(1000, 1)
	settle(t, d)
	if d.Log(1).base != 0 || d.Log(2).last() != 1 || d.Log(2).base != 0 {
		t.Fatalf("the log of group 1 begins after %d, of group 2 after %d", d.Log(1).base, d.Log(2).base)
	}
	d.State(2).SetApplied(1, 1)
	settle(t, d)
	if n := d.Metrics().Segments; n > 2 || d.Log(2).base != 1 {
		t.Errorf("%d segments, log of group 2 begins after %d", n, d.Log(2).base)
	}
}

// Beyond LogMaxBytes a group that cannot apply is copied forward, and what is
// applied is written behind at once; nothing is lost by that.
func TestLogIsBounded(t *testing.T) {
	w := newWorld(t, smallOptions(true))
	w.opts.GenerationBytes = 1 << 20
	w.close()
	w.reopen(w.mem, []version{w.cur}, w.applied)
	w.append(1, 1, 20, false) // never committed
	w.append(3, 1, 1, true)
	var most int64
	for range 200 {
		w.append(2, w.real(2)+1, 5, true)
		h := w.cur[2].hard
		h.commit = w.real(2)
		w.hard(2, h)
		w.sync(true)
		w.apply(2, 5)
		w.tick(time.Millisecond)
		most = max(most, w.d.journal.bytes())
	}
	m := w.d.Metrics()
	if m.Carried == 0 || m.Generations == 0 || most > 2*w.opts.LogMaxBytes {
		t.Errorf("%d bytes of log, %+v", most, m)
	}
	w.crash(vfs.CrashCloneCfg{})
	if last := w.d.Log(1).last(); last != 20 {
		t.Errorf("the group that was carried ends at %d", last)
	}
	w.close()
}

// A state that changes the same keys again and again is written behind for the
// log's sake.
func TestHotKeysDoNotKeepTheLog(t *testing.T) {
	d := memDisk(t, func(o *Options) { o.GenerationBytes, o.SegmentBytes = 8<<10, 8<<10 })
	for i := range uint64(500) {
		d.Append(1, nil, entries(1, i+1, 1))
		mustSync(t, d)
		d.State(1).Set([]byte("one key"), fmt.Append(nil, i))
		d.State(1).SetApplied(i+1, 1)
		d.Tick(0)
	}
	if m := d.Metrics(); m.Generations < 3 || m.LogBytes > 40<<10 {
		t.Errorf("%+v", m)
	}
}

func TestQuietChangesAreWrittenBehindInTime(t *testing.T) {
	d := memDisk(t, nil)
	d.Tick(10 * time.Minute)
	d.State(1).Set([]byte("k"), []byte("v"))
	cover(d, 1, 1)
	d.Tick(10*time.Minute + freezeAfter - 1)
	if n := d.Metrics().Generations; n != 0 {
		t.Errorf("%d generations too early", n)
	}
	d.Tick(10*time.Minute + freezeAfter)
	if n := d.Metrics().Generations; n != 1 || d.states[1].durable != 1 {
		t.Errorf("%d generations", n)
	}
}

// Changes that come faster than they are written wait for the background.
func TestTickWaitsWhenWritesOverrun(t *testing.T) {
	d := memDisk(t, background)
	release := held(d)
	fill := func(i uint64) {
		d.State(1).Set(fmt.Append(nil, i), make([]byte, 3<<10))
		cover(d, 1, i)
	}
	fill(1)
	d.Tick(0)
	fill(2)
	fill(3)
	time.AfterFunc(20*time.Millisecond, release)
	d.Tick(0)
	if m := d.Metrics(); m.Stalls == 0 || m.Generations != 2 {
		t.Errorf("%+v", m)
	}
	settle(t, d)
}

func TestHundredGroups(t *testing.T) {
	for _, inline := range []bool{true, false} {
		mem := vfs.NewCrashableMem()
		o := smallOptions(inline)
		o.FS, o.SegmentBytes, o.GenerationBytes = mem, 32<<10, 16<<10
		d, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(40) {
			for g := range uint64(100) {
				d.Append(g, &raftpb.HardState{Term: new(uint64(1)), Vote: new(g), Commit: new(i)}, entries(1, i+1, 1))
			}
			mustSync(t, d)
			for g := range uint64(100) {
				d.State(g).Set(fmt.Append(nil, i%7), fmt.Append(nil, g, i))
				d.State(g).SetApplied(i+1, 1)
			}
			d.Tick(time.Duration(i) * time.Second)
		}
		o.FS = mem.CrashClone(vfs.CrashCloneCfg{})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err = Open(o); err != nil {
			t.Fatal(err)
		}
		if len(d.Groups()) != 100 {
			t.Fatalf("%d groups", len(d.Groups()))
		}
		for g := range uint64(100) {
			l := d.Log(g)
			applied, _ := d.State(g).Applied()
			want := plainMap{}
			for i := range applied {
				want.Set(fmt.Append(nil, i%7), fmt.Append(nil, g, i))
			}
			n := 0
			d.State(g).Scan(nil, nil, func(k, v []byte) bool {
				if want[string(k)] != string(v) {
					t.Errorf("group %d: %q is %q, not %q", g, k, v, want[string(k)])
				}
				n++
				return true
			})
			if l.last() != 40 || l.hard.vote != g || n != len(want) || l.base > applied {
				t.Errorf("group %d: log to %d, %v, %d keys at index %d", g, l.last(), l.hard, n, applied)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A dropped group is gone, also after a crash before Pebble has deleted it, and
// comes back empty.
func TestDropIsForGood(t *testing.T) {
	for _, deleted := range []bool{true, false} {
		w := newWorld(t, smallOptions(true))
		w.append(1, 1, 20, true)
		w.hard(1, hardState{9, 1, 20})
		w.append(2, 1, 5, true)
		w.sync(true)
		w.apply(1, 20)
		settle(t, w.d)
		w.drop(1)
		if deleted {
			w.tick(2 * freezeAfter)
		}
		w.crash(vfs.CrashCloneCfg{})
		if got := w.d.Groups(); !slices.Equal(got, []uint64{2}) {
			t.Errorf("groups are %d", got)
		}
		n := 0
		if err := w.d.walk(keyMeta, func(_, _ []byte) error { n++; return nil }); err != nil || n != 0 {
			t.Errorf("%d states left, %v", n, err)
		}
		if err := w.d.Drop(99); err != nil {
			t.Errorf("dropping an unknown group: %v", err)
		}
		w.append(1, 1, 3, true)
		w.sync(true)
		w.crash(vfs.CrashCloneCfg{})
		if l := w.d.Log(1); l.last() != 3 || w.applied[1] != 0 {
			t.Errorf("made again: log to %d, applied %d", l.last(), w.applied[1])
		}
		w.close()
	}
}

// A group that is made again at once does not see the cached values of the old.
func TestDropAndMakeAgain(t *testing.T) {
	d := memDisk(t, background)
	for i := range 5 {
		s := d.State(1)
		if v, ok := s.Get([]byte("k")); ok {
			t.Fatalf("round %d: found %q", i, v)
		}
		s.Set([]byte("k"), fmt.Append(nil, i))
		cover(d, 1, 1)
		settle(t, d)
		s.Get([]byte("k"))
		if err := d.Drop(1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEventsAreTold(t *testing.T) {
	var synced, flushed, rolled, deleted, failed atomic.Int64
	d := memDisk(t, func(o *Options) {
		o.LogKeepBytes = 1
		o.Events = Events{
			Synced:  func(n int, _ time.Duration) { synced.Add(int64(n)) },
			Flushed: func(n int64, _ time.Duration) { flushed.Add(n) },
			Rolled:  func(n uint64) { rolled.Store(int64(n)) },
			Deleted: func(n int) { deleted.Add(int64(n)) },
			Failed:  func(error) { failed.Add(1) },
		}
	})
	d.State(1).Set([]byte("k"), make([]byte, 1000))
	for i := range uint64(50) {
		d.Append(1, nil, entries(1, i*10+1, 10))
		mustSync(t, d)
	}
	d.State(1).SetApplied(500, 1)
	settle(t, d)
	m := d.Metrics()
	if synced.Load() != m.LogWritten || flushed.Load() < 1000 || rolled.Load() < 3 || deleted.Load() < 3 || failed.Load() != 0 {
		t.Errorf("synced %d of %d, flushed %d, rolled %d, deleted %d", synced.Load(), m.LogWritten, flushed.Load(), rolled.Load(), deleted.Load())
	}
	d.Append(1, nil, entries(1, 999, 1))
	d.Append(1, nil, entries(1, 999, 1))
	if failed.Load() != 1 {
		t.Errorf("told of %d failures", failed.Load())
	}
}

// Inline, the same calls leave the same files to a crash. Pebble notes in its
// MANIFEST when a table was made, which changes nothing.
func TestInlineIsDeterministic(t *testing.T) {
	leave := func() (all []map[string][]byte) {
		w := newWorld(t, scriptOptions(true))
		n := 0
		script(w, func() bool {
			if n++; n%4 == 0 {
				all = append(all, files(t, w.mem.CrashClone(vfs.CrashCloneCfg{}), "db"))
			}
			return false
		})
		return all
	}
	a, b := leave(), leave()
	if len(a) != len(b) || len(a) < 10 {
		t.Fatalf("%d and %d crashes", len(a), len(b))
	}
	for i := range a {
		for p, data := range a[i] {
			other, ok := b[i][p]
			if strings.Contains(p, "MANIFEST-") && len(other) == len(data) {
				continue
			}
			if !ok || string(other) != string(data) {
				t.Errorf("crash %d: %s differs (%v)", i, p, ok)
			}
		}
		if len(a[i]) != len(b[i]) {
			t.Errorf("crash %d: %d files and %d", i, len(a[i]), len(b[i]))
		}
	}
}
