package group

import "github.com/parleydb/parley/internal/kv"

// supersededError is the outcome of a command whose place in the log was taken
// by another entry.
func supersededError(term uint64) error {
	if term == 0 {
		return kv.Errorf(kv.KindUnknown, "leadership changed and this replica caught up by snapshot; the command may have been done: use OUTCOME if it carried an id")
	}
	return kv.Errorf(kv.KindUnavailable, "leadership changed before the command was agreed; nothing was done")
}

// Bugs switches on deliberate mistakes, to show that the simulator finds them.
// The zero value is correct code; production never sets it.
type Bugs struct {
	AckBeforeSync    bool // answer the leader before the entry is on disk
	ReadWithoutIndex bool // serve linearizable reads from local state
}

// Plant switches deliberate mistakes on.
func (g *Group) Plant(b Bugs) { g.bugs = b }
