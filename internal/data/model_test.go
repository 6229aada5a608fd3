package data

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is the naive twin: a Go map from keys to values with deadlines. It knows
// fewer options than the Store and none of its layout.
type model struct {
	keys map[string]modelValue
	now  int64
}

type modelValue struct {
	s        string
	deadline int64
}

func (m *model) get(k string) (modelValue, bool) {
	v, ok := m.keys[k]
	return v, ok && (v.deadline == 0 || v.deadline > m.now)
}

func (m *model) put(k string, v modelValue) {
	m.keys[k] = v
	if v.deadline != 0 && v.deadline <= m.now {
		delete(m.keys, k)
	}
}

func quoted(v modelValue, ok bool) string {
	if !ok {
		return "null"
	}
	return strconv.Quote(v.s)
}

func yes(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// run is the reply that the model expects, as a description.
func (m *model) run(args []string) string {
	k := args[1]
	old, has := m.get(k)
	switch args[0] {
	case "GET":
		return quoted(old, has)
	case "SET":
		m.put(k, modelValue{s: args[2]})
		return "OK"
	case "SETNX":
		if !has {
			m.put(k, modelValue{s: args[2]})
		}
		return yes(!has)
	case "PSETEX":
		ms, _ := strconv.ParseInt(args[2], 10, 64)
		m.put(k, modelValue{args[3], m.now + ms})
		return "OK"
	case "GETDEL", "DEL":
		delete(m.keys, k)
		if args[0] == "DEL" {
			return yes(has)
		}
		return quoted(old, has)
	case "INCRBY":
		return m.incr(k, args[2], old, has)
	case "APPEND":
		if !has {
			old = modelValue{}
		}
		old.s += args[2]
		m.put(k, old)
		return strconv.Itoa(len(old.s))
	case "PEXPIRE":
		ms, _ := strconv.ParseInt(args[2], 10, 64)
		if has {
			m.put(k, modelValue{old.s, m.now + ms})
		}
		return yes(has)
	case "PERSIST":
		if has {
			m.put(k, modelValue{s: old.s})
		}
		return yes(has && old.deadline != 0)
	case "RENAME", "COPY":
		return m.move(args, old, has)
	case "PTTL":
		return m.pttl(old, has)
	}
	panic(args[0])
}

func (m *model) incr(k, by string, old modelValue, has bool) string {
	if !has {
		old = modelValue{s: "0"}
	}
	n, err := strconv.ParseInt(old.s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != old.s {
		return "-" + errNotInt
	}
	d, _ := strconv.ParseInt(by, 10, 64)
	old.s = strconv.FormatInt(n+d, 10)
	m.put(k, old)
	return old.s
}

func (m *model) move(args []string, old modelValue, has bool) string {
	from, to := args[1], args[2]
	_, taken := m.get(to)
	switch {
	case args[0] == "COPY" && from == to:
		return "-" + errSameObject
	case args[0] == "COPY":
		if has && !taken {
			m.put(to, old)
		}
		return yes(has && !taken)
	case !has:
		return "-" + errNoSuchKey
	}
	delete(m.keys, from)
	m.put(to, old)
	return "OK"
}

func (m *model) pttl(v modelValue, has bool) string {
	switch {
	case !has:
		return "-2"
	case v.deadline == 0:
		return "-1"
	}
	return strconv.FormatInt(v.deadline-m.now, 10)
}

// alive is all keys that have not expired, sorted.
func (m *model) alive() []string {
	var keys []string
	for k := range m.keys {
		if _, ok := m.get(k); ok {
			keys = append(keys, k)
		}
	}
	return slices.Sorted(slices.Values(keys))
}

var modelGrammar = []string{
	"GET k", "SET k x", "SETNX k x", "PSETEX k ms x", "GETDEL k", "DEL k", "INCRBY k small", "APPEND k x",
	"PEXPIRE k ms", "PERSIST k", "RENAME k k", "COPY k k", "PTTL k",
}

func drawModelCall(t *rapid.T) []string {
	parts := strings.Fields(rapid.SampledFrom(modelGrammar).Draw(t, "line"))
	for i, class := range parts[1:] {
		switch class {
		case "k":
			parts[i+1] = rapid.SampledFrom(keyPool).Draw(t, "key")
		case "ms":
			parts[i+1] = strconv.Itoa(rapid.IntRange(1, 50).Draw(t, "ms"))
		case "small", "x":
			parts[i+1] = strconv.Itoa(rapid.IntRange(-20, 20).Draw(t, "n"))
		}
	}
	return parts
}

// TestModel runs commands, the clock and the sweep against the twin.
func TestModel(t *testing.T) {
	withChecks(t, "500", func(t *rapid.T) {
		w, m := newWorld(), &model{keys: map[string]modelValue{}, now: startMillis}
		steps := rapid.IntRange(1, 60).Draw(t, "steps")
		for range steps {
			switch n := rapid.IntRange(0, 9).Draw(t, "what"); n {
			case 0:
				ms := int64(rapid.IntRange(0, 20).Draw(t, "sleep"))
				w.sleep(ms)
				m.now += ms
			case 1:
				w.sweepAgainst(t, m, rapid.IntRange(0, 3).Draw(t, "limit"))
			case 2:
				w.s.Reload()
			default:
				call := drawModelCall(t)
				if got, want := w.do(call...).String(), m.run(call); got != want {
					t.Fatalf("%q: got %s, want %s", call, got, want)
				}
			}
			if err := w.checkLayout(); err != nil {
				t.Fatal(err)
			}
		}
		w.compareAll(t, m)
	})
}

// sweepAgainst checks that Sweep deletes what the twin says has expired, the
// earliest first, and no more than the limit.
func (w *world) sweepAgainst(t *rapid.T, m *model, limit int) {
	due := map[string]int64{}
	w.m.Scan([]byte{tableKey}, []byte{tableKey + 1}, func(pos, v []byte) bool {
		if h, _ := mustDecode(pos, v); h.expired(m.now) {
			due[string(pos)] = h.deadline
		}
		return true
	})
	order := slices.SortedFunc(maps.Keys(due), func(a, b string) int {
		return cmp.Or(cmp.Compare(due[a], due[b]), strings.Compare(a, b))
	})
	n := w.s.Sweep(&w.env, limit)
	if n != min(limit, len(due)) {
		t.Fatalf("swept %d of %d, limit %d", n, len(due), limit)
	}
	for i, pos := range order {
		if _, there := w.m.Get([]byte(pos)); there != (i >= n) {
			t.Fatalf("swept %d, and key %d in order of deadline is there: %v", n, i, there)
		}
	}
	for k := range m.keys {
		if _, ok := m.get(k); !ok {
			delete(m.keys, k)
		}
	}
}

func (w *world) compareAll(t *rapid.T, m *model) {
	alive := m.alive()
	if got := w.do("DBSIZE").Int; got != int64(len(alive)) {
		t.Fatalf("DBSIZE %d, want %d", got, len(alive))
	}
	var keys []string
	for _, e := range w.do("KEYS", "*").Elems {
		keys = append(keys, e.Str)
	}
	slices.Sort(keys)
	if !slices.Equal(keys, alive) {
		t.Fatalf("KEYS %q, want %q", keys, alive)
	}
	random := w.do("RANDOMKEY")
	if random.IsNull() != (len(alive) == 0) || !random.IsNull() && !slices.Contains(alive, random.Str) {
		t.Fatalf("RANDOMKEY %s of %q", random, alive)
	}
	for _, k := range keyPool {
		v, ok := m.get(k)
		if got := w.do("GET", k).String(); got != quoted(v, ok) {
			t.Fatalf("GET %q: %s, want %s", k, got, quoted(v, ok))
		}
	}
}

// scanAll runs a whole scan and calls between before each further call.
func (w *world) scanAll(t interface{ Fatalf(string, ...any) }, count string, between func()) (keys []string) {
	cursor := "0"
	for range 10_000 {
		r := w.do("SCAN", cursor, "COUNT", count)
		for _, e := range r.Elems[1].Elems {
			keys = append(keys, e.Str)
		}
		if cursor = r.Elems[0].Str; cursor == "0" {
			return keys
		}
		between()
	}
	t.Fatalf("the scan does not end")
	return nil
}

// twins are two keys of one slot and one hash: SCAN cannot stop between them.
var twins = []string{"{a}7538204", "{a}13285950"}

func TestTwins(t *testing.T) {
	if cursorOf([]byte(twins[0])) != cursorOf([]byte(twins[1])) {
		t.Fatal("the hash has changed: find two other keys")
	}
}

// TestScanGuarantee: a key that is there during the whole scan is returned, and
// returned once, whatever else comes and goes between the calls, and also when
// the calls go to different copies.
func TestScanGuarantee(t *testing.T) {
	withChecks(t, "300", func(t *rapid.T) {
		key := rapid.Custom(func(t *rapid.T) string {
			if rapid.IntRange(0, 4).Draw(t, "twin") == 0 {
				return rapid.SampledFrom(twins).Draw(t, "key")
			}
			return oneOf(t, "{a}", "")[0] + strconv.Itoa(rapid.IntRange(0, 99).Draw(t, "key"))
		})
		w := newWorld()
		stay := map[string]bool{}
		for _, k := range rapid.SliceOfN(key, 0, 40).Draw(t, "stay") {
			stay[k] = true
			w.do("SET", k, "v")
		}
		for _, k := range rapid.SliceOfN(key, 0, 20).Draw(t, "others") {
			w.do("SETNX", k, "v")
		}
		got := w.scanAll(t, strconv.Itoa(rapid.IntRange(1, 7).Draw(t, "count")), func() {
			for _, k := range rapid.SliceOfN(key, 0, 3).Draw(t, "set") {
				w.do("SET", k, "w")
			}
			for _, k := range rapid.SliceOfN(key, 0, 3).Draw(t, "delete") {
				if !stay[k] {
					w.do("DEL", k)
				}
			}
			w.s = Open(w.m) // as another copy would go on
		})
		seen := map[string]int{}
		for _, k := range got {
			seen[k]++
		}
		for k := range stay {
			if seen[k] != 1 {
				t.Fatalf("%q stayed and was returned %d times in %q", k, seen[k], got)
			}
		}
	})
}

// TestScanSteps: without changes COUNT is what a call returns, but for keys that
// share a cursor.
func TestScanSteps(t *testing.T) {
	w := newWorld()
	for i := range 95 {
		w.do("SET", fmt.Sprint(i), "v")
	}
	r := w.do("SCAN", "0")
	if n := len(r.Elems[1].Elems); n != scanDefault {
		t.Errorf("SCAN without COUNT returned %d keys", n)
	}
	calls := 1
	if got := w.scanAll(t, "10", func() { calls++ }); len(got) != 95 || calls != 10 {
		t.Errorf("%d keys in %d calls", len(got), calls)
	}
	w = newWorld()
	w.do("MSET", twins[0], "v", twins[1], "v")
	if r := w.do("SCAN", "0", "COUNT", "1"); len(r.Elems[1].Elems) != 2 || r.Elems[0].Str != "0" {
		t.Errorf("twins must come together: %s", r)
	}
}
