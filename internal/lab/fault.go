package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// FaultKind is a kind of fault.
type FaultKind string

// The kinds of faults.
const (
	FaultPartition FaultKind = "partition" // messages between nodes are lost, by Shape
	FaultLoss      FaultKind = "loss"      // some messages between nodes are lost
	FaultDuplicate FaultKind = "duplicate" // some messages between nodes arrive twice
	FaultDelay     FaultKind = "delay"     // messages between nodes are late
	FaultSlow      FaultKind = "slow"      // links carry few bytes a second
	FaultKill      FaultKind = "kill"      // a process ends as in a crash; healing starts it again
	FaultPause     FaultKind = "pause"     // a process stands still
	FaultClock     FaultKind = "clock"     // a node's clock is off, or jumps
	FaultDisk      FaultKind = "disk"      // a node's disk misbehaves, by Shape
)

// Shape says more about a fault: how a network is cut, what a clock or a disk does.
type Shape string

// The shapes of partitions, of clock and of disk faults.
const (
	ShapeHalves Shape = "halves"  // Nodes on one side, the others on the other
	ShapeOneWay Shape = "one-way" // Nodes are heard by nobody, and hear all
	ShapeBridge Shape = "bridge"  // Nodes[0] is connected to all, the rest is in two halves
	ShapeRing   Shape = "ring"    // every node reaches only its neighbours in Nodes
	ShapeSkew   Shape = "skew"    // the clock is off by Amount
	ShapeJump   Shape = "jump"    // the clock jumps to Amount and back, again and again
	ShapeFull   Shape = "full"    // the disk has no room
	ShapeFsync  Shape = "fsync"   // syncs fail
	ShapeSlow   Shape = "slow"    // syncs take Amount longer
	ShapeFlip   Shape = "flip"    // stored bytes change while the node is down
)

// Fault is one fault with its parameters. What a kind does not use is zero.
type Fault struct {
	Kind    FaultKind
	Nodes   []int // whom it hits; none: all. See the shapes of partitions
	Shape   Shape
	Amount  time.Duration // delay, clock offset, slow sync
	Percent int           // loss, duplicate
	Bytes   int           // slow: bytes a second
}

// String tells the fault in a few words, with numbers for nodes.
func (f Fault) String() string {
	parts := []string{string(f.Kind)}
	if f.Shape != "" {
		parts = append(parts, string(f.Shape))
	}
	for _, n := range f.Nodes {
		parts = append(parts, fmt.Sprintf("n%d", n+1))
	}
	if f.Amount != 0 {
		parts = append(parts, f.Amount.String())
	}
	if f.Percent != 0 {
		parts = append(parts, fmt.Sprintf("%d%%", f.Percent))
	}
	if f.Bytes != 0 {
		parts = append(parts, fmt.Sprintf("%d B/s", f.Bytes))
	}
	return strings.Join(parts, " ")
}

// Hits says whether the fault is made at node n. Faults between nodes, and those
// that name none, are made at all.
func (f Fault) Hits(n int) bool {
	if len(f.Nodes) == 0 || f.Kind == FaultPartition {
		return true
	}
	return slices.Contains(f.Nodes, n)
}
