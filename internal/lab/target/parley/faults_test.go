package parley

import (
	"testing"

	"github.com/parleydb/parley/internal/lab"
)

// Each shape of a partition cuts the links of its table and no other: a row is
// what a node sends, a column who should hear it; x is cut.
func TestPartitions(t *testing.T) {
	for _, c := range []struct {
		f    lab.Fault
		want [5]string
	}{
		{lab.Fault{Shape: lab.ShapeHalves, Nodes: []int{1, 3}}, [5]string{
			".x.x.",
			"x.x.x",
			".x.x.",
			"x.x.x",
			".x.x.",
		}},
		{lab.Fault{Shape: lab.ShapeOneWay, Nodes: []int{2}}, [5]string{
			".....",
			".....",
			"xx.xx",
			".....",
			".....",
		}},
		{lab.Fault{Shape: lab.ShapeBridge, Nodes: []int{4, 0, 1, 2, 3}}, [5]string{
			"..xx.",
			"..xx.",
			"xx...",
			"xx...",
			".....",
		}},
		{lab.Fault{Shape: lab.ShapeRing, Nodes: []int{0, 2, 4, 1, 3}}, [5]string{
			".x..x", // n1 reaches n3 and n4
			"x.x..",
			".x.x.",
			"..x.x",
			"x..x.",
		}},
	} {
		c.f.Kind = lab.FaultPartition
		for a, row := range c.want {
			for b := range row {
				if a != b && cuts(c.f, a, b, 5) != (row[b] == 'x') {
					t.Errorf("%s: from n%d to n%d: cut is %t", c.f, a+1, b+1, cuts(c.f, a, b, 5))
				}
			}
		}
	}
}
