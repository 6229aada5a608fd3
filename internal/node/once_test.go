package node

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
)

func TestOutcomeFencesAnUnknownID(t *testing.T) {
	table := &onceTable{m: data.NewMem()}
	if got := string(table.resolve(nil, []byte("a"), 0, 10, 1)); got != "*1\r\n$5\r\nnever\r\n" {
		t.Fatalf("OUTCOME of an unknown id: %q", got)
	}
	reply, known := table.find([]byte("a"))
	if !known || !strings.HasPrefix(string(reply), "-ERR id was fenced") {
		t.Fatalf("a fenced id may run: %q", reply)
	}
	table.put([]byte("b"), []byte(":1\r\n"), 11, 2)
	if got := string(table.resolve(nil, []byte("b"), 0, 12, 3)); got != "*2\r\n$7\r\napplied\r\n:1\r\n" {
		t.Fatalf("OUTCOME of an applied id: %q", got)
	}
}

// Once ids that were applied have been dropped, one that is not known may be one
// of them: OUTCOME does not say never, unless it is told that the id is younger.
func TestOutcomeOfAnEvictedID(t *testing.T) {
	hour, minute := OnceTTL.Milliseconds(), time.Minute.Milliseconds()
	table := &onceTable{m: data.NewMem()}
	version := uint64(0)
	outcome := func(id string, age, at int64) string {
		version++
		reply := strings.Split(string(table.resolve(nil, []byte(id), age, clock.At(at), version)), "\r\n")
		return reply[2]
	}
	table.put([]byte("old"), []byte("+OK\r\n"), clock.At(1000), 1)
	if got := outcome("early", 0, 2000); got != "never" {
		t.Errorf("while nothing was forgotten: %s", got)
	}
	table.evict(clock.At(hour + 3000)) // both
	if _, known := table.find([]byte("old")); known {
		t.Fatal("the id was not evicted")
	}
	table.reload()
	now := hour + 10*minute
	for _, c := range []struct {
		id   string
		age  int64
		want string
	}{
		{"old", 0, "unknown"},
		{"old", 0, "unknown"},        // its fence is no proof
		{"old", 5 * minute, "never"}, // whoever asks knows better
		{"other", 2 * hour, "unknown"},
		{"young", 5 * minute, "never"},
		{"young", 0, "never"}, // it was certain once
	} {
		if got := outcome(c.id, c.age, now); got != c.want {
			t.Errorf("%s of at most %d ms: %s, want %s", c.id, c.age, got, c.want)
		}
	}
	for _, id := range []string{"old", "other", "young"} {
		if reply, known := table.find([]byte(id)); !known || !strings.HasPrefix(string(reply), "-ERR id was fenced") {
			t.Errorf("%s may run: %q", id, reply)
		}
	}
	// A fence that is dropped leaves no doubt behind: it never ran.
	fences := &onceTable{m: data.NewMem()}
	fences.resolve(nil, []byte("fenced"), 0, clock.At(1000), 1)
	fences.evict(clock.At(2 * hour))
	if got := string(fences.resolve(nil, []byte("fenced"), 0, clock.At(2*hour), 2)); !strings.Contains(got, "never") {
		t.Errorf("only a fence was forgotten: %q", got)
	}
}

func TestOldIDsAreEvicted(t *testing.T) {
	table := &onceTable{m: data.NewMem()}
	for i := range 10 {
		table.put([]byte("id"+strconv.Itoa(i)), []byte("+OK\r\n"), clock.At(int64(i)*1000), uint64(i+1))
	}
	table.reload() // as after a restart
	table.evict(clock.At(OnceTTL.Milliseconds() + 5000))
	for i := range 10 {
		if _, known := table.find([]byte("id" + strconv.Itoa(i))); known != (i >= 5) {
			t.Errorf("id%d, stamped at %d s: known %v", i, i, known)
		}
	}
	table.reload()
	table.load()
	if want := 5 * cost([]byte("id0"), []byte("a+OK\r\n")); table.count != 5 || table.bytes != want {
		t.Errorf("the table counts %d ids in %d bytes, not 5 in %d", table.count, table.bytes, want)
	}
	table.evict(clock.At(2 * OnceTTL.Milliseconds()))
	if table.count != 0 || table.bytes != 0 {
		t.Errorf("after an hour %d ids in %d bytes are left", table.count, table.bytes)
	}
}

// A full table refuses new ids rather than forget one before its hour is over,
// by number and by bytes, and goes on to resolve doubts.
func TestFullTableRefuses(t *testing.T) {
	for name, fill := range map[string]func(*onceTable){
		"number": func(table *onceTable) { table.count = OnceMax - 1 },
		"bytes":  func(table *onceTable) { table.bytes = OnceBytes - 1 },
	} {
		table := &onceTable{m: data.NewMem()}
		table.load()
		fill(table)
		if _, full := table.full(nil); full {
			t.Fatalf("%s: refused while there is room for one", name)
		}
		table.put([]byte("last"), []byte("+OK\r\n"), clock.At(1000), 1)
		reply, full := table.full(nil)
		if !full || !bytes.HasPrefix(reply, []byte("-BUSY ")) {
			t.Fatalf("%s: a full table takes an id: %q", name, reply)
		}
		table.evict(clock.At(1000 + OnceTTL.Milliseconds()))
		if _, known := table.find([]byte("last")); !known {
			t.Fatalf("%s: an id was forgotten within its hour", name)
		}
		if got := string(table.resolve(nil, []byte("doubt"), 0, clock.At(2000), 2)); got != "*1\r\n$5\r\nnever\r\n" {
			t.Fatalf("%s: OUTCOME on a full table: %q", name, got)
		}
		table.count, table.bytes = OnceMax+OnceMax/fenceRoom, OnceBytes+OnceBytes/fenceRoom
		if got := table.resolve(nil, []byte("more"), 0, clock.At(2000), 3); !bytes.HasPrefix(got, []byte("-BUSY ")) {
			t.Fatalf("%s: OUTCOME without room to fence answered %q", name, got)
		}
		if _, known := table.find([]byte("more")); known {
			t.Fatalf("%s: an id that was not fenced is known", name)
		}
	}
}

// A table in steady use, with more ids in each entry than the least that is
// evicted, does not grow beyond its hour.
func TestEvictionKeepsUp(t *testing.T) {
	table := &onceTable{m: data.NewMem()}
	const perEntry, entries = 200, 30
	step := OnceTTL.Milliseconds() / 10
	for e := range entries {
		at := clock.At(int64(e+1) * step)
		for i := range perEntry {
			table.put([]byte(strconv.Itoa(e*perEntry+i)), []byte(":1\r\n"), at, uint64(e*perEntry+i+1))
		}
		table.evict(at)
	}
	if table.count > 12*perEntry {
		t.Errorf("%d ids are kept, an hour has %d", table.count, 10*perEntry)
	}
}

// A reply that is too long is not kept, but that the id ran is.
func TestLongReplyIsNotKept(t *testing.T) {
	table := &onceTable{m: data.NewMem()}
	table.put([]byte("a"), make([]byte, OnceReplyMax+1), 10, 1)
	if table.bytes > 100 {
		t.Errorf("%d bytes are kept", table.bytes)
	}
	if reply, known := table.find([]byte("a")); !known || !bytes.HasPrefix(reply, []byte("-ERR this id was applied before")) {
		t.Errorf("the same id again: %v, %q", known, reply)
	}
	if got := string(table.resolve(nil, []byte("a"), 0, 11, 2)); got != "*2\r\n$7\r\napplied\r\n_\r\n" {
		t.Errorf("OUTCOME: %q", got)
	}
}
