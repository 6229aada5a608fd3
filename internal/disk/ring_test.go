package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func newTestCache(t rapid.TB, size int64) *ringCache {
	c, err := newRingCache(size)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A cache may forget, but what it says is the last that was set.
func TestCacheIsNeverWrong(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newTestCache(rt, 1)
		defer c.close()
		head := rapid.SampledFrom([]uint64{1, positionMask - 3000}).Draw(rt, "head") // positions begin again
		for i := range c.rings {
			c.rings[i].head = head
		}
		want := map[string][]byte{}
		for step := range rapid.IntRange(1, 3000).Draw(rt, "steps") {
			key := fmt.Appendf(nil, "key%d", rapid.IntRange(0, 300).Draw(rt, "key"))
			hash := rapid.SampledFrom([]uint64{hashOf(key), hashOf(key) & 0xff}).Draw(rt, "hash") // some meet
			if before, ok := want[string(key)]; ok {
				hash = binary.LittleEndian.Uint64(before) // a key has one hash
			}
			switch op := rapid.IntRange(0, 9).Draw(rt, "op"); {
			case op < 5:
				n := rapid.SampledFrom([]int{0, 1, 7, 8, 100, 5000, maxCached}).Draw(rt, "length")
				val := binary.LittleEndian.AppendUint64(nil, hash)
				val = append(val, bytes.Repeat([]byte{byte(step)}, n)...)
				c.set(key, val, hash)
				want[string(key)] = val
			case op < 6:
				c.del(key, hash)
				delete(want, string(key))
			case op < 7:
				c.near(hash)
				c.far(hash)
			default:
				got, ok := c.get([]byte("x"), key, hash)
				if w, has := want[string(key)]; ok && (!has || !bytes.Equal(got[1:], w)) {
					rt.Fatalf("%s is %.20q, want %.20q", key, got[1:], w)
				}
			}
		}
	})
}

// What is half of the cache's size is in it, and stays there however often it is
// written. Where the hashes of more than 16 keys meet in a bucket, a few are not.
func TestCacheHoldsWhatItIsMadeFor(t *testing.T) {
	const size = 16 << 20
	c := newTestCache(t, size)
	defer c.close()
	val := make([]byte, 100)
	n := size / 2 / 128
	key := func(i int) []byte { return fmt.Appendf(nil, "key:%012d", i) }
	for round := range 10 {
		for i := range n {
			val[0] = byte(round)
			k := key(i)
			c.set(k, val, hashOf(k))
		}
	}
	missing := 0
	for i := range n {
		k := key(i)
		if v, ok := c.get(nil, k, hashOf(k)); !ok || v[0] != 9 {
			missing++
		}
	}
	if missing > n/1000 {
		t.Errorf("%d of %d keys are missing", missing, n)
	}
	if got := c.added(); got > int64(n+n/100) {
		t.Errorf("%d keys were added, want %d", got, n)
	}
}

// Pebble gets a generation in order.
func TestAscendIsInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDelta(nil, 1, nil)
		var want []string
		for _, k := range rapid.SliceOf(rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00")), 0, 12, -1)).Draw(rt, "keys") {
			if !slices.Contains(want, k) {
				want = append(want, k)
			}
			d.set([]byte(k), []byte(k+"'"), hashOf([]byte(k)))
		}
		var got []string
		_ = d.ascend(func(sl *slot) error {
			if string(sl.val) != sl.key+"'" {
				rt.Fatalf("%q has value %q", sl.key, sl.val)
			}
			got = append(got, sl.key)
			return nil
		})
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}

// Keys whose hashes meet are told apart, before and after the table grows.
func TestDeltaTellsHashesApart(t *testing.T) {
	d := newDelta(nil, 1, nil)
	const n = 1000
	hash := func(i int) uint64 { return uint64(i%3) << 40 }
	for i := range n {
		d.set(fmt.Appendf(nil, "key%d", i), fmt.Append(nil, i), hash(i))
	}
	for i := range n {
		if sl := d.find(fmt.Appendf(nil, "key%d", i), hash(i)); sl == nil || string(sl.val) != fmt.Sprint(i) {
			t.Fatalf("key%d is %v", i, sl)
		}
		if sl := d.find(fmt.Appendf(nil, "other%d", i), hash(i)); sl != nil {
			t.Fatalf("other%d is %v", i, sl)
		}
	}
	if d.count != n {
		t.Errorf("%d slots", d.count)
	}
}

// Prefetch changes nothing, wherever the keys are.
func TestPrefetchOfManyKeys(t *testing.T) {
	d := memDisk(t, background)
	s := d.State(1)
	key := func(i int) []byte { return fmt.Appendf(nil, "key%d", i) }
	set := func(from, to int) {
		for i := from; i < to; i++ {
			s.Set(key(i), key(i))
		}
	}
	set(0, coldFrom/2)
	if s.Cold() {
		t.Error("cold with few keys")
	}
	cover(d, 1, 1)
	settle(t, d)
	set(coldFrom/4, coldFrom)
	s.Delete(key(3))
	if !s.Cold() {
		t.Error("not cold")
	}
	for i := 0; i < coldFrom+100; i += 50 {
		var keys [][]byte
		for j := range 50 {
			keys = append(keys, key(i+j))
		}
		s.Prefetch(keys)
		for j, k := range keys {
			got, ok := s.Get(k)
			if has := i+j < coldFrom && i+j != 3; ok != has || has && string(got) != string(k) {
				t.Fatalf("%s is %q, %v", k, got, ok)
			}
		}
	}
}
