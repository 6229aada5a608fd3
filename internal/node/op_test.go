package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// An operation that ended at its deadline is still told when its entry is
// applied. Its memory must not serve another one meanwhile.
func TestOperationsThatEndAtTheirDeadlineAreNotReused(t *testing.T) {
	c := newTestCluster(t, 3)
	lead := c.leader()
	c.do(lead, 0, "SET a 1")
	if len(lead.ops.free) == 0 {
		t.Fatal("an operation that was answered is not kept for reuse")
	}
	for i := range c.cut {
		c.cut[i] = true
	}
	var late []*pending
	for i := range 5 {
		late = append(late, c.start(lead, Request{Calls: calls(fmt.Sprintf("INCRBY late %d", i+1)), Timeout: 100 * time.Millisecond}))
	}
	for _, p := range late {
		if c.wait(p); kv.KindOf(p.err) != kv.KindUnknown {
			t.Fatalf("a write that no majority took: %q, %v", p.reply, p.err)
		}
	}
	var next []*pending
	for i := range 5 {
		next = append(next, c.start(lead, Request{Calls: calls(fmt.Sprintf("SET k%d %d", i, i)), Timeout: 10 * time.Second}))
	}
	for i := range c.cut {
		c.cut[i] = false
	}
	for i, p := range next {
		if c.wait(p); p.err != nil || p.reply != "+OK\r\n" {
			t.Errorf("SET k%d: %q, %v", i, p.reply, p.err)
		}
		if got := c.do(lead, 0, fmt.Sprintf("GET k%d", i)); got.reply != fmt.Sprintf("$1\r\n%d\r\n", i) {
			t.Errorf("GET k%d: %q, %v", i, got.reply, got.err)
		}
	}
}
