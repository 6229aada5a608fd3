package clock

import (
	"fmt"
	"time"
)

// Timestamp is a hybrid logical clock reading in one word: milliseconds since
// the Unix epoch in the upper 48 bits, a logical counter in the lower 16. The
// order of the words is the order of the readings. The packing is that of
// Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks"
// (OPODIS 2014), section 6.
type Timestamp uint64

const logicalBits = 16

// At is the first timestamp of a wall-clock millisecond.
func At(wallMillis int64) Timestamp { return Timestamp(wallMillis) << logicalBits }

// Millis is the physical part: milliseconds since the Unix epoch.
func (t Timestamp) Millis() int64 { return int64(t >> logicalBits) }

// Logical is the counter that tells apart readings of one millisecond.
func (t Timestamp) Logical() uint16 { return uint16(t) }

// String is "<millis>.<logical>".
func (t Timestamp) String() string { return fmt.Sprintf("%d.%d", t.Millis(), t.Logical()) }

// SkewError says that a remote reading is further ahead of the local wall
// clock than the bound allows.
type SkewError struct {
	Ahead, Bound time.Duration
}

func (e *SkewError) Error() string {
	return fmt.Sprintf("clock reading is %v ahead of this node's clock, more than the bound of %v: check the clocks of both nodes", e.Ahead, e.Bound)
}

// HLC is a hybrid logical clock (Kulkarni et al. 2014, figure 5). It is for
// one goroutine. The zero value is a clock that has seen nothing and has no
// bound.
type HLC struct {
	// Bound is how far a remote reading may be ahead of the wall clock;
	// 0 means any distance.
	Bound time.Duration
	last  Timestamp
}

// Last is the highest reading given out or received so far.
func (h *HLC) Last() Timestamp { return h.last }

// Now is a reading above all that were given out or received before.
// wallMillis is the wall clock in milliseconds since the Unix epoch; it may
// stand still or go back.
func (h *HLC) Now(wallMillis int64) Timestamp {
	h.last = max(At(wallMillis), h.last+1)
	return h.last
}

// Receive takes in a remote reading, so that all later ones are above it. A
// reading too far ahead is refused with a *SkewError and changes nothing.
func (h *HLC) Receive(wallMillis int64, remote Timestamp) error {
	ahead := time.Duration(remote.Millis()-wallMillis) * time.Millisecond
	if h.Bound > 0 && ahead > h.Bound {
		return &SkewError{Ahead: ahead, Bound: h.Bound}
	}
	h.last = max(h.last, remote)
	return nil
}

// Drift is how far the clock's last reading is ahead of the wall clock;
// negative when it is behind.
func (h *HLC) Drift(wallMillis int64) time.Duration {
	return time.Duration(h.last.Millis()-wallMillis) * time.Millisecond
}
