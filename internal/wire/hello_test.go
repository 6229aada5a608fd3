package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var exampleHello = Hello{Version: Version, Cluster: 0x1122334455667788, From: 1, To: 2, Boot: 99}

func TestHelloSurvives(t *testing.T) {
	h := exampleHello
	h.Version = 0
	b := append(AppendHello([]byte("before"), h), "after"...)[len("before"):]
	got, n, err := DecodeHello(b)
	if err != nil || got != exampleHello || string(b[n:]) != "after" {
		t.Fatalf("got %+v, error %v, rest %q", got, err, b[n:])
	}
	for i := range n {
		if h, n, err := DecodeHello(b[:i]); n != 0 || err != nil || h != (Hello{}) {
			t.Errorf("the first %d bytes: n %d, error %v", i, n, err)
		}
	}
}

// The layout is promised to all later versions.
func TestHelloBytes(t *testing.T) {
	b := AppendHello(nil, exampleHello)
	want := "\x89PARLEY\n" + "\x23\x00\x00\x00" // 35 bytes: type, 2, 4 times 8
	if !strings.HasPrefix(string(b), want) || string(b[16:19]) != "\x01\x03\x00" {
		t.Errorf("%q", b)
	}
}

func TestHelloFindsEveryFlippedBit(t *testing.T) {
	whole := AppendHello(nil, exampleHello)
	for bit := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if h, n, _ := DecodeHello(b); n != 0 {
			t.Errorf("bit %d: read as %+v", bit, h)
		}
	}
}

func TestHelloRefusals(t *testing.T) {
	framed := func(typ FrameType, p ...byte) []byte { return AppendFrame([]byte(magic), typ, p) }
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"http", `not a Parley node: its first bytes are "GET / HTTP/1.1\r\n"`, []byte("GET / HTTP/1.1\r\nHost: x\r\n")},
		{"one byte", `its first bytes are "*"`, []byte("*")},
		{"late difference", "not a Parley node", []byte("\x89PARLEY\r")},
		{"another frame first", "first frame is ping, not hello", framed(FramePing)},
		{"no version", "hello of 1 bytes has no version", framed(FrameHello, 1)},
		{"short", "hello of version 3 has 3 bytes, not 34", framed(FrameHello, 3, 0, 0)},
		{"long", "hello of version 3 has 35 bytes, not 34", framed(FrameHello, append([]byte{3}, make([]byte, 34)...)...)},
		{"too long", "frame length 1026 is outside of", framed(FrameHello, make([]byte, 1025)...)},
	} {
		_, n, err := DecodeHello(c.b)
		var fe *FrameError
		if n != 0 || !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: n %d, error %v; want one with %q", c.name, n, err, c.want)
		}
	}
}

func TestHelloOfAnotherVersion(t *testing.T) {
	b := AppendFrame([]byte(magic), FrameHello, []byte{7, 1, 'n', 'e', 'w'})
	_, n, err := DecodeHello(b)
	var ve *VersionError
	if n != 0 || !errors.As(err, &ve) || ve.Theirs != 0x107 || !strings.Contains(err.Error(), "version 263, this node speaks version 3") {
		t.Errorf("n %d, error %v", n, err)
	}
}

func TestHelloCheck(t *testing.T) {
	for _, c := range []struct {
		want string
		h    Hello
	}{
		{"", Hello{Cluster: 5, From: 1, To: 2}},
		{"the peer is of cluster 0000000000000006, this node is of cluster 0000000000000005", Hello{Cluster: 6, From: 1, To: 2}},
		{"calls itself node 0", Hello{Cluster: 5, From: 0, To: 2}},
		{"calls itself node 2", Hello{Cluster: 5, From: 2, To: 2}},
		{"node 1 looks for node 3 here, this is node 2", Hello{Cluster: 5, From: 1, To: 3}},
	} {
		err := c.h.Check(5, 2)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.h, err, c.want)
		}
	}
}

func FuzzHello(f *testing.F) {
	f.Add(AppendHello(nil, exampleHello))
	f.Add([]byte("\x89PARLEY\n"))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := DecodeHello(b)
		switch {
		case n > 0 && err == nil:
			if again := AppendHello(nil, h); !bytes.Equal(again, b[:n]) {
				t.Fatalf("%x reads as %+v, which is written %x", b[:n], h, again)
			}
		case n != 0 || h != (Hello{}) && err == nil:
			t.Fatalf("%+v with n %d, error %v", h, n, err)
		case err == nil && len(b) > len(magic)+headerLen+helloLimit+1:
			t.Fatalf("asks for more than %d bytes", len(b))
		}
	})
}
