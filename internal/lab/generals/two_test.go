package generals

import (
	"math"
	"testing"
)

// For every choice of senders there is a chain, so no rule agrees everywhere.
func TestEveryProtocolDisagrees(t *testing.T) {
	for n := 1; n <= 7; n++ {
		r := TryAll(n)
		if r.Agree != 0 || r.Protocols != 1<<n || r.Patterns != 1<<(2*n) {
			t.Errorf("%d messages: %+v", n, r)
		}
	}
}

// The stupid twin of Chain: try every rule there is, one by one.
func TestEveryRuleDisagrees(t *testing.T) {
	valid := 0
	for n := 1; n <= 3; n++ {
		for from := range uint32(1) << n {
			table := (Protocol{N: n, FromA: from}).Views()
			for bits := range uint64(1) << table.Views {
				rule := func(v View) bool { return bits>>v&1 == 1 }
				if !table.Valid(rule) {
					continue
				}
				valid++
				l, found := table.Disagree(rule)
				if !found || rule(table.A[l]) == rule(table.B[l]) {
					t.Fatalf("%d messages, senders %b, rule %b: %v, %v", n, from, bits, l, found)
				}
			}
		}
	}
	if valid < 1000 {
		t.Errorf("only %d valid rules were tried", valid)
	}
}

// A chain is what it says: its links share the view that they name, and it goes
// from everything to nothing.
func TestChain(t *testing.T) {
	for n := 1; n <= 6; n++ {
		for from := range uint32(1) << n {
			table := (Protocol{N: n, FromA: from}).Views()
			chain := table.Chain()
			if chain[0].Loss != table.Protocol.All() || table.B[chain[len(chain)-1].Loss] != table.B[0] {
				t.Fatalf("ends of %v", chain)
			}
			for i, s := range chain[1:] {
				views := table.B
				if s.SameForA {
					views = table.A
				}
				if views[s.Loss] != views[chain[i].Loss] {
					t.Fatalf("step %d of %v", i+1, chain)
				}
			}
		}
	}
	// With confirmations the chain loses one more message at each step.
	if got := len(Alternating(5).Views().Chain()); got != 6 {
		t.Errorf("the chain of five confirmations has %d patterns", got)
	}
}

// Were there nothing to agree on without loss, a rule could agree: the promises
// of Valid are what makes it hard.
func TestWithoutPromisesItIsEasy(t *testing.T) {
	table := Alternating(4).Views()
	if l, found := table.Disagree(func(View) bool { return false }); found {
		t.Errorf("two who never attack disagree at %b", l)
	}
}

func TestViewsKnowOnlyWhatArrived(t *testing.T) {
	table := Alternating(3).Views()
	// The loss of the last message is news to its receiver alone.
	if table.A[0b111] != table.A[0b011] || table.B[0b111] == table.B[0b011] {
		t.Error("the sender of the last message can tell that it is lost, or the receiver cannot")
	}
	// A confirmation tells whether the order had come.
	if table.A[0b011] == table.A[0b010] {
		t.Error("A cannot tell a confirmation of the order from one of nothing")
	}
}

func TestLikely(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for _, loss := range []float64{0.01, 0.1, 0.5} {
			table, rule := Copies(n)
			got := table.Likely(rule, loss)
			if !table.Valid(rule) || math.Abs(got.Alone-math.Pow(loss, float64(n))) > 1e-12 || math.Abs(got.Both+got.Neither+got.Alone-1) > 1e-12 {
				t.Errorf("%d copies at %v: %+v", n, loss, got)
			}
			table, rule = Confirmed(n)
			got = table.Likely(rule, loss)
			if !table.Valid(rule) || got.Alone < math.Pow(loss, float64(n))-1e-12 {
				t.Errorf("%d confirmations at %v: %+v", n, loss, got)
			}
		}
	}
}
