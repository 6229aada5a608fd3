package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
)

// A leader stays in office while values go over its links that take longer than
// an election timeout: its heartbeats go between the pieces.
func TestLongValuesKeepTheLeader(t *testing.T) {
	c := newCluster(Options{Seed: 1, Ops: 100_000, Nodes: 3}, profileNamed("partitions"), nil)
	c.run(2 * time.Second)
	term := func() (lead *machine, term uint64) {
		for _, m := range c.nodes {
			for _, st := range m.node.Groups() {
				if st.ID != kv.MetaGroup && st.Role == "StateLeader" && st.Term > term {
					lead, term = m, st.Term
				}
			}
		}
		return lead, term
	}
	lead, before := term()
	if lead == nil {
		t.Fatal("nobody leads")
	}
	for _, via := range c.nodes { // the leader, and those that pass it on
		got := answer{outcome: "none"}
		via.step(func(n *node.Node) {
			r := command("set", "k", strings.Repeat("x", 1200<<10)) // at 1 MB a second
			r.Done = told{&got}
			n.Submit(r)
		})
		c.run(c.now + 4*time.Second)
		if got.outcome != kv.OutcomeOK {
			t.Errorf("via n%d: %v", via.id, got)
		}
	}
	if now, after := term(); now != lead || after != before {
		t.Errorf("n%d led in term %d; now n%d leads in term %d", lead.id, before, now.id, after)
	}
}

// told notes an answer. It implements node.Completer.
type told struct{ got *answer }

func (d told) Complete(_ *node.Request, reply []byte, rc kv.Receipt, err error) {
	*d.got = answer{kv.OutcomeOf(err), string(reply), rc}
}
