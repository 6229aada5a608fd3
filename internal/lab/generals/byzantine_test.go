package generals

import (
	"math/rand/v2"
	"testing"
)

func TestOneTraitor(t *testing.T) {
	four := EveryStrategy(4)
	// A traitor as commander tells 3; each of 3 lieutenants tells 2, for 2 orders.
	if four.Broken != nil || four.Runs != 8+3*2*4 {
		t.Errorf("four generals: %+v", four)
	}
	for n := 5; n <= 6; n++ {
		if o := EveryStrategy(n); o.Broken != nil || o.Runs != n<<(n-1) {
			t.Errorf("%d generals: %+v", n, o)
		}
	}
	three := EveryStrategy(3)
	if three.Broken == nil {
		t.Fatal("three generals agree with a traitor among them")
	}
	checkBroken(t, three)
}

// checkBroken replays the lies of a counterexample.
func checkBroken(t *testing.T, o Outcome) {
	t.Helper()
	r := o.Broken
	var lies []bool
	for _, m := range r.Messages {
		if m.Lie {
			lies = append(lies, m.Attack)
		}
	}
	again := Oral(o.Traitors, r.Army, r.Order, func(Message) bool {
		l := lies[0]
		lies = lies[1:]
		return l
	})
	if again.Broken() == "" || again.Broken() != r.Broken() {
		t.Errorf("replayed: %q, was %q", again.Broken(), r.Broken())
	}
}

func TestTwoTraitors(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	coin := func() bool { return rng.Uint64()&1 == 1 }
	if o := Strategies(7, 2, 2000, coin); o.Broken != nil || o.Runs != 2000 {
		t.Errorf("seven generals: %+v", o)
	}
	o := Strategies(6, 2, 2000, coin)
	if o.Broken == nil {
		t.Fatal("six generals agree with two traitors among them")
	}
	checkBroken(t, o)
}

func TestThreeGenerals(t *testing.T) {
	if rules, kept := ThreeGenerals(); rules != 256 || kept != 0 {
		t.Errorf("%d of %d", kept, rules)
	}
}

// Without traitors all do as ordered, with any number of rounds.
func TestLoyal(t *testing.T) {
	for n := 2; n <= 5; n++ {
		for m := range 3 {
			for _, order := range []bool{true, false} {
				if r := Oral(m, Army{N: n, Traitor: make([]bool, n)}, order, nil); r.Broken() != "" || r.Lies != 0 {
					t.Errorf("%d generals, OM(%d): %s", n, m, r.Broken())
				}
			}
		}
	}
}

func TestMessages(t *testing.T) {
	// OM(1): n-1 orders, and each of n-1 lieutenants tells n-2 others.
	if r := Oral(1, Army{N: 4, Traitor: make([]bool, 4)}, true, nil); len(r.Messages) != 3+3*2 {
		t.Errorf("%d messages", len(r.Messages))
	}
	if r := Oral(2, Army{N: 7, Traitor: make([]bool, 7)}, true, nil); len(r.Messages) != 6+6*5+6*5*4 {
		t.Errorf("%d messages", len(r.Messages))
	}
}
