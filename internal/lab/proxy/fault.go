package proxy

import (
	"fmt"
	"slices"

	"github.com/parleydb/parley/internal/lab"
)

// Kinds are the faults that RuleFor can make.
func Kinds() []lab.FaultKind {
	return []lab.FaultKind{lab.FaultPartition, lab.FaultDelay, lab.FaultLoss, lab.FaultSlow}
}

// RuleFor is a fault of the network between nodes as a rule for each pair of
// them. Faults of other kinds, and those that would change nothing, are errors.
func RuleFor(f lab.Fault, nodes int) (func(from, to int) Rule, error) {
	for i, n := range f.Nodes {
		if slices.Contains(f.Nodes[:i], n) {
			return nil, fmt.Errorf("%s: it names node %d twice", f.Kind, n)
		}
		if n < 0 || n >= nodes {
			return nil, fmt.Errorf("%s: there is no node %d; there are %d, counted from 0", f.Kind, n, nodes)
		}
	}
	var rule Rule
	switch f.Kind {
	case lab.FaultPartition:
		return partition(f, nodes)
	case lab.FaultDuplicate:
		return nil, fmt.Errorf("duplicate: the nodes speak TCP, which hides a packet that comes twice; a proxy cannot show it to them")
	case lab.FaultDelay:
		if rule.Delay = f.Amount; f.Amount <= 0 {
			return nil, fmt.Errorf("delay: it needs a duration above zero, not %s", f.Amount)
		}
	case lab.FaultLoss:
		if rule.Loss = f.Percent; f.Percent <= 0 || f.Percent > 100 {
			return nil, fmt.Errorf("loss: it needs 1 to 100 percent, not %d", f.Percent)
		}
	case lab.FaultSlow:
		if rule.BytesPerSecond = f.Bytes; f.Bytes <= 0 {
			return nil, fmt.Errorf("slow: it needs bytes a second above zero, not %d", f.Bytes)
		}
	default:
		return nil, fmt.Errorf("%s is no fault of a network; those are %v", f.Kind, Kinds())
	}
	return func(from, to int) Rule {
		if f.Hits(from) || f.Hits(to) {
			return rule
		}
		return Rule{}
	}, nil
}

// partition says which directions are cut.
func partition(f lab.Fault, nodes int) (func(from, to int) Rule, error) {
	var cut func(from, to int) bool
	in := func(n int) bool { return slices.Contains(f.Nodes, n) }
	switch f.Shape {
	case lab.ShapeHalves, "":
		cut = func(from, to int) bool { return in(from) != in(to) }
	case lab.ShapeOneWay:
		cut = func(from, to int) bool { return in(from) }
	case lab.ShapeBridge:
		place := places(f.Nodes, nodes)
		half := func(n int) bool { return 2*place[n] <= nodes }
		cut = func(from, to int) bool { return place[from] != 0 && place[to] != 0 && half(from) != half(to) }
	case lab.ShapeRing:
		place := places(f.Nodes, nodes)
		cut = func(from, to int) bool {
			d := (place[to] - place[from] + nodes) % nodes
			return d != 1 && d != nodes-1
		}
	default:
		return nil, fmt.Errorf("partition: unknown shape %q; there are %s, %s, %s, %s", f.Shape, lab.ShapeHalves, lab.ShapeOneWay, lab.ShapeBridge, lab.ShapeRing)
	}
	for from := range nodes {
		for to := range nodes {
			if from != to && cut(from, to) {
				return func(from, to int) Rule {
					if from != to && cut(from, to) {
						return Rule{Cut: Drop}
					}
					return Rule{}
				}, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: with %d nodes that cuts no link", f, nodes)
}

// places are where each node comes: those that are named in the order in which
// they are, the others after them.
func places(named []int, nodes int) []int {
	order := slices.Clone(named)
	for n := range nodes {
		if !slices.Contains(named, n) {
			order = append(order, n)
		}
	}
	place := make([]int, nodes)
	for i, n := range order {
		place[n] = i
	}
	return place
}
