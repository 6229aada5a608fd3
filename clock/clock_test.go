package clock

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// run is a random computation: local events, and messages between processes.
// Every event has all three clocks, and the true past for comparison.
type run struct {
	process []int
	lamport []uint64
	vector  []Vector
	hlc     []Timestamp
	past    []map[int]bool // events that happened before this one
	wall    []int64
}

func drawRun(t *rapid.T) *run {
	const processes = 3
	r := &run{}
	var lamport [processes]Lamport
	var vector [processes]Vector
	var hlc [processes]HLC
	var wall [processes]int64
	last := [processes]int{-1, -1, -1}
	for p := range processes {
		vector[p] = make(Vector, processes)
	}
	for range rapid.IntRange(1, 25).Draw(t, "events") {
		p := rapid.IntRange(0, processes-1).Draw(t, "process")
		wall[p] = max(1, wall[p]+rapid.Int64Range(-2, 5).Draw(t, "wall step")) // clocks may go back
		past := map[int]bool{}
		from := rapid.IntRange(-1, len(r.process)-1).Draw(t, "message from event")
		if from >= 0 && r.process[from] == p {
			from = -1
		}
		for _, before := range []int{last[p], from} {
			if before >= 0 {
				past[before] = true
				for e := range r.past[before] {
					past[e] = true
				}
			}
		}
		if from >= 0 {
			r.lamport = append(r.lamport, lamport[p].Receive(r.lamport[from]))
			vector[p].Receive(p, r.vector[from])
			if err := hlc[p].Receive(wall[p], r.hlc[from]); err != nil {
				t.Fatal(err)
			}
		} else {
			r.lamport = append(r.lamport, lamport[p].Tick())
			vector[p].Tick(p)
		}
		r.hlc = append(r.hlc, hlc[p].Now(wall[p]))
		r.vector = append(r.vector, vector[p].Clone())
		r.process = append(r.process, p)
		r.past = append(r.past, past)
		r.wall = append(r.wall, wall[p])
		last[p] = len(r.process) - 1
	}
	return r
}

// TestClockCondition: if a happened before b, a's time is less, on all clocks.
func TestClockCondition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRun(t)
		for b := range r.process {
			for a := range r.past[b] {
				if r.lamport[a] >= r.lamport[b] {
					t.Fatalf("Lamport: %d happened before %d, but %d >= %d", a, b, r.lamport[a], r.lamport[b])
				}
				if r.hlc[a] >= r.hlc[b] {
					t.Fatalf("HLC: %d happened before %d, but %v >= %v", a, b, r.hlc[a], r.hlc[b])
				}
			}
		}
	})
}

// TestLamportConverseFails is the pair that shows that an order of Lamport
// times says nothing of what happened before what.
func TestLamportConverseFails(t *testing.T) {
	var p, q Lamport
	a := p.Tick()
	q.Tick()
	b := q.Tick()
	vp, vq := Vector{0, 0}, Vector{0, 0}
	vp.Tick(0)
	vq.Tick(1)
	vq.Tick(1)
	if !(a < b) {
		t.Fatalf("the pair is meant to be ordered by Lamport time: %d, %d", a, b)
	}
	if got := vp.Compare(vq); got != Concurrent {
		t.Fatalf("the pair is meant to be concurrent, the vectors say %v", got)
	}
}

// TestConverseFailsInRuns: neither Lamport's clocks nor hybrid ones tell
// concurrent events from ordered ones: random runs are full of pairs that have an
// order of times, and none of causes.
func TestConverseFailsInRuns(t *testing.T) {
	lamport, hybrid := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := drawRun(t)
		for a := range r.process {
			for b := range r.process {
				if a == b || r.past[b][a] || r.past[a][b] {
					continue
				}
				if r.lamport[a] < r.lamport[b] {
					lamport++
				}
				if r.hlc[a] < r.hlc[b] {
					hybrid++
				}
			}
		}
	})
	if lamport == 0 || hybrid == 0 {
		t.Errorf("%d and %d concurrent pairs were ordered", lamport, hybrid)
	}
}

// TestVectorDecides: vectors are less exactly when events happened before.
func TestVectorDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRun(t)
		for a := range r.process {
			for b := range r.process {
				want := Concurrent
				switch {
				case a == b:
					want = Equal
				case r.past[b][a]:
					want = HappenedBefore
				case r.past[a][b]:
					want = HappenedAfter
				}
				if got := r.vector[a].Compare(r.vector[b]); got != want {
					t.Fatalf("events %d %v and %d %v: got %v, want %v", a, r.vector[a], b, r.vector[b], got, want)
				}
			}
		}
	})
}

func TestVectorShorterMeansZeros(t *testing.T) {
	if got := (Vector{1}).Compare(Vector{1, 0}); got != Equal {
		t.Fatal(got)
	}
	if got := (Vector{1}).Compare(Vector{1, 2}); got != HappenedBefore {
		t.Fatal(got)
	}
}

func TestTotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 3)
		a, p, b, q := n.Draw(t, "a"), n.Draw(t, "p"), n.Draw(t, "b"), n.Draw(t, "q")
		same := a == b && p == q
		if Before(a, p, b, q) == Before(b, q, a, p) != same {
			t.Fatalf("(%d,%d) and (%d,%d) are not totally ordered", a, p, b, q)
		}
		if a < b && !Before(a, p, b, q) {
			t.Fatal("the total order contradicts the times")
		}
	})
}

