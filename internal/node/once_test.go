package node

import (
	"strconv"
	"strings"
	"testing"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
)

func TestOutcomeFencesAnUnknownID(t *testing.T) {
	table := &onceTable{m: data.NewMem()}
	if got := string(table.resolve(nil, []byte("a"), 10, 1)); got != "*1\r\n$5\r\nnever\r\n" {
		t.Fatalf("OUTCOME of an unknown id: %q", got)
	}
	reply, known := table.find([]byte("a"))
	if !known || !strings.HasPrefix(string(reply), "-ERR id was fenced") {
		t.Fatalf("a fenced id may run: %q", reply)
	}
	table.put([]byte("b"), []byte(":1\r\n"), 11, 2)
	if got := string(table.resolve(nil, []byte("b"), 12, 3)); got != "*2\r\n$7\r\napplied\r\n:1\r\n" {
		t.Fatalf("OUTCOME of an applied id: %q", got)
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
	if table.count != 5 {
		t.Errorf("the table counts %d ids, not 5", table.count)
	}
}
