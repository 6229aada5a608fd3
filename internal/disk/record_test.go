package disk

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func TestRecordsReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Uint64()
		g := n.Draw(rt, "group")
		h := hardState{n.Draw(rt, "term"), n.Draw(rt, "vote"), n.Draw(rt, "commit")}
		in := installMark{n.Draw(rt, "index"), n.Draw(rt, "iterm"), rapid.Uint32().Draw(rt, "epoch")}
		m := groupMark{hard: h, base: n.Draw(rt, "base"), baseTerm: n.Draw(rt, "bt"), last: n.Draw(rt, "last"), lastTerm: n.Draw(rt, "lt"), installed: in}
		var es []*raftpb.Entry
		first := rapid.Uint64Range(1, 1<<60).Draw(rt, "first")
		for i := range rapid.Uint64Range(1, 5).Draw(rt, "n") {
			typ := raftpb.EntryType(rapid.IntRange(0, 2).Draw(rt, "type"))
			var data []byte
			if rapid.Bool().Draw(rt, "data") {
				data = rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(rt, "bytes")
			}
			es = append(es, newEntry(n.Draw(rt, "t"), first+i, typ, data))
		}
		b := appendHard(nil, g, h)
		b = appendInstall(b, g, in)
		b = appendGroup(b, g, m)
		b = appendEntries(b, g, es)
		rd := recordReader{b: b}
		next := func(want byte) {
			if kind, id := rd.head(); kind != want || id != g {
				rt.Fatalf("record %d of group %d, want %d of %d", kind, id, want, g)
			}
		}
		next(recHard)
		if got := rd.hard(); got != h {
			rt.Fatalf("hard state %v, want %v", got, h)
		}
		next(recInstall)
		if got := rd.install(); got != in {
			rt.Fatalf("install %v, want %v", got, in)
		}
		next(recGroup)
		if got := rd.group(); got != m {
			rt.Fatalf("group %v, want %v", got, m)
		}
		next(recEntries)
		got := rd.entries()
		for i := range es {
			if i >= len(got) || !proto.Equal(got[i], es[i]) {
				rt.Fatalf("entries %v, want %v", got, es)
			}
		}
		if rd.more() || rd.bad {
			rt.Fatalf("%d bytes left, bad %v", len(rd.b), rd.bad)
		}
	})
}

// Records of any content are read or refused, and refused ones reserve nothing.
func FuzzRecords(f *testing.F) {
	f.Add(appendEntries(appendHard(nil, 1, hardState{1, 2, 3}), 1, entries(1, 1, 3)))
	f.Add(appendInstall(appendPoint(nil, recTruncate, 1, 0, 0), 2, installMark{3, 1, 2}))
	f.Add([]byte{recEntries, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0})
	f.Add(appendGroup([]byte{1}, 9, groupMark{base: 3, last: 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, oldest := range []bool{true, false} {
			r := &replay{groups: map[uint64]*groupReplay{}, dropped: map[uint64]bool{}, segs: []*segment{{number: 1}}}
			rd := &recordReader{b: b}
			err := r.checkpoint(rd, oldest)
			for err == nil && rd.more() {
				err = r.record(rd)
			}
			rd = &recordReader{b: b}
			for err = nil; err == nil && rd.more(); {
				err = r.record(rd)
			}
			for id, g := range r.groups {
				if g.last() < g.off {
					t.Fatalf("group %d ends before it begins", id)
				}
			}
		}
	})
}

func FuzzChunk(f *testing.F) {
	for _, c := range chunksOf(1, 5) {
		f.Add(c[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := memDisk(t, nil)
		w, err := d.Receive(1)
		if err != nil {
			t.Fatal(err)
		}
		chunk := sealChunk(append(make([]byte, 4), b...))
		if err := w.Write(chunk); err == nil && len(b) < chunkHeader-4 {
			t.Fatal("a chunk without a header was taken")
		}
		if d.Err() != nil {
			t.Fatal(d.Err())
		}
	})
}
