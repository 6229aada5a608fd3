package nemesis

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parleydb/parley/internal/lab"
)

// Planned is a fault with its time, from the start of the run. Those with the
// same At come together, and end together.
type Planned struct {
	At, For time.Duration
	After   time.Duration // this one begins so much later than At
	Fault   lab.Fault
}

// Pace says how long faults last and what lies between them.
type Pace struct {
	Fault time.Duration // a fault lasts about this long
	Quiet time.Duration // between faults, and before the first
}

// Plan draws the faults of a run of the given length. Every wish comes once
// before any comes again, as far as the time allows. The first comes if there is
// time for half of pace.Fault. Now and then a fault of
// the network or a clock comes together with one of a process or a disk.
// Flipped bytes come once and last: the node that has them is gone for good.
func Plan(seed uint64, wishes []Wish, nodes int, length time.Duration, pace Pace) []Planned {
	p := &planner{rng: rand.New(rand.NewPCG(seed, 0xfa17)), nodes: nodes, last: -1}
	var ordinary, flips []Wish
	for _, w := range wishes {
		if w.Kind == lab.FaultDisk && w.Shape == "" {
			flips = append(flips, Wish{Kind: w.Kind, Shape: lab.ShapeFlip})
		}
		if w.Shape == lab.ShapeFlip {
			flips = append(flips, w)
		} else {
			ordinary = append(ordinary, w)
		}
	}
	end := length - pace.Quiet
	if len(flips) > 0 {
		end -= pace.Fault
	}
	var plan []Planned
	var deck []Wish
	at := pace.Quiet
	for len(ordinary) > 0 {
		last := p.about(pace.Fault)
		if len(plan) == 0 {
			last = max(min(last, end-at), pace.Fault/2)
		}
		if at+last > end {
			break
		}
		if len(deck) == 0 {
			deck = slices.Clone(ordinary)
			p.rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		w := deck[0]
		deck = deck[1:]
		slot := p.together(w, at, last)
		if i := slices.IndexFunc(deck, func(o Wish) bool { return companions(o, w) }); i >= 0 && p.rng.IntN(4) == 0 {
			slot = append(slot, Planned{At: at, For: last, Fault: p.draw(deck[i])})
			deck = slices.Delete(deck, i, i+1)
			if Outside(slot[0].Fault.Kind) { // a process ends before others could miss it
				slices.Reverse(slot)
			}
		}
		plan = append(plan, slot...)
		at += last + p.about(pace.Quiet)
	}
	if len(flips) > 0 {
		plan = append(plan, Planned{At: max(at, end), For: pace.Fault, Fault: p.draw(flips[0])})
	}
	return plan
}

// Outside tells faults of networks and clocks from those of processes and disks:
// one of each can be made at the same time without being in each other's way. They
// are to end first, for a process that starts needs the others.
func Outside(k lab.FaultKind) bool { return network(k) || k == lab.FaultClock }

// companions says whether two wishes may come together unasked.
func companions(a, b Wish) bool {
	return Outside(a.Kind) != Outside(b.Kind) && len(a.With)+len(b.With) == 0
}

// together are the faults of a wish, each a while after the one before.
func (p *planner) together(w Wish, at, last time.Duration) (slot []Planned) {
	all := w.All()
	for i, o := range all {
		slot = append(slot, Planned{At: at, For: last, After: last * time.Duration(i) / time.Duration(len(all)), Fault: p.draw(o)})
	}
	return slot
}

type planner struct {
	rng   *rand.Rand
	nodes int
	last  int // the node that was hit last
	turn  map[lab.FaultKind]int
}

// about is a time from half of d to one and a half.
func (p *planner) about(d time.Duration) time.Duration {
	return d/2 + time.Duration(p.rng.Int64N(int64(d)+1))
}

// node draws a node, not the same twice in a row.
func (p *planner) node() int {
	n := p.rng.IntN(p.nodes)
	if n == p.last && p.nodes > 1 {
		n = (n + 1 + p.rng.IntN(p.nodes-1)) % p.nodes
	}
	p.last = n
	return n
}

// draw fills in what a wish leaves open.
func (p *planner) draw(w Wish) lab.Fault {
	f := lab.Fault{Kind: w.Kind, Shape: p.shape(w)}
	switch f.Kind {
	case lab.FaultPartition:
		f.Nodes = p.side(f.Shape)
	case lab.FaultLoss, lab.FaultDuplicate:
		f.Percent = 5 + p.rng.IntN(40)
	case lab.FaultDelay:
		f.Amount = time.Duration(20+p.rng.IntN(300)) * time.Millisecond
	case lab.FaultSlow:
		f.Bytes = 1 << (12 + p.rng.IntN(5))
	default:
		f.Nodes = []int{p.node()}
	}
	switch f.Shape {
	case lab.ShapeSkew:
		f.Amount = p.sign() * time.Duration(50+p.rng.IntN(450)) * time.Millisecond
	case lab.ShapeJump:
		f.Amount = p.sign() * time.Duration(1+p.rng.IntN(60)) * time.Second
	case lab.ShapeSlow:
		f.Amount = time.Duration(50+p.rng.IntN(950)) * time.Millisecond
	}
	return f
}

func (p *planner) sign() time.Duration { return time.Duration(2*p.rng.IntN(2) - 1) }

// shape takes the shapes of a kind in turn, so that all of them come.
func (p *planner) shape(w Wish) lab.Shape {
	possible := w.possible(p.nodes)
	if w.Shape == "" {
		possible = slices.DeleteFunc(possible, func(s lab.Shape) bool { return s == lab.ShapeFlip })
	}
	if p.turn == nil {
		p.turn = make(map[lab.FaultKind]int)
	}
	if _, ok := p.turn[w.Kind]; !ok {
		p.turn[w.Kind] = p.rng.IntN(len(possible))
	}
	s := possible[p.turn[w.Kind]%len(possible)]
	p.turn[w.Kind]++
	return s
}

// side are the nodes that a partition names.
func (p *planner) side(s lab.Shape) []int {
	order := p.rng.Perm(p.nodes)
	switch s {
	case lab.ShapeHalves:
		side := order[:1+p.rng.IntN(max(1, (p.nodes-1)/2))] // a minority, if there is one
		slices.SortFunc(side, cmp.Compare[int])
		return side
	case lab.ShapeOneWay:
		return order[:1]
	}
	return order // a bridge begins with the node in the middle; a ring has an order
}
