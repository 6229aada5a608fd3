package disk

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// held keeps the background from doing anything until the returned function is
// called, so that frozen generations stay.
func held(d *Disk) (release func()) {
	c := make(chan struct{})
	d.worker.do(func() error { <-c; return nil })
	return func() { close(c) }
}

func background(o *Options) { o.Inline = false }

// cover says that all changes of a state so far are those up to index.
func cover(d *Disk, group, index uint64) {
	l := d.Log(group)
	if n := index - l.last(); n > 0 {
		d.Append(group, nil, entries(1, l.last()+1, n))
	}
	d.State(group).SetApplied(index, 1)
}

// settle freezes all changes and waits for them to be durable.
func settle(t failer, d *Disk) {
	for len(d.chain) > 0 && !d.failed() {
		d.await()
	}
	d.freeze(d.touched)
	for len(d.chain) > 0 && !d.failed() {
		d.await()
	}
	if err := d.Err(); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

func TestSetCopiesItsArguments(t *testing.T) {
	d := memDisk(t, nil)
	s := d.State(1)
	k, v := []byte("key"), []byte("value")
	s.Set(k, v)
	copy(k, "XXX")
	copy(v, "XXXXX")
	if got, ok := s.Get([]byte("key")); !ok || string(got) != "value" {
		t.Errorf("value is %q", got)
	}
	s.Set([]byte("key"), nil)
	if got, ok := s.Get([]byte("key")); !ok || len(got) != 0 {
		t.Errorf("empty value is %q %v", got, ok)
	}
	cover(d, 1, 1)
	settle(t, d)
	if got, ok := s.Get([]byte("key")); !ok || len(got) != 0 {
		t.Errorf("empty value is %q %v when clean", got, ok)
	}
}

// What Get gave out stays until the next change, whatever else is read.
func TestGetStaysValidUntilAChange(t *testing.T) {
	for _, cached := range []bool{true, false} {
		d := memDisk(t, nil)
		s := d.State(1)
		want := map[string]string{}
		for i := range 400 {
			k, v := fmt.Sprint("key", i), strings.Repeat(fmt.Sprint(i), 1+i%90)
			s.Set([]byte(k), []byte(v))
			want[k] = v
		}
		cover(d, 1, 1)
		settle(t, d)
		if !cached {
			d.cache = noCache{}
		}
		got := map[string][]byte{}
		for k := range want {
			got[k], _ = s.Get([]byte(k))
		}
		for k, v := range got {
			if string(v) != want[k] {
				t.Fatalf("cached %v: %s has become %q", cached, k, v)
			}
			_ = append(v, "overwritten"...) // must not reach the next value
		}
		for k, v := range got {
			if string(v) != want[k] {
				t.Fatalf("cached %v: %s has become %q after an append", cached, k, v)
			}
		}
	}
}

// Keys and values are found by Get and Scan in whatever layer they are.
func TestLayersAreOneMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := smallOptions(false)
		o.FS, o.GenerationBytes = vfs.NewMem(), 1<<20
		d, err := Open(o)
		if err != nil {
			rt.Fatal(err)
		}
		defer d.Close()
		s, want := d.State(1), plainMap{}
		change := func() {
			for range 25 {
				k := fmt.Sprintf("k%d", rapid.IntRange(0, 40).Draw(rt, "key"))
				switch rapid.IntRange(0, 30).Draw(rt, "op") {
				case 0:
					s.Clear()
					want.Clear()
				case 1, 2, 3, 4, 5, 6:
					s.Delete([]byte(k))
					want.Delete([]byte(k))
				default:
					v := rapid.StringN(0, 20, -1).Draw(rt, "value")
					s.Set([]byte(k), []byte(v))
					want.Set([]byte(k), []byte(v))
				}
			}
		}
		change()
		cover(d, 1, 1)
		settle(rt, d)
		release := held(d)
		for i := range uint64(2) { // two frozen generations, and the dirty one
			change()
			cover(d, 1, 2+i)
			d.freeze(d.touched)
		}
		change()
		if len(s.frozen) != 2 {
			rt.Fatalf("%d frozen generations", len(s.frozen))
		}
		checkRanges(rt, s, want)
		s.SetApplied(3, 1)
		release()
		settle(rt, d)
		checkRanges(rt, s, want)
	})
}

func checkRanges(rt *rapid.T, s *State, want plainMap) {
	keys := slices.Sorted(maps.Keys(want))
	for range 6 {
		bound := func(name string) []byte {
			if rapid.IntRange(0, 4).Draw(rt, name) == 0 {
				return nil
			}
			return fmt.Appendf(nil, "k%d", rapid.IntRange(0, 45).Draw(rt, name))
		}
		lo, hi := bound("lo"), bound("hi")
		limit := rapid.IntRange(1, 60).Draw(rt, "limit")
		var got, exp []string
		s.Scan(lo, hi, func(k, v []byte) bool {
			got = append(got, string(k)+"="+string(v))
			// Reading within a scan is allowed.
			if v2, ok := s.Get(k); !ok || !bytes.Equal(v, v2) {
				rt.Fatalf("Get of %s says %q %v", k, v2, ok)
			}
			return len(got) < limit
		})
		for _, k := range keys {
			if k >= string(lo) && (hi == nil || k < string(hi)) && len(exp) < limit {
				exp = append(exp, k+"="+want[k])
			}
		}
		if !slices.Equal(got, exp) {
			rt.Fatalf("scan of [%s,%s) is %q, not %q", lo, hi, got, exp)
		}
	}
	for i := range 41 {
		k := fmt.Sprintf("k%d", i)
		v, ok := s.Get([]byte(k))
		if w, wok := want[k]; ok != wok || string(v) != w {
			rt.Fatalf("%s is %q %v, not %q %v", k, v, ok, w, wok)
		}
	}
}

