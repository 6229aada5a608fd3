package group

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		commands := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "commands")
		b := &batch{seq: rapid.Uint64().Draw(t, "seq")}
		for _, c := range commands {
			b.add(c, nil)
		}
		b.seal(3, 4, 5, 6)
		var e Entry
		if err := e.decode(b.data); err != nil {
			t.Fatal(err)
		}
		if e.Origin != 3 || e.Boot != 4 || e.Stamp != 5 || e.Seed != 6 || e.Seq != b.seq || StampOf(b.data) != 5 {
			t.Fatalf("header differs: %+v", e)
		}
		if len(e.Commands) != len(commands) {
			t.Fatalf("%d commands, not %d", len(e.Commands), len(commands))
		}
		for i, c := range commands {
			if !bytes.Equal(c, e.Commands[i]) {
				t.Fatalf("command %d differs", i)
			}
		}
		cut := rapid.IntRange(0, len(b.data)-1).Draw(t, "cut")
		if err := e.decode(b.data[:cut]); err == nil {
			t.Fatalf("an entry cut to %d of %d bytes was read", cut, len(b.data))
		}
	})
}

func FuzzEntry(f *testing.F) {
	b := &batch{}
	b.add([]byte("command"), nil)
	b.seal(1, 2, 3, 4)
	f.Add(b.data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Entry
		if e.decode(data) != nil {
			return
		}
		if len(e.Commands) > len(data) {
			t.Fatalf("%d commands in %d bytes", len(e.Commands), len(data))
		}
	})
}
