package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/clock"
)

// drawCalls draws calls of all commands with options, right and wrong.
func drawCalls(t *rapid.T, most int) [][]string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []string {
		return callOf(t, rapid.SampledFrom(grammar).Draw(t, "line"))
	}), 0, most).Draw(t, "calls")
}

// plant stores a key of a type that has no commands yet.
func (w *world) plant(key string, kind Type) {
	h := header{kind: kind, version: 1, instance: 7}
	w.m.Set(appendPosition(nil, []byte(key)), h.append(nil))
	n := w.s.Keys() + 1
	w.s.keys, w.s.keysDirty = n, true
	w.s.saveCount()
}

// TestErrorsChangeNothing: neither the Map nor what the Store remembers.
func TestErrorsChangeNothing(t *testing.T) {
	withChecks(t, "1000", func(t *rapid.T) {
		w := newWorld()
		w.s.MaxValue = 64
		w.plant("b", TypeHash)
		for _, call := range drawCalls(t, 30) {
			if rapid.IntRange(0, 5).Draw(t, "sleep") == 0 {
				w.sleep(100_000_000)
			}
			before, next := w.contents(), w.s.NextExpiry()
			r := w.do(call...)
			if r.Err() == nil {
				continue
			}
			if after := w.contents(); after != before || w.s.NextExpiry() != next {
				t.Fatalf("%q answered %s and changed\n%sto\n%s", call, r, before, after)
			}
		}
	})
}

// TestReadsWriteNothing runs every command for reading, on keys that are there,
// expired and absent, with a Map that panics.
func TestReadsWriteNothing(t *testing.T) {
	w := newWorld()
	w.do("MSET", "a", "1", "{a}1", "x")
	w.do("SET", "b", "gone", "PX", "10")
	w.sleep(10)
	before := w.contents()
	for _, c := range Commands() {
		if c.Flags&ReadOnly == 0 {
			continue
		}
		for _, key := range []string{"a", "b", "{a}1", "nosuch"} {
			args := []string{c.Name}
			for len(args) < max(c.Arity, -c.Arity) {
				args = append(args, key)
			}
			w.do(args...)
		}
	}
	withChecks(t, "300", func(t *rapid.T) {
		for _, call := range drawCalls(t, 20) {
			if Lookup([]byte(call[0])).Flags&ReadOnly != 0 {
				w.do(call...)
			}
		}
	})
	if w.contents() != before {
		t.Error("a read wrote the Map")
	}
	defer func() {
		if recover() == nil {
			t.Error("the Map of this test does not notice writes")
		}
	}()
	w.m.frozen = true
	w.m.Set([]byte("k"), nil)
}

// TestCopiesAgree: the same calls give the same bytes on every copy, whatever
// each has read, forgotten and kept in memory.
func TestCopiesAgree(t *testing.T) {
	withChecks(t, "300", func(t *rapid.T) {
		a, b := newWorld(), newWorld()
		for i, call := range drawCalls(t, 40) {
			switch i % 7 {
			case 2:
				b.do("DBSIZE")
				b.do("KEYS", "*")
				a.s.NextExpiry()
			case 4:
				b.s.Reload()
			case 5:
				a.sleep(100_000_000)
				b.sleep(100_000_000)
			case 6:
				b.s = Open(b.m)
				if x, y := a.s.Sweep(&a.env, 2), b.s.Sweep(&b.env, 2); x != y {
					t.Fatalf("swept %d and %d", x, y)
				}
			}
			b.env.Wall = a.env.Stamp.Millis() // an entry gives both one clock
			if x, y := a.do(call...).String(), b.do(call...).String(); x != y {
				t.Fatalf("%q: %s and %s", call, x, y)
			}
			if a.s.Digest() != b.s.Digest() {
				t.Fatalf("after %q:\n%s\n%s", call, a.contents(), b.contents())
			}
		}
	})
}