func TestEmptyKeyIsAKey(t *testing.T) {
	d := memDisk(t, nil)
	s := d.State(1)
	for round := range 2 {
		if round == 0 {
			s.Set(nil, []byte("empty"))
			s.Set([]byte{0}, []byte("zero"))
			s.Set([]byte{0xff, 0xff}, []byte("last"))
		}
		var got []string
		s.Scan(nil, nil, func(k, v []byte) bool { got = append(got, fmt.Sprintf("%x=%s", k, v)); return true })
		if want := []string{"=empty", "00=zero", "ffff=last"}; !slices.Equal(got, want) {
			t.Errorf("scan is %q, not %q", got, want)
		}
		if v, _ := s.Get(nil); string(v) != "empty" {
			t.Errorf("the empty key is %q", v)
		}
		cover(d, 1, 1)
		settle(t, d)
	}
}

// Groups and epochs do not see each other, also at the ends of their ranges.
func TestGroupsAreApart(t *testing.T) {
	d := memDisk(t, nil)
	ids := []uint64{0, 1, 2, 255, 256, 1<<64 - 2, 1<<64 - 1}
	for _, g := range ids {
		d.State(g).Set([]byte{0xff}, fmt.Appendf(nil, "%d", g))
		d.State(g).Set(nil, fmt.Appendf(nil, "%d", g))
		cover(d, g, 1)
	}
	settle(t, d)
	d.State(2).Clear()
	cover(d, 2, 2)
	settle(t, d)
	for _, g := range ids {
		n := 0
		d.State(g).Scan(nil, nil, func(_, v []byte) bool {
			if string(v) != fmt.Sprint(g) {
				t.Errorf("group %d has %q", g, v)
			}
			n++
			return true
		})
		if want := map[bool]int{true: 0, false: 2}[g == 2]; n != want {
			t.Errorf("group %d has %d keys", g, n)
		}
	}
	if got := d.Groups(); !slices.Equal(got, ids) {
		t.Errorf("groups are %d", got)
	}
}

// A clear leaves nothing behind in Pebble.
func TestClearedKeysLeavePebble(t *testing.T) {
	d := memDisk(t, nil)
	s := d.State(1)
	for i := range uint64(5) {
		for k := range 20 {
			s.Set(fmt.Appendf(nil, "k%d", k), []byte("v"))
		}
		if i%2 == 0 {
			s.Clear()
			s.Clear()
		}
		s.Set([]byte("only"), []byte{byte(i)})
		cover(d, 1, i+1)
		settle(t, d)
	}
	s.Clear()
	cover(d, 1, 6)
	settle(t, d)
	n := 0
	if err := d.walk(keyData, func(k, _ []byte) error { n++; return nil }); err != nil || n != 0 {
		t.Errorf("%d keys left, %v", n, err)
	}
}

// The cache has a bound, and must not keep an older value when a new one is
// beyond it.
func TestLongValueReplacesCachedOne(t *testing.T) {
	d := memDisk(t, background)
	s := d.State(1)
	for i, n := range []int{100, 20 << 10, 40 << 10, 63 << 10, 65 << 10, 200 << 10, 10} {
		v := bytes.Repeat([]byte{byte('a' + i)}, n)
		s.Set([]byte("key"), v)
		cover(d, 1, uint64(i+1))
		settle(t, d)
		for range 2 {
			if got, ok := s.Get([]byte("key")); !ok || !bytes.Equal(got, v) {
				t.Fatalf("value of %d bytes is %d bytes of %.1q", n, len(got), got)
			}
		}
	}
	s.Delete([]byte("key"))
	cover(d, 1, 20)
	settle(t, d)
	if got, ok := s.Get([]byte("key")); ok {
		t.Errorf("deleted key is %.10q", got)
	}
}

// A generation ends at an applied index: changes that no index covers wait.
func TestUncoveredChangesAreNotFrozen(t *testing.T) {
	d := memDisk(t, nil)
	s := d.State(1)
	cover(d, 1, 1)
	s.Set([]byte("k"), make([]byte, 8<<10))
	d.Tick(time.Hour)
	if d.Metrics().Generations != 0 {
		t.Fatal("frozen between entries")
	}
	if _, err := d.Snapshot(1); err == nil {
		t.Error("a snapshot was taken between entries")
	}
	cover(d, 1, 2)
	d.Tick(time.Hour)
	if d.Metrics().Generations != 1 {
		t.Error("not frozen after the entry")
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	d := memDisk(t, nil)
	s := d.State(1)
	k, v := []byte("some key"), make([]byte, 100)
	s.Set(k, v)
	if n := testing.AllocsPerRun(100, func() { s.Set(k, v); s.Get(k) }); n != 0 {
		t.Errorf("Set and Get of a hot key allocate %v times", n)
	}
	s.SetApplied(0, 0)
}
