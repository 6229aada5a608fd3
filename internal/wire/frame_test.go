package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type frame struct {
	t       FrameType
	payload []byte
}

func drawFrames(t *rapid.T) []frame {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) frame {
		return frame{
			FrameType(rapid.IntRange(int(FrameHello), int(FramePong)).Draw(t, "type")),
			rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload"),
		}
	})).Draw(t, "frames")
}

// Whatever pieces a stream arrives in, the frames come out as they went in.
func TestFramesSurviveAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := drawFrames(t)
		var stream []byte
		for _, f := range frames {
			cut := rapid.IntRange(0, len(f.payload)).Draw(t, "cut")
			stream = AppendFrame(stream, f.t, f.payload[:cut], f.payload[cut:])
		}
		var d Decoder
		var buf []byte
		for len(stream) > 0 {
			step := rapid.IntRange(1, len(stream)).Draw(t, "step")
			buf, stream = append(buf, stream[:step]...), stream[step:]
			for {
				typ, payload, n, err := d.Next(buf)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				if cap(payload) != len(payload) {
					t.Fatal("appending to the payload would write into the next frame")
				}
				if typ != frames[0].t || !bytes.Equal(payload, frames[0].payload) || n != FrameOverhead+len(payload) {
					t.Fatalf("got %v %q in %d bytes, want %v %q", typ, payload, n, frames[0].t, frames[0].payload)
				}
				buf, frames = buf[n:], frames[1:]
			}
		}
		if len(frames) > 0 || len(buf) > 0 {
			t.Fatalf("%d frames and %d bytes are left", len(frames), len(buf))
		}
	})
}

// Any change of one bit ends in an error or in waiting for more, never in a
// frame.
func TestFrameFindsEveryFlippedBit(t *testing.T) {
	whole := AppendFrame(nil, FrameReply, []byte("the quick brown fox"))
	for bit := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if typ, payload, n, err := (&Decoder{}).Next(b); n != 0 || payload != nil {
			t.Errorf("bit %d: read as %v %q (%d bytes, error %v)", bit, typ, payload, n, err)
		}
	}
}

func TestFrameLimit(t *testing.T) {
	d := Decoder{Limit: 10}
	if _, p, _, err := d.Next(AppendFrame(nil, FramePing, make([]byte, 10))); err != nil || len(p) != 10 {
		t.Errorf("a payload of the limit: %d bytes, error %v", len(p), err)
	}
	head := AppendFrame(nil, FramePing, make([]byte, 11))[:4]
	if _, _, _, err := d.Next(head); err == nil {
		t.Error("a longer one was not refused by its first four bytes")
	}
	d.Limit = 0
	if _, _, _, err := d.Next([]byte{0, 0, 0x40, 4}); err != nil {
		t.Errorf("68 MiB by default: %v", err)
	}
	if _, _, _, err := d.Next([]byte{2, 0, 0x40, 4}); err == nil {
		t.Error("more than 68 MiB was not refused by default")
	}
}

func TestFrameRefusals(t *testing.T) {
	unknown := AppendFrame(nil, FrameType(12), []byte("x"))
	damaged := AppendFrame(nil, FrameRaft, []byte("abc"))
	damaged[len(damaged)-1]++
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"no type", "frame length 0", make([]byte, 8)},
		{"unknown type", "frame type 12 is not known", unknown},
		{"unknown type, payload not there yet", "frame type 12 is not known", unknown[:9]},
		{"damaged", "checksum of a raft frame", damaged},
		{"text", "frame length 542393671 is outside of", []byte("GET / HTTP/1.1\r\n")},
	} {
		_, _, n, err := (&Decoder{}).Next(c.b)
		var fe *FrameError
		if n != 0 || !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: n %d, error %v; want one with %q", c.name, n, err, c.want)
		}
	}
}

func TestFrameTypeNames(t *testing.T) {
	if s := FrameSnapshot.String(); s != "snapshot" {
		t.Error(s)
	}
	if s := FrameType(0).String(); s != "type 0" {
		t.Error(s)
	}
	if FrameType(0).Known() || !FrameHello.Known() || !FramePiece.Known() || FrameType(12).Known() {
		t.Error("Known does not match the table")
	}
}

func TestFramesDoNotAllocate(t *testing.T) {
	payload := make([]byte, 1000)
	var d Decoder
	var buf []byte
	if n := testing.AllocsPerRun(100, func() {
		buf = AppendFrame(buf[:0], FrameForward, payload[:10], payload)
		if _, _, n, err := d.Next(buf); n != len(buf) || err != nil {
			t.Fatal(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, FramePing), FrameReply, []byte("abc")), 100)
	f.Add([]byte("GET / HTTP/1.1\r\n"), 0)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1}, 1<<20)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		d := Decoder{Limit: limit & (1<<31 - 1)}
		for {
			typ, payload, n, err := d.Next(b)
			if err != nil || n == 0 {
				if payload != nil || n != 0 {
					t.Fatalf("error %v with n %d, payload %q", err, n, payload)
				}
				return
			}
			if again := AppendFrame(nil, typ, payload); !bytes.Equal(again, b[:n]) {
				t.Fatalf("%x reads as %v %x, which is written %x", b[:n], typ, payload, again)
			}
			b = b[n:]
		}
	})
}
