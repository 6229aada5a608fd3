package lab

import (
	"testing"
	"time"
)

func TestFaultInWords(t *testing.T) {
	for want, f := range map[string]Fault{
		"kill n1":                  {Kind: FaultKill, Nodes: []int{0}},
		"partition halves n1 n3":   {Kind: FaultPartition, Shape: ShapeHalves, Nodes: []int{0, 2}},
		"clock skew n2 -250ms":     {Kind: FaultClock, Shape: ShapeSkew, Nodes: []int{1}, Amount: -250 * time.Millisecond},
		"loss 30%":                 {Kind: FaultLoss, Percent: 30},
		"slow 4096 B/s":            {Kind: FaultSlow, Bytes: 4096},
		"disk slow n3 1s":          {Kind: FaultDisk, Shape: ShapeSlow, Nodes: []int{2}, Amount: time.Second},
		"partition ring n2 n1 n10": {Kind: FaultPartition, Shape: ShapeRing, Nodes: []int{1, 0, 9}},
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A fault of a process is where it is; one between nodes is at both ends of each
// link, and so, in a partition, at all nodes.
func TestFaultHits(t *testing.T) {
	for _, c := range []struct {
		f    Fault
		want [3]bool
	}{
		{Fault{Kind: FaultKill, Nodes: []int{1}}, [3]bool{false, true, false}},
		{Fault{Kind: FaultPause, Nodes: []int{0, 2}}, [3]bool{true, false, true}},
		{Fault{Kind: FaultKill}, [3]bool{true, true, true}},
		{Fault{Kind: FaultDelay}, [3]bool{true, true, true}},
		{Fault{Kind: FaultPartition, Nodes: []int{1}}, [3]bool{true, true, true}},
	} {
		for n, want := range c.want {
			if got := c.f.Hits(n); got != want {
				t.Errorf("%s hits n%d: %t", c.f, n+1, got)
			}
		}
	}
}
