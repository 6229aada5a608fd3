package resp

import (
	"bufio"
	"bytes"
	"fmt"
	"testing"
)

// FuzzParser: whatever the bytes, cutting them changes nothing, and the
// arguments are no more than the bytes that came.
func FuzzParser(f *testing.F) {
	for _, c := range parserCases {
		f.Add([]byte(c.in), uint8(len(c.in)/2))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		whole, cut := Parser{Limits: small()}, Parser{Limits: small()}
		a, restA, errA := feed(&whole, in)
		b, restB, errB := feed(&cut, pieces(in, max(int(size), 1))...)
		if fmt.Sprint(a, errA) != fmt.Sprint(b, errB) {
			t.Fatalf("at once: %v, %v; in pieces of %d: %v, %v", a, errA, size, b, errB)
		}
		if errA == nil && !bytes.Equal(restA, restB) {
			t.Fatalf("rests %q and %q", restA, restB)
		}
		if cap(whole.args) > 2*len(in)+8 || cap(whole.scratch) > 2*len(in)+8 {
			t.Fatalf("%d arguments and %d bytes for %d bytes", cap(whole.args), cap(whole.scratch), len(in))
		}
	})
}

// FuzzReadReply: no panic, no more values than bytes, and what was read can be
// written and read again.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "*2\r\n$1\r\na\r\n_\r\n", "|1\r\n+a\r\n:1\r\n%1\r\n,1\r\n#t\r\n", "=5\r\ntxt:a\r\n", "$67108864\r\n", "!3\r\nERR\r\n", "(12\r\n", ">1\r\n~0\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		reply, err := ReadReply(bufio.NewReaderSize(bytes.NewReader(in), 16), DefaultLimits())
		if err != nil {
			return
		}
		if n := values(reply); n > len(in) {
			t.Fatalf("%d values in %d bytes", n, len(in))
		}
		again, err := ReadReply(bufio.NewReader(bytes.NewReader(encode(nil, reply))), DefaultLimits())
		if err != nil || describe(again) != describe(reply) {
			t.Fatalf("%q: read %v, then %v, %v", in, reply, again, err)
		}
	})
}

// encode is the inverse of ReadReply.
func encode(dst []byte, r Reply) []byte {
	if r.Attrs != nil {
		dst = encodeAll(AppendAttribute(dst, len(r.Attrs)/2), r.Attrs)
	}
	switch r.Kind {
	case KindSimple:
		return AppendSimple(dst, r.Str)
	case KindError:
		return append(append(appendHead(dst, '!', len(r.Str)), r.Str...), '\r', '\n')
	case KindInt:
		return AppendInt(dst, r.Int)
	case KindBulk:
		return AppendBulkString(dst, r.Str)
	case KindNull:
		return AppendNull(dst)
	case KindDouble:
		return AppendDouble(dst, r.Float)
	case KindBool:
		return AppendBool(dst, r.Int != 0)
	case KindBigNumber:
		return AppendBigNumber(dst, r.Str)
	case KindVerbatim:
		return AppendVerbatim(dst, r.Format, r.Str)
	case KindMap:
		return encodeAll(AppendMap(dst, len(r.Elems)/2), r.Elems)
	}
	return encodeAll(appendHead(dst, byte(r.Kind), len(r.Elems)), r.Elems)
}

func encodeAll(dst []byte, rs []Reply) []byte {
	for _, r := range rs {
		dst = encode(dst, r)
	}
	return dst
}

func values(r Reply) int {
	n := 1
	for _, e := range r.Elems {
		n += values(e)
	}
	for _, e := range r.Attrs {
		n += values(e)
	}
	return n
}

// FuzzRender: no panic, and never much more out than in. Whatever is a reply
// can be read in either protocol.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "%1\r\n+a\r\n*-1\r\n", "|1\r\n+a\r\n+b\r\n~1\r\n,1.5\r\n", "=4\r\ntxt:\r\n", "#t\r\n#f\r\n_\r\n", "*3\r\n", "|9\r\n+a\r\n", "(1\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, neutral []byte) {
		_, neutralErr := ReadReply(bufio.NewReader(bytes.NewReader(neutral)), DefaultLimits())
		for proto := 2; proto <= 3; proto++ {
			out := Render(nil, neutral, proto)
			if len(out) > 3*len(neutral) {
				t.Fatalf("%d bytes became %d", len(neutral), len(out))
			}
			if neutralErr != nil {
				continue
			}
			if _, err := ReadReply(bufio.NewReader(bytes.NewReader(out)), DefaultLimits()); err != nil {
				t.Fatalf("protocol %d: %q became %q: %v", proto, neutral, out, err)
			}
		}
	})
}
