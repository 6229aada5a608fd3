package data

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestLayoutIsFixed: what is on disk must stay readable.
func TestLayoutIsFixed(t *testing.T) {
	w := newWorld()
	w.env.Version = 0x0102030405060707
	w.do("SET", "foo", "bar", "PXAT", "4000000000000")
	w.do("SET", "k", "")
	want := strings.Join([]string{
		`"k\x1d\xcd\xc3\xd3\x19\"\xc5\vk"="\x01\x01\x02\x03\x04\x05\x06\a\t"`,
		`"k/\x963\xbf\x00\xa8Y\xc4foo"="\x81\x01\x02\x03\x04\x05\x06\a\b\x00\x00\x03\xa3R\x94@\x00bar"`, // XXH64("foo") is 33bf00a859c4ba3f
		`"mkeys"="\x00\x00\x00\x00\x00\x00\x00\x02"`,
		`"x\x00\x00\x03\xa3R\x94@\x00/\x963\xbf\x00\xa8Y\xc4foo"=""`, "",
	}, "\n")
	if got := w.contents(); got != want {
		t.Errorf("the layout has changed:\n%s", got)
	}
	for typ, name := range map[Type]string{1: "string", 2: "hash", 3: "set", 4: "zset", 5: "list", 6: "unknown"} {
		if typ.String() != name {
			t.Errorf("type %d is %s", typ, typ)
		}
	}
}

// TestSlot has the examples of the Redis Cluster specification and values that
// CLUSTER KEYSLOT gives.
func TestSlot(t *testing.T) {
	for key, want := range map[string]uint16{"123456789": 0x31c3, "foo": 12182, "bar": 5061, "hello": 866, "": 0} {
		if got := Slot([]byte(key)); got != want {
			t.Errorf("Slot(%q) is %d, want %d", key, got, want)
		}
	}
	for key, like := range map[string]string{
		"{user1000}.following": "user1000", "foo{bar}{zap}": "bar", "foo{{bar}}zap": "{bar", "a{b}c": "{b}",
	} {
		if Slot([]byte(key)) != Slot([]byte(like)) {
			t.Errorf("%q and %q must share a slot", key, like)
		}
	}
	// An empty tag is none, and neither is one that does not close.
	for _, key := range []string{"foo{}{bar}", "foo{bar", "}foo{"} {
		if got := Slot([]byte(key)); got != slowCRC([]byte(key))%Slots {
			t.Errorf("Slot(%q) is %d, want that of the whole key", key, got)
		}
	}
}

// slowCRC is CRC-16/XMODEM by its definition, bit by bit.
func slowCRC(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

func TestCRC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "key")
		if got := crc16(b); got != slowCRC(b) {
			t.Fatalf("crc16(%q) is %04x, want %04x", b, got, slowCRC(b))
		}
	})
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := header{
			kind:     Type(rapid.IntRange(1, maskType).Draw(t, "type")),
			version:  rapid.Uint64().Draw(t, "version"),
			deadline: rapid.Int64Min(0).Draw(t, "deadline"),
			instance: rapid.Uint64().Draw(t, "instance"),
		}
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		stored := h.append(nil)
		if len(stored) > headerMax {
			t.Fatalf("header of %d bytes", len(stored))
		}
		got, rest, err := decodeHeader(append(stored, body...))
		if err != nil || got != h || !bytes.Equal(rest, body) {
			t.Fatalf("got %+v %q %v, want %+v %q", got, rest, err, h, body)
		}
		for n := range stored {
			if _, _, err := decodeHeader(stored[:n]); err == nil {
				t.Fatalf("%d of %d bytes of a header were taken", n, len(stored))
			}
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(header{kind: TypeString, version: 1}.append(nil))
	f.Add(header{kind: TypeList, version: 1, deadline: 5, instance: 9}.append(nil))
	f.Add([]byte{0xc1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, err := decodeHeader(b)
		if err != nil {
			return
		}
		// An all-zero optional field is the one thing that is not written back.
		if again, rest, err := decodeHeader(append(h.append(nil), body...)); err != nil || again != h || !bytes.Equal(rest, body) {
			t.Fatalf("%q: %+v became %+v %v", b, h, again, err)
		}
	})
}

func TestPositionsSortByCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(rapid.Byte()).Draw(t, "a"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		pa, pb := appendPosition(nil, a), appendPosition(nil, b)
		key, cursor := keyOf(pa)
		if !bytes.Equal(key, a) || cursor != cursorOf(a) || cursor>>hashBits != uint64(Slot(a)) {
			t.Fatalf("%q came back as %q at %x", a, key, cursor)
		}
		if ca, cb := cursorOf(a), cursorOf(b); ca != cb && (ca < cb) != (bytes.Compare(pa, pb) < 0) {
			t.Fatal("positions do not sort by cursor")
		}
	})
}

// TestDigest: equal states are equal, however they came about in the Map.
func TestDigest(t *testing.T) {
	type entry struct{ k, v string }
	entries := map[entry]uint64{}
	for i := range 100 {
		entries[entry{"key" + strconv.Itoa(i), strconv.Itoa(i * i)}] = uint64(i + 1)
	}
	build := func(seed int64) *world {
		w := newWorld()
		var list []entry
		for e := range entries {
			list = append(list, e)
		}
		slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.k, b.k) })
		rand.New(rand.NewSource(seed)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for i, e := range list {
			w.env.Version = 1 << 40
			w.do("SET", fmt.Sprint("other", i), "v", "PX", "5")
			w.env.Version = entries[e] - 1
			w.do("SET", e.k, e.v, "PXAT", "4000000000000")
		}
		w.sleep(5)
		w.s.Sweep(&w.env, 1000)
		return w
	}
	a, b := build(1), build(2)
	if a.s.Digest() != b.s.Digest() || a.contents() != b.contents() {
		t.Error("equal states have different digests")
	}
	// The owner's tables do not count, everything else does.
	a.m.Set([]byte("o1"), []byte("dedup"))
	a.m.Set([]byte("q"), []byte("dedup"))
	if a.s.Digest() != b.s.Digest() {
		t.Error("the owner's tables changed the digest")
	}
	for _, change := range [][]string{{"SET", "key1", "1", "PXAT", "4000000000000"}, {"PERSIST", "key2"}, {"DEL", "key3"}, {"SET", "new", ""}} {
		before := a.s.Digest()
		a.env.Version = 1 << 41
		a.do(change...)
		if a.s.Digest() == before {
			t.Errorf("%q did not change the digest", change)
		}
	}
	if e := newWorld(); e.s.Digest() != Open(NewMem()).Digest() {
		t.Error("empty stores differ")
	}
	// An emptied store equals a new one.
	c := newWorld()
	c.do("SET", "k", "v", "PX", "1")
	c.do("DEL", "k")
	if c.s.Digest() != newWorld().s.Digest() || c.m.Len() != 0 {
		t.Errorf("left behind: %s", c.contents())
	}
}

// TestDigestFraming: moving a byte from a value into the next key's entry must
// not go unseen.
func TestDigestFraming(t *testing.T) {
	digest := func(kv ...string) uint64 {
		m := NewMem()
		for i := 0; i < len(kv); i += 2 {
			m.Set([]byte(kv[i]), []byte(kv[i+1]))
		}
		return Open(m).Digest()
	}
	if digest("ka", "bc") == digest("kab", "c") || digest("ka", "", "kb", "") == digest("ka", "kb") {
		t.Error("different states have one digest")
	}
}
