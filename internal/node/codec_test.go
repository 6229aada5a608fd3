package node

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestCommandRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := rapid.SliceOf(rapid.Byte())
		r := &Request{Kind: Kind(rapid.IntRange(0, 3).Draw(t, "kind")), Once: bytesOf.Draw(t, "once")}
		for range rapid.IntRange(0, 3).Draw(t, "watches") {
			r.Watches = append(r.Watches, Watch{bytesOf.Draw(t, "key"), rapid.Uint64().Draw(t, "version")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "calls") {
			r.Calls = append(r.Calls, Call{Args: rapid.SliceOf(bytesOf).Draw(t, "args")})
		}
		b := appendRequest(nil, r)
		var d decoded
		if err := d.read(b); err != nil {
			t.Fatal(err)
		}
		if again := appendRequest(nil, &Request{Kind: d.kind, Once: d.once, Watches: d.watches, Calls: d.calls}); !bytes.Equal(b, again) {
			t.Fatalf("read back as %x, was %x", again, b)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if d.read(b[:cut]) == nil {
			t.Fatalf("a command cut to %d of %d bytes was read", cut, len(b))
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add(appendRequest(nil, &Request{Once: []byte("id"), Calls: []Call{{Args: [][]byte{[]byte("GET"), []byte("k")}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d decoded
		if d.read(b) == nil && len(d.args)+len(d.calls)+len(d.watches) > len(b) {
			t.Fatalf("%d items in %d bytes", len(d.args), len(b))
		}
	})
}