func TestVersion(t *testing.T) {
	w := newWorld()
	version := func() uint64 { return w.s.Version([]byte("k"), &w.env) }
	if v := version(); v != 0 {
		t.Errorf("an absent key has version %d", v)
	}
	changes := []string{
		"SET k 1", "SET k 1", "INCR k", "APPEND k 0", "SETRANGE k 0 7", "EXPIRE k 100", "PERSIST k", "EXPIRE k 100", "GETEX k PERSIST", "SETBIT k 0 1",
		"BITFIELD k SET u8 0 5", "GETSET k 5", "INCRBYFLOAT k 1", "BITOP NOT k k", "MSET k 1", "SET k 0 EX 100", "GETEX k EX 50", "COPY j k REPLACE", "RENAME j k",
	}
	w.do("SET", "j", "v")
	for _, line := range changes {
		before := version()
		w.do(strings.Fields(line)...)
		if line == "COPY j k REPLACE" && version() != w.env.Version {
			t.Error("a copy keeps the version of its source")
		}
		if v := version(); v != w.env.Version || v <= before {
			t.Errorf("%s: version %d after %d, the write's is %d", line, v, before, w.env.Version)
		}
	}
	w.do("SET", "k", "abc", "EX", "100")
	for _, line := range []string{
		"SETNX k v", "SET k v NX", "GET k", "GETEX k", "SETRANGE k 0 ", "EXPIRE k 5 NX", "EXPIRE k 1 GT", "RENAME k k", "COPY k k", "INCR k",
		"SETBIT k 1 1", "BITFIELD k GET u8 0", "BITFIELD k OVERFLOW FAIL INCRBY u8 0 255", "MSETNX k 1", "RENAMENX j k", "TOUCH k", "TTL k",
	} {
		before := version()
		w.do(strings.Split(line, " ")...)
		if v := version(); v != before {
			t.Errorf("%s: the version changed", line)
		}
	}
	w.do("SET", "plain", "v")
	before := w.contents()
	for _, line := range []string{"GETEX plain PERSIST", "PERSIST plain"} {
		if w.do(strings.Fields(line)...); w.contents() != before {
			t.Errorf("%s: the version changed", line)
		}
	}
	w.sleep(100_000)
	if v := version(); v != 0 || w.contents() != before {
		t.Errorf("an expired key has version %d", v)
	}
}

// TestFlush: all keys go, and the tables of the Map's owner stay.
func TestFlush(t *testing.T) {
	w := newWorld()
	w.do("SET", "a", "v", "EX", "10")
	w.do("SET", "b", "v")
	w.m.Set([]byte("eX"), []byte("element"))
	w.m.Set([]byte("o\x01id"), []byte("reply"))
	w.m.Set([]byte{ownerTablesTo - 1, 0xff}, []byte("last"))
	w.s.NextExpiry()
	w.want(t, "OK", "FLUSHDB")
	if got, want := w.contents(), "\"o\\x01id\"=\"reply\"\n\"w\\xff\"=\"last\"\n"; got != want {
		t.Errorf("left:\n%swant:\n%s", got, want)
	}
	if next := w.s.NextExpiry(); next != 0 {
		t.Errorf("NextExpiry is %d", next)
	}
	w.want(t, "0", "DBSIZE")
	w.want(t, "OK", "SET c v")
	w.want(t, "1", "DBSIZE")
}

// TestReload: the Map of another copy takes the place of this one's.
func TestReload(t *testing.T) {
	w, other := newWorld(), newWorld()
	w.do("SET", "a", "v", "PX", "50")
	w.do("DBSIZE")
	w.s.NextExpiry()
	other.do("MSET", "x", "1", "y", "2")
	other.do("PEXPIRE", "x", "700")
	w.m.Mem = other.m.Mem
	w.s.Reload()
	w.want(t, "2", "DBSIZE")
	if next := w.s.NextExpiry(); next != startMillis+700 {
		t.Errorf("NextExpiry is %d", next)
	}
	w.do("SET", "z", "3")
	if err := w.checkLayout(); err != nil {
		t.Error(err)
	}
}

func TestNextExpiry(t *testing.T) {
	w := newWorld()
	next := func(want int64) {
		t.Helper()
		if got := w.s.NextExpiry(); got != want {
			t.Errorf("NextExpiry is %d, want %d", got, want)
		}
	}
	next(0)
	w.do("SET", "a", "v")
	next(0)
	w.do("SET", "b", "v", "PX", "900")
	next(startMillis + 900)
	w.do("PEXPIRE", "a", "300")
	next(startMillis + 300)
	w.do("PEXPIRE", "a", "500")
	next(startMillis + 300) // a lower bound; Sweep finds the exact one
	w.sleep(300)
	if n := w.s.Sweep(&w.env, 10); n != 0 {
		t.Errorf("swept %d", n)
	}
	next(startMillis + 500)
	w.do("DEL", "a", "b")
	w.s.Sweep(&w.env, 10)
	next(startMillis + 500)
	w.sleep(200)
	w.s.Sweep(&w.env, 10)
	next(0)
}

// countScans counts the scans of a Map.
type countScans struct {
	Map
	n int
}

func (c *countScans) Scan(lo, hi []byte, fn func(key, val []byte) bool) {
	c.n++
	c.Map.Scan(lo, hi, fn)
}

