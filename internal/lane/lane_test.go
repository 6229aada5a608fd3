package lane

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/wire"
)

// carry takes what an Out gives to an In, and returns the frames that come out.
func carry(t *testing.T, out *Out, in *In) (types []wire.FrameType, payloads [][]byte) {
	t.Helper()
	var dec wire.Decoder
	for !out.Empty() {
		b := out.Next(nil)
		if len(b) > PieceSize+wire.FrameOverhead+2 {
			t.Fatalf("%d bytes at once", len(b))
		}
		ft, payload, n, err := dec.Next(b)
		if err != nil || n != len(b) {
			t.Fatal(n, err)
		}
		if ft == wire.FramePiece {
			if ft, payload, err = in.Take(payload); err != nil {
				t.Fatal(err)
			}
		}
		if ft != 0 {
			types, payloads = append(types, ft), append(payloads, bytes.Clone(payload))
		}
	}
	return types, payloads
}

// Frames of every length come out as they went in, in order.
func TestThere(t *testing.T) {
	var out Out
	var in In
	var want [][]byte
	total := 0
	for i, size := range []int{0, 1, PieceSize, PieceSize + 1, 2 * PieceSize, 5*PieceSize - 7, 3, 2 << 20, 4, PieceSize + 1} {
		p := bytes.Repeat([]byte{byte(i + 1)}, size)
		want = append(want, bytes.Clone(p))
		out.Add(wire.FrameRaft+wire.FrameType(i%3), p)
		clear(p) // it was copied
		total += size
	}
	if out.Bytes() != total {
		t.Errorf("%d bytes wait, not %d", out.Bytes(), total)
	}
	types, got := carry(t, &out, &in)
	if len(got) != len(want) || out.Bytes() != 0 {
		t.Fatalf("%d frames, %d bytes left", len(got), out.Bytes())
	}
	for i := range want {
		if types[i] != wire.FrameRaft+wire.FrameType(i%3) || !bytes.Equal(got[i], want[i]) {
			t.Errorf("frame %d: %v, %d bytes", i, types[i], len(got[i]))
		}
	}
}

// Peek gives what Next would, as often as it is asked, and Taken goes on from any
// place.
func TestPeek(t *testing.T) {
	var out, same Out
	for i, size := range []int{3 * PieceSize, 10, 2*PieceSize + 1, 0, 7} {
		p := bytes.Repeat([]byte{byte(i)}, size)
		out.Add(wire.FrameRaft, p)
		same.Add(wire.FrameRaft, p)
	}
	for step := 1; !out.Empty(); step++ {
		room := step * PieceSize
		b, ends := out.Peek([]byte("before"), nil, room)
		again, _ := out.Peek([]byte("before"), nil, room)
		if !bytes.Equal(b, again) || len(ends) == 0 || ends[len(ends)-1] != len(b) || len(b) > room+PieceSize+100 {
			t.Fatalf("step %d: %d and %d bytes, ends %v", step, len(b), len(again), ends)
		}
		n := (len(ends) + 1) / 2
		want := []byte("before")
		for range n {
			want = same.Next(want)
		}
		if !bytes.Equal(b[:ends[n-1]], want) {
			t.Fatalf("step %d: the first %d are not what Next gives", step, n)
		}
		if out.Taken(n); out.Bytes() != same.Bytes() {
			t.Fatalf("step %d: %d bytes are left, not %d", step, out.Bytes(), same.Bytes())
		}
	}
	if !same.Empty() {
		t.Error("something is left")
	}
}

// Urgent frames never wait, short ones only behind others.
func TestDirect(t *testing.T) {
	var out Out
	if !out.Direct(wire.FrameRaft, PieceSize) || out.Direct(wire.FrameRaft, PieceSize+1) || !out.Direct(wire.FrameControl, 1<<20) {
		t.Error("an empty lane")
	}
	out.Add(wire.FrameRaft, make([]byte, PieceSize+1))
	if out.Direct(wire.FrameForward, 1) || !out.Direct(wire.FramePing, 16) {
		t.Error("a lane in use")
	}
	out.Next(nil)
	if out.Direct(wire.FrameForward, 1) {
		t.Error("within a frame")
	}
	if out.Next(nil); !out.Direct(wire.FrameForward, 1) || !out.Empty() {
		t.Error("a lane that is empty again")
	}
	out.Add(wire.FrameRaft, make([]byte, 3*PieceSize))
	out.Next(nil)
	if out.Clear(); !out.Empty() || out.Bytes() != 0 {
		t.Error("cleared")
	}
}

func TestRefusals(t *testing.T) {
	piece := func(t wire.FrameType, last byte, n int) []byte {
		return append([]byte{byte(t), last}, make([]byte, n)...)
	}
	for _, tc := range []struct {
		want   string
		pieces [][]byte
	}{
		{"without a head", [][]byte{{1}}},
		{"without a head", [][]byte{piece(wire.FrameRaft, 2, 1)}},
		{"pieces of a frame of type 200", [][]byte{piece(200, 0, 1)}},
		{"pieces of a frame of piece", [][]byte{piece(wire.FramePiece, 0, 1)}},
		{"pieces of a frame of hello", [][]byte{piece(wire.FrameHello, 1, 1)}},
		{"a piece of a forward frame within a raft frame", [][]byte{piece(wire.FrameRaft, 0, 1), piece(wire.FrameForward, 1, 1)}},
		{"of more than", [][]byte{piece(wire.FrameRaft, 0, wire.DefaultLimit), piece(wire.FrameRaft, 1, 1)}},
	} {
		var in In
		var err error
		for _, p := range tc.pieces {
			if err != nil {
				t.Errorf("%s: refused too early: %v", tc.want, err)
			}
			_, _, err = in.Take(p)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("want %q: %v", tc.want, err)
		}
	}
}

// FuzzTake: whatever comes in pieces, no more is kept than came.
func FuzzTake(f *testing.F) {
	f.Add([]byte{2, 0, 1}, []byte{2, 1})
	f.Add([]byte{3, 1}, []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var in In
		for _, p := range [][]byte{a, b, a} {
			_, whole, err := in.Take(p)
			if err != nil {
				return
			}
			if len(whole) > 2*len(a)+len(b) {
				t.Fatalf("%d bytes out of %d and %d", len(whole), len(a), len(b))
			}
		}
	})
}
