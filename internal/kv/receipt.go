package kv

import (
	"time"

	"github.com/parleydb/parley/clock"
)

// Receipt is what one operation was in fact given.
type Receipt struct {
	Level     Level           // the level that was kept
	Node      NodeID          // the node whose state answered
	Staleness time.Duration   // upper bound on the age of the state read; 0 for linearizable
	Stamp     clock.Timestamp // of the write, or of the state read
	Outcome   Outcome
}
