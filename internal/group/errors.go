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
