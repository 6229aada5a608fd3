package sim

import (
	"fmt"

	"github.com/parleydb/parley/internal/kv"
)

// watch holds what must be true of the nodes at every moment against what they
// do, after each of their steps.
type watch struct {
	c       *Cluster
	found   []Violation
	seen    map[string]bool // checkers that have reported
	leaders map[inTerm]kv.NodeID
	digests map[atIndex]digest
}

type inTerm struct {
	group kv.GroupID
	term  uint64
}

type atIndex struct {
	group kv.GroupID
	index uint64
}

type digest struct {
	sum  uint64
	node kv.NodeID
}

func newWatch(c *Cluster) *watch {
	return &watch{c: c, seen: map[string]bool{}, leaders: map[inTerm]kv.NodeID{}, digests: map[atIndex]digest{}}
}

// report notes the first violation that a checker finds.
func (w *watch) report(checker, format string, args ...any) {
	if w.seen[checker] {
		return
	}
	w.seen[checker] = true
	what := fmt.Sprintf(format, args...)
	w.c.note("violation %s: %s", checker, what)
	w.found = append(w.found, Violation{checker, what})
}

// look checks one node, which has just done something.
func (w *watch) look(m *machine) {
	for _, st := range m.node.Groups() {
		if st.Role == "StateLeader" {
			w.leads(m, inTerm{st.ID, st.Term})
		}
		before := m.applied[st.ID]
		if st.Applied < before {
			w.report("applied", "n%d went back in %v from index %d to %d", m.id, st.ID, before, st.Applied)
		}
		if index, _ := m.disk.State(uint64(st.ID)).Applied(); index != st.Applied {
			w.report("applied", "n%d has applied %v up to index %d, and its state is at %d", m.id, st.ID, st.Applied, index)
		}
		if st.Applied != before {
			m.applied[st.ID] = st.Applied
			w.compare(m, atIndex{st.ID, st.Applied})
		}
	}
}

func (w *watch) leads(m *machine, at inTerm) {
	first, known := w.leaders[at]
	if !known {
		w.leaders[at] = m.id
		w.c.note("n%d leads %v in term %d", m.id, at.group, at.term)
	} else if first != m.id {
		w.report("leaders", "n%d and n%d both lead %v in term %d", first, m.id, at.group, at.term)
	}
}

// compare holds a node's state against the first that was at the same index.
func (w *watch) compare(m *machine, at atIndex) {
	sum, ok := m.node.Digests()[at.group]
	if !ok {
		return // group 0
	}
	first, known := w.digests[at]
	if !known {
		w.digests[at] = digest{sum, m.id}
	} else if first.sum != sum {
		w.report("replicas", "n%d and n%d hold different states of %v at index %d", first.node, m.id, at.group, at.index)
	}
}