// TestSweepScansWhenDue: entries sweep all the time, and a scan orders all that
// has changed.
func TestSweepScansWhenDue(t *testing.T) {
	m := &countScans{Map: NewMem()}
	s := Open(m)
	env := Env{Stamp: clock.At(startMillis), Wall: startMillis, Version: 1}
	set := func(args ...string) {
		env.Version++
		var as [][]byte
		for _, a := range args {
			as = append(as, []byte(a))
		}
		s.Run(nil, &env, Lookup(as[0]), as)
		s.Sweep(&env, 10)
	}
	set("SET", "a", "v", "PX", "500")
	m.n = 0
	for range 100 {
		set("SET", "b", "v")
	}
	if m.n != 0 {
		t.Errorf("%d scans with nothing due", m.n)
	}
	env.Stamp = clock.At(startMillis + 500)
	if n := s.Sweep(&env, 10); n != 1 || m.n == 0 {
		t.Errorf("swept %d in %d scans", n, m.n)
	}
}

// TestWrongType: commands on strings refuse a value of another type and leave it
// alone; commands on keys take it.
func TestWrongType(t *testing.T) {
	refused := strings.Split(`GET l|GETSET l v|GETDEL l|GETEX l EX 10|SET l v GET|INCR l|DECRBY l 1|INCRBYFLOAT l 1|APPEND l v|STRLEN l
|GETRANGE l 0 1|SUBSTR l 0 1|SETRANGE l 0 v|SETBIT l 0 1|GETBIT l 0|BITCOUNT l|BITPOS l 1|BITOP NOT d l|BITOP OR d s l
|BITFIELD l GET u8 0|BITFIELD l SET u8 0 1|BITFIELD_RO l GET u8 0`, "|")
	for _, line := range refused {
		w := newWorld()
		w.plant("l", TypeList)
		w.do("SET", "s", "v")
		before := w.contents()
		got := w.do(strings.Fields(line)...).String()
		if got != "-"+errWrongType || w.contents() != before {
			t.Errorf("%s: %s", line, got)
		}
	}
	w := newWorld()
	w.plant("l", TypeList)
	w.want(t, "list", "TYPE l")
	w.want(t, `"unknown"`, "OBJECT ENCODING l")
	w.want(t, "[null]", "MGET l")
	w.want(t, `["0" ["l"]]`, "SCAN 0 TYPE list")
	w.want(t, `["0" []]`, "SCAN 0 TYPE string")
	w.want(t, "1", "EXPIRE l 10")
	w.want(t, "OK", "RENAME l m")
	w.want(t, "list", "TYPE m")
	if e := w.s.lookup([]byte("m"), 0); e.instance != 7 {
		t.Errorf("the instance became %d", e.instance)
	}
	w.want(t, "OK", "SET m v")
	w.want(t, "string", "TYPE m")
	if e := w.s.lookup([]byte("m"), 0); e.instance != 0 || e.deadline != 0 {
		t.Errorf("SET left %+v", e.header)
	}
}

func TestDamageStops(t *testing.T) {
	w := newWorld()
	w.m.Set(appendPosition(nil, []byte("k")), []byte{1, 2, 3})
	defer func() {
		if msg := fmt.Sprint(recover()); !strings.Contains(msg, "damaged") {
			t.Errorf("panic %q", msg)
		}
	}()
	w.do("GET", "k")
}

// TestRandomKey: every key can be drawn, also among keys of one slot, and the
// seed alone decides.
func TestRandomKey(t *testing.T) {
	for name, format := range map[string]string{"slots": "key%d", "one slot": "{tag}%d"} {
		w := newWorld()
		for i := range 20 {
			w.do("SET", fmt.Sprintf(format, i), "v")
		}
		drawn := map[string]int{}
		for range 2000 {
			key := w.do("RANDOMKEY").Str
			drawn[key]++
			w.env.Seed--
			if again := w.do("RANDOMKEY").Str; again != key {
				t.Fatalf("one seed gave %q and %q", key, again)
			}
		}
		if len(drawn) != 20 {
			t.Errorf("%s: only %d of 20 keys were drawn: %v", name, len(drawn), slices.Sorted(maps.Keys(drawn)))
		}
	}
}

// TestRandomKeyStaysInSlot: a slot is drawn by the gap before it alone, and the
// place within does not lead on to the next slot.
func TestRandomKeyStaysInSlot(t *testing.T) {
	w := newWorld()
	low, high := "hello", "foo" // slots 866 and 12182
	for _, k := range []string{low, high} {
		w.do("SET", k, "v")
	}
	const draws = 4000
	n := 0
	for range draws {
		if w.do("RANDOMKEY").Str == high {
			n++
		}
	}
	a, b := Slot([]byte(low)), Slot([]byte(high))
	if want := draws * int(b-a) / Slots; n < want*9/10 || n > want*11/10 {
		t.Errorf("%q was drawn %d times, want about %d", high, n, want)
	}
}
