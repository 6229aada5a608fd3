package nemesis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleydb/parley/internal/lab"
)

// Wish is a kind of fault that is asked for, of any shape if Shape is "", and
// others that are to come while it is there, one after the other.
type Wish struct {
	Kind  lab.FaultKind
	Shape lab.Shape
	With  []Wish
}

// All are the wish itself and those that come with it.
func (w Wish) All() []Wish { return append([]Wish{{Kind: w.Kind, Shape: w.Shape}}, w.With...) }

// String is the wish as Parse reads it.
func (w Wish) String() string {
	text := string(w.Kind)
	if w.Shape != "" {
		text += ":" + string(w.Shape)
	}
	for _, o := range w.With {
		text += "+" + o.String()
	}
	return text
}

// shapes are those of each kind, in the order in which they are drawn.
var shapes = map[lab.FaultKind][]lab.Shape{
	lab.FaultPartition: {lab.ShapeHalves, lab.ShapeOneWay, lab.ShapeBridge, lab.ShapeRing},
	lab.FaultClock:     {lab.ShapeSkew, lab.ShapeJump},
	lab.FaultDisk:      {lab.ShapeSlow, lab.ShapeFsync, lab.ShapeFull, lab.ShapeFlip},
}

// kinds are all kinds, those of processes and disks first.
var kinds = []lab.FaultKind{
	lab.FaultKill, lab.FaultPause, lab.FaultDisk,
	lab.FaultPartition, lab.FaultLoss, lab.FaultDuplicate, lab.FaultDelay, lab.FaultSlow, lab.FaultClock,
}

// Names are all faults that Parse takes, with their shapes.
func Names() (names []string) {
	for _, k := range kinds {
		names = append(names, string(k))
		for _, s := range shapes[k] {
			names = append(names, string(k)+":"+string(s))
		}
	}
	return names
}

// Parse reads the names of faults: a kind, or a kind and its shape as in
// "partition:ring"; several with "+" between come together, in this order; "all"
// is every kind that is offered, "none" no fault. A fault that is not offered, or
// that so many nodes cannot have, is an error.
func Parse(names []string, offered []lab.FaultKind, nodes int) (wishes []Wish, err error) {
	for _, name := range names {
		switch name = strings.TrimSpace(name); name {
		case "none", "":
			continue
		case "all":
			for _, k := range kinds {
				if slices.Contains(offered, k) {
					wishes = append(wishes, Wish{Kind: k})
				}
			}
			continue
		}
		w, err := parse(name, offered, nodes)
		if err != nil {
			return nil, err
		}
		wishes = append(wishes, w)
	}
	return wishes, nil
}

// parse reads one fault, or several that come together.
func parse(name string, offered []lab.FaultKind, nodes int) (w Wish, err error) {
	for i, one := range strings.Split(name, "+") {
		kind, shape, _ := strings.Cut(one, ":")
		o := Wish{Kind: lab.FaultKind(kind), Shape: lab.Shape(shape)}
		switch {
		case !slices.Contains(kinds, o.Kind) || shape != "" && !slices.Contains(shapes[o.Kind], o.Shape):
			return w, fmt.Errorf("unknown fault %q; there are all, none, %s", one, strings.Join(Names(), ", "))
		case !slices.Contains(offered, o.Kind):
			return w, fmt.Errorf("this target has no fault %q; it has %s", kind, list(offered))
		case len(o.possible(nodes)) == 0:
			return w, fmt.Errorf("fault %q needs more than %d nodes", one, nodes)
		case o.Shape == lab.ShapeFlip && name != one:
			return w, fmt.Errorf("%s: the node that has %s never comes back; it comes alone, after all others", name, one)
		}
		if i == 0 {
			w = o
		} else {
			w.With = append(w.With, o)
		}
	}
	return w, nil
}

func list(offered []lab.FaultKind) string {
	if len(offered) == 0 {
		return "none"
	}
	var names []string
	for _, k := range offered {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// possible are the shapes that the wish allows and so many nodes can have.
func (w Wish) possible(nodes int) (out []lab.Shape) {
	if network(w.Kind) && nodes < 2 {
		return nil
	}
	all := shapes[w.Kind]
	if all == nil {
		all = []lab.Shape{""}
	}
	for _, s := range all {
		least := map[lab.Shape]int{lab.ShapeBridge: 3, lab.ShapeRing: 4}[s]
		if nodes >= least && (w.Shape == "" || w.Shape == s) {
			out = append(out, s)
		}
	}
	return out
}

func network(k lab.FaultKind) bool {
	switch k {
	case lab.FaultPartition, lab.FaultLoss, lab.FaultDuplicate, lab.FaultDelay, lab.FaultSlow:
		return true
	}
	return false
}
