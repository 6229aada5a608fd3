package disk

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// A snapshot goes from one Disk to another, and both have the same state, also
// after a crash of the receiver.
func TestSnapshotTravels(t *testing.T) {
	for _, inline := range []bool{true, false} {
		from, mem := memDisk(t, func(o *Options) { o.Inline = inline }), vfs.NewCrashableMem()
		s, want := from.State(7), plainMap{}
		for i := range uint64(40) {
			for j := range 40 {
				k, v := fmt.Appendf(nil, "key %d", i*31+uint64(j)*7), fmt.Appendf(nil, "%0*d", 1+j*20, i)
				s.Set(k, v)
				want.Set(k, v)
			}
			s.Delete(fmt.Appendf(nil, "key %d", i))
			want.Delete(fmt.Appendf(nil, "key %d", i))
			cover(from, 7, i+1)
			from.Tick(0)
		}
		r, err := from.Snapshot(7)
		if err != nil || r.Index() != 40 || r.Term() != 1 {
			t.Fatal(r, err)
		}
		o := smallOptions(inline)
		o.FS = mem
		to, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		to.State(7).Set([]byte("old"), []byte("old"))
		to.Append(7, nil, entries(1, 1, 5))
		to.State(7).SetApplied(3, 1)
		w, err := to.Receive(7)
		if err != nil {
			t.Fatal(err)
		}
		chunks := 0
		for {
			c, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(c) > chunkBytes+1<<10 {
				t.Errorf("a chunk of %d bytes", len(c))
			}
			if err := w.Write(c); err != nil {
				t.Fatal(err)
			}
			clear(c) // both sides reuse it
			chunks++
		}
		if chunks < 3 {
			t.Errorf("only %d chunks", chunks)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := to.Install(w); err == nil {
			t.Fatal("installed before it was durable")
		}
		if err := w.Finish(40, 1, &raftpb.ConfState{Voters: []uint64{1, 2}}); err != nil {
			t.Fatal(err)
		}
		for !w.Done() {
			time.Sleep(time.Millisecond)
		}
		if v, _ := to.State(7).Get([]byte("old")); string(v) != "old" {
			t.Error("the staged state is visible before it is installed")
		}
		if err := to.Install(w); err != nil {
			t.Fatal(err)
		}
		installed := func(d *Disk) {
			t.Helper()
			got := plainMap{}
			d.State(7).Scan(nil, nil, func(k, v []byte) bool { got[string(k)] = string(v); return true })
			i, term := d.State(7).Applied()
			l := d.Log(7)
			if !maps.Equal(got, want) || i != 40 || term != 1 || l.base != 40 || l.last() != 40 || l.hard.commit != 40 {
				t.Errorf("inline %v: index %d, term %d, log from %d to %d, %v, %d keys of %d", inline, i, term, l.base, l.last(), l.hard, len(got), len(want))
			}
		}
		installed(to)
		if _, cs, _ := to.Log(7).InitialState(); len(cs.GetVoters()) != 2 {
			t.Errorf("the log's configuration is %v", cs)
		}
		if err := to.Install(w); err == nil {
			t.Error("installed twice")
		}
		// Pebble's own notion of the group comes with the next generation; the
		// log alone knows it now.
		o.FS = mem.CrashClone(vfs.CrashCloneCfg{})
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if to, err = Open(o); err != nil {
			t.Fatal(err)
		}
		installed(to)
		settle(t, to)
		markers := 0
		if err := to.walk(keyStage, func(_, _ []byte) error { markers++; return nil }); err != nil || markers != 0 {
			t.Errorf("%d markers left, %v", markers, err)
		}
		installed(to)
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A snapshot is of its moment, whatever is written, cleared, written behind or
// dropped while it is read.
func TestSnapshotStandsStill(t *testing.T) {
	for _, after := range []string{"writes", "clear", "flush", "drop", "held"} {
		d := memDisk(t, background)
		s, want := d.State(1), plainMap{}
		put := func(round int) {
			for i := range 1500 {
				k, v := fmt.Appendf(nil, "k%04d", i*(round+1)%2000), fmt.Appendf(nil, "round %d %0300d", round, i)
				s.Set(k, v)
				want.Set(k, v)
			}
		}
		put(0)
		cover(d, 1, 1)
		settle(t, d)
		if after == "held" {
			defer held(d)()
		}
		put(1)
		cover(d, 1, 2)
		r, err := d.Snapshot(1)
		if err != nil {
			t.Fatal(err)
		}
		expect := maps.Clone(want)
		got, last := plainMap{}, ""
		for n := 0; ; n++ {
			c, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			h, rd, err := openChunk(c)
			if err != nil {
				t.Fatal(err)
			}
			for h.kind == chunkPairs && rd.more() {
				k, v := rd.pair()
				if string(k) <= last {
					t.Fatalf("%s after %s", k, last)
				}
				last = string(k)
				got[last] = string(v)
			}
			if n > 0 {
				continue
			}
			switch after {
			case "writes", "held":
				put(3)
				cover(d, 1, 3)
			case "clear":
				s.Clear()
				cover(d, 1, 3)
			case "flush":
				put(3)
				cover(d, 1, 3)
				settle(t, d)
			case "drop":
				if err := d.Drop(1); err != nil {
					t.Fatal(err)
				}
				settle(t, d)
			}
		}
		if !maps.Equal(got, expect) {
			t.Errorf("%s: the snapshot has changed: %d keys of %d", after, len(got), len(expect))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.Next(); err != ErrClosed {
			t.Errorf("after close: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	}
}

// What is not the next chunk of this snapshot is refused, and does no harm.
func TestBadChunksAreRefused(t *testing.T) {
	d := memDisk(t, nil)
	chunks := chunksOf(1, 60)
	if len(chunks) < 4 {
		t.Fatal("too few chunks")
	}
	flip := func(c []byte, i int) []byte { c = slices.Clone(c); c[i] ^= 1; return c }
	w, err := d.Receive(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Receive(1); err == nil {
		t.Error("two snapshots of a group at once")
	}
	refuse := func(what string, c []byte) {
		t.Helper()
		if err := w.Write(c); !errors.Is(err, ErrSnapshotDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range chunks[0] {
		refuse(fmt.Sprintf("byte %d changed", i), flip(chunks[0], i))
		refuse(fmt.Sprintf("cut at %d", i), chunks[0][:i])
	}
	refuse("the second first", chunks[1])
	refuse("another group's", chunksOf(2, 60)[0])
	if err := w.Write(chunks[0]); err != nil {
		t.Fatal(err)
	}
	refuse("the first again", chunks[0])
	first := sealChunk(append(beginChunk(nil, chunkHead{kind: chunkPairs, group: 1, number: 1}), chunks[0][chunkHeader:]...))
	refuse("keys out of order", first)
	refuse("unknown kind", sealChunk(beginChunk(nil, chunkHead{kind: 9, group: 1, number: 1})))
	refuse("an end too early", sealChunk(appendNumbers(beginChunk(nil, chunkHead{kind: chunkEnd, group: 1, number: 1}), 60, 16, 9)))
	long := sealChunk(append(beginChunk(nil, chunkHead{kind: chunkPairs, group: 1, number: 1}), 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))
	refuse("a length that is not there", long)
	newer := slices.Clone(chunks[1])
	newer[4] = 9
	if err := w.Write(sealChunk(newer)); err == nil {
		t.Error("a newer version was taken")
	}
	if err := w.Finish(60, 16, nil); !errors.Is(err, ErrSnapshotDamaged) {
		t.Errorf("finish without the end: %v", err)
	}
	for _, c := range chunks[1:] {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	refuse("after the end", chunks[1])
	if err := w.Finish(61, 16, nil); !errors.Is(err, ErrSnapshotDamaged) {
		t.Errorf("finish at another index: %v", err)
	}
	if err := w.Finish(60, canonical(1, 60).term, nil); err != nil || !w.Done() {
		t.Errorf("finish: %v", err)
	}
	if d.Err() != nil {
		t.Error(d.Err())
	}
}

// A snapshot that was given up, or that a crash cut short, leaves nothing.
func TestAbortedSnapshotLeavesNothing(t *testing.T) {
	for _, crash := range []bool{true, false} {
		mem := vfs.NewCrashableMem()
		w := newWorld(t, smallOptions(true))
		w.mem = mem
		w.close()
		w.open()
		w.append(1, 1, 30, true)
		w.sync(true)
		sw := w.receive(1, 60)
		if crash {
			w.crash(vfs.CrashCloneCfg{})
		} else {
			sw.Abort()
			sw.Abort()
			if err := sw.Write(nil); err == nil {
				t.Error("an aborted snapshot goes on")
			}
			if err := w.d.Install(sw); err == nil {
				t.Error("an aborted snapshot was installed")
			}
		}
		n := 0
		for _, kind := range []byte{keyStage, keyData} {
			if err := w.d.walk(kind, func(_, _ []byte) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if n != 0 {
			t.Errorf("crash %v: %d keys left", crash, n)
		}
		// The next one does not find anything of it either.
		w.install(w.receive(1, 45), 45)
		w.crash(vfs.CrashCloneCfg{})
		if w.applied[1] != 45 {
			t.Errorf("applied is %d", w.applied[1])
		}
		w.close()
	}
}

func TestInstallRefusesOlderSnapshots(t *testing.T) {
	w := newWorld(t, smallOptions(true))
	w.append(1, 1, 30, true)
	w.hard(1, hardState{9, 1, 25})
	w.sync(true)
	w.apply(1, 25)
	for _, index := range []uint64{10, 25} {
		sw := w.receive(1, index)
		if err := w.d.Install(sw); err == nil {
			t.Errorf("a snapshot of index %d replaced the state at 25", index)
		}
		sw.Abort()
	}
	sw := w.receive(1, 26)
	w.d.State(1).Set([]byte("x"), nil)
	if err := w.d.Install(sw); err == nil {
		t.Error("installed between entries")
	}
	w.d.State(1).Delete([]byte("x"))
	w.d.State(1).SetApplied(25, canonical(1, 25).term)
	w.install(sw, 26)
	w.crash(vfs.CrashCloneCfg{})
	w.close()
}

// A crash before each operation of Install and of what follows, with every mix
// of lost data: the group is wholly the old one, or wholly the new.
func TestInstallIsAtomic(t *testing.T) {
	for at := 1; ; at++ {
		reached := false
		for _, percent := range []int{0, 30, 70, 100} {
			w := newWorld(t, scriptOptions(true))
			w.append(1, 1, 20, true)
			w.hard(1, hardState{8, 2, 15})
			w.sync(true)
			w.apply(1, 10)
			w.tick(time.Second)
			w.tick(2 * freezeAfter)
			w.apply(1, 5)
			w.mu.Lock()
			w.crashAt, w.cfg = w.ops+at, crashAtPercent(percent, at)
			w.mu.Unlock()
			sw := w.receive(1, 90)
			w.install(sw, 90)
			w.append(1, 91, 3, true)
			w.sync(true)
			w.tick(3 * freezeAfter)
			w.tick(5 * freezeAfter)
			if w.crashed() {
				reached = true
			}
			w.crash(vfs.CrashCloneCfg{})
			if i := w.applied[1]; i != 10 && i != 15 && i != 90 {
				t.Errorf("at %d, %d%%: applied is %d", at, percent, i)
			}
			w.close()
		}
		if !reached {
			if at < 15 {
				t.Errorf("only %d operations", at-1)
			}
			return
		}
	}
}