// TestHLCBounds: a reading is never behind its own wall clock, and never ahead
// of the highest wall clock in its past by more than the logical counter
// (Kulkarni et al. 2014, theorem 2 and corollary 1).
func TestHLCBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRun(t)
		for e := range r.process {
			highest := r.wall[e]
			for a := range r.past[e] {
				highest = max(highest, r.wall[a])
			}
			if r.hlc[e] < At(r.wall[e]) {
				t.Fatalf("event %d: reading %v is behind its wall clock %d", e, r.hlc[e], r.wall[e])
			}
			if r.hlc[e].Millis() > highest || int(r.hlc[e].Logical()) > len(r.past[e]) {
				t.Fatalf("event %d: reading %v, but the highest clock in its past is %d", e, r.hlc[e], highest)
			}
		}
	})
}

func TestHLCRefusesSkew(t *testing.T) {
	h := HLC{Bound: 500 * time.Millisecond}
	before := h.Now(1000)
	var skew *SkewError
	if err := h.Receive(1000, At(1501)); !errors.As(err, &skew) || skew.Ahead != 501*time.Millisecond {
		t.Fatalf("got %v", err)
	}
	if h.Last() != before {
		t.Fatalf("a refused reading moved the clock to %v", h.Last())
	}
	if err := h.Receive(1000, At(1500)); err != nil {
		t.Fatalf("a reading at the bound: %v", err)
	}
	if d := h.Drift(1000); d != 500*time.Millisecond {
		t.Fatalf("drift %v", d)
	}
	if got := At(3).String(); got != "3.0" {
		t.Fatal(got)
	}
}

// TestTimestampPacking: the order of words is the order of readings, and the
// counter overflows into the milliseconds instead of going back.
func TestTimestampPacking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 1<<47)
		a, b := ms.Draw(t, "a"), ms.Draw(t, "b")
		if (a < b) != (At(a) < At(b)) || At(a).Millis() != a || At(a).Logical() != 0 {
			t.Fatalf("At(%d)=%v, At(%d)=%v", a, At(a), b, At(b))
		}
	})
	h := HLC{last: At(7) | 0xffff}
	if got := h.Now(7); got != At(8) {
		t.Fatalf("after 65536 readings in a millisecond: %v", got)
	}
}

func drawVersion(t *rapid.T, name string) Version {
	var v Version
	for range rapid.IntRange(0, 4).Draw(t, name) {
		v.Include(Dot{rapid.Uint64Range(1, 3).Draw(t, "replica"), rapid.Uint64Range(0, 3).Draw(t, "counter")})
	}
	return v
}

// TestVersionIsALattice: merging is the least upper bound, and Compare is the
// inclusion of the sets of events.
func TestVersionIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawVersion(t, "a"), drawVersion(t, "b")
		ab, ba := a.Clone(), b.Clone()
		ab.Merge(b)
		ba.Merge(a)
		if ab.String() != ba.String() || ab.Compare(ba) != Equal {
			t.Fatalf("%v and %v merge to %v and %v", a, b, ab, ba)
		}
		inA, inB := true, true // a includes all of b; b includes all of a
		for r := uint64(1); r <= 3; r++ {
			for c := uint64(1); c <= 3; c++ {
				d := Dot{r, c}
				if ab.Contains(d) != (a.Contains(d) || b.Contains(d)) {
					t.Fatalf("%v: merge of %v and %v is %v", d, a, b, ab)
				}
				inA = inA && (a.Contains(d) || !b.Contains(d))
				inB = inB && (b.Contains(d) || !a.Contains(d))
			}
		}
		if got, want := a.Compare(b), orderOf(inB && !inA, inA && !inB); inA != inB && got != want || inA && inB && got != Equal || !inA && !inB && got != Concurrent {
			t.Fatalf("%v to %v: %v", a, b, got)
		}
	})
}

func TestVersionNext(t *testing.T) {
	var v Version
	if a, b := v.Next(2), v.Next(2); a != (Dot{2, 1}) || b != (Dot{2, 2}) || !v.Contains(b) || v.Contains(Dot{2, 3}) || v.Contains(Dot{1, 1}) {
		t.Fatalf("%v %v %v", a, b, v)
	}
	c := v.Clone()
	c.Next(2)
	if v.Counter(2) != 2 || len(v.Dots()) != 1 {
		t.Fatal("a clone shares memory")
	}
}

func TestDotText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Dot{rapid.Uint64().Draw(t, "replica"), rapid.Uint64Range(1, 1<<63).Draw(t, "counter")}
		if got, err := ParseDot(d.String()); err != nil || got != d {
			t.Fatalf("%v: %v %v", d, got, err)
		}
		if e := (Dot{d.Replica, d.Counter + 1}); d.Compare(e) != -1 || e.Compare(d) != 1 || d.Compare(d) != 0 || (Dot{}).Compare(Dot{1, 0}) != -1 {
			t.Fatal("dots do not sort")
		}
	})
	for _, bad := range []string{"", "1", "1:", ":1", "1:0", "a:b", "1:2:3", "-1:2"} {
		if _, err := ParseDot(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if !(Dot{Replica: 4}).IsZero() {
		t.Error("a dot without a counter names nothing")
	}
}
