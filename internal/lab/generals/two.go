package generals

import "math"

// MaxMessages bounds the exhaustive searches: their work grows as 4 to the
// number of messages.
const MaxMessages = 12

// Protocol is who sends each of N messages, one after the other: bit i of FromA
// says that A sends message i to B, else B sends it to A.
//
// Nothing else is fixed, and so every deterministic protocol of N messages is
// covered. Let each message carry all that its sender knows, and be sent
// always. What a general of any other protocol with these senders knows is then
// a function of what he knows here: a message that the other protocol would not
// send, or sends with less in it, is one that he can work out from this one.
// A protocol is then only a rule that says, for each thing a general may know
// in the end (a View), whether he attacks.
type Protocol struct {
	N     int
	FromA uint32
}

// Alternating is the protocol of confirmations: A's order, B's confirmation,
// A's confirmation of that, and so on.
func Alternating(n int) Protocol { return Protocol{N: n, FromA: 0x55555555 & (1<<n - 1)} }

// Loss is what became of the messages: bit i says that message i arrived.
type Loss uint32

// All is the loss pattern in which every message arrives.
func (p Protocol) All() Loss { return 1<<p.N - 1 }

// Arrived says whether message i arrived.
func (l Loss) Arrived(i int) bool { return l>>i&1 == 1 }

// Sent says whether message i goes from A to B.
func (p Protocol) Sent(i int) (fromA bool) { return p.FromA>>i&1 == 1 }

// View is what a general knows in the end: which messages reached him, with all
// that their senders knew. Equal views of one Table cannot be told apart.
type View int

// Table holds the views of both generals for every loss pattern.
type Table struct {
	Protocol Protocol
	A, B     []View // by Loss
	Views    int    // how many different ones there are
}

// seen is a view as it grows: what was known before, and what the latest
// message to come, or not to come, told.
type seen struct {
	before View
	told   View // the sender's view, or nothing
}

const nothing View = -1

// Views works out what both generals know under every loss pattern.
func (p Protocol) Views() *Table {
	t := &Table{Protocol: p, A: make([]View, 1<<p.N), B: make([]View, 1<<p.N), Views: 2}
	known := map[seen]View{}
	learn := func(s seen) View {
		v, ok := known[s]
		if !ok {
			v = View(t.Views)
			t.Views++
			known[s] = v
		}
		return v
	}
	var grow func(i int, l Loss, a, b View)
	grow = func(i int, l Loss, a, b View) {
		if i == p.N {
			t.A[l], t.B[l] = a, b
			return
		}
		if p.Sent(i) {
			grow(i+1, l, a, learn(seen{b, nothing}))
			grow(i+1, l|1<<i, a, learn(seen{b, a}))
			return
		}
		grow(i+1, l, learn(seen{a, nothing}), b)
		grow(i+1, l|1<<i, learn(seen{a, b}), b)
	}
	grow(0, 0, 0, 1) // at first A knows the order, and B does not
	return t
}

// Rule says, for each view, whether its general attacks.
type Rule func(View) bool

// Valid says whether a rule keeps the two promises without which agreement is
// no art: when everything arrives both attack; and B, who has heard nothing,
// does not (for all he knows there is no order).
func (t *Table) Valid(attacks Rule) bool {
	all := t.Protocol.All()
	return attacks(t.A[all]) && attacks(t.B[all]) && !attacks(t.B[0])
}

// Disagree finds a loss pattern under which one attacks alone.
func (t *Table) Disagree(attacks Rule) (Loss, bool) {
	for l := t.Protocol.All(); ; l-- {
		if attacks(t.A[l]) != attacks(t.B[l]) {
			return l, true
		}
		if l == 0 {
			return 0, false
		}
	}
}

// Step is one link of a Chain: under this loss, one general (A if SameForA,
// else B) knows what he knows under the loss before it.
type Step struct {
	Loss     Loss
	SameForA bool
}

// Chain leads from the pattern in which everything arrives to one in which B
// hears nothing, such that at each step one general cannot tell the difference.
// If the two agreed under every pattern, then by each step they would do the
// same as before it; but at the start both attack, and at the end B does not.
// So where there is a chain, every valid rule disagrees under a pattern of it.
// It is the shortest one, nil if there is none. The first step is the start.
func (t *Table) Chain() []Step {
	with := make([][]Loss, t.Views) // the patterns of each view
	for l := range t.A {
		with[t.A[l]] = append(with[t.A[l]], Loss(l))
		with[t.B[l]] = append(with[t.B[l]], Loss(l))
	}
	start := t.Protocol.All()
	from := map[Loss]Step{start: {Loss: start}}
	tried := make([]bool, t.Views)
	for queue := []Loss{start}; len(queue) > 0; queue = queue[1:] {
		l := queue[0]
		if t.B[l] == t.B[0] {
			return t.path(from, l)
		}
		for _, v := range []View{t.A[l], t.B[l]} {
			if tried[v] {
				continue
			}
			tried[v] = true
			for _, next := range with[v] {
				if _, ok := from[next]; !ok {
					from[next] = Step{Loss: l, SameForA: v == t.A[l]}
					queue = append(queue, next)
				}
			}
		}
	}
	return nil
}

// path reads a chain back from its end. from holds, by pattern, the one before
// it and who cannot tell the two apart.
func (t *Table) path(from map[Loss]Step, l Loss) []Step {
	var back []Step
	for l != t.Protocol.All() {
		back = append(back, Step{Loss: l, SameForA: from[l].SameForA})
		l = from[l].Loss
	}
	chain := []Step{{Loss: l}}
	for i := len(back) - 1; i >= 0; i-- {
		chain = append(chain, back[i])
	}
	return chain
}

// Tried is what trying every protocol of N messages found.
type Tried struct {
	N         int
	Protocols int // ways to choose the senders
	Patterns  int // loss patterns, over all protocols
	Agree     int // protocols for which some rule always agrees
}

// TryAll tries every protocol of n messages against every loss pattern.
func TryAll(n int) Tried {
	r := Tried{N: n, Protocols: 1 << n, Patterns: 1 << (2 * n)}
	for from := range uint32(1) << n {
		if (Protocol{N: n, FromA: from}).Views().Chain() == nil {
			r.Agree++
		}
	}
	return r
}

// Likely is how likely each end is, when each message is lost by itself with
// the same probability.
type Likely struct {
	Both, Neither, Alone float64
}

// Likely weighs every loss pattern.
func (t *Table) Likely(attacks Rule, loss float64) (r Likely) {
	for l := range t.A {
		arrived := 0
		for i := range t.Protocol.N {
			if Loss(l).Arrived(i) {
				arrived++
			}
		}
		p := math.Pow(1-loss, float64(arrived)) * math.Pow(loss, float64(t.Protocol.N-arrived))
		switch a, b := attacks(t.A[l]), attacks(t.B[l]); {
		case a && b:
			r.Both += p
		case a || b:
			r.Alone += p
		default:
			r.Neither += p
		}
	}
	return r
}

// Copies is the protocol in which A sends its order n times, with the rule that
// A attacks anyway, and B if one of them came. For messages that are lost in at
// most half of the cases no protocol is less likely to disagree: each pattern
// is as likely as loss^n at least, and some pattern disagrees.
func Copies(n int) (*Table, Rule) {
	t := (Protocol{N: n, FromA: 1<<n - 1}).Views()
	return t, func(v View) bool { return v != t.B[0] }
}

// Confirmed is Alternating with the rule that each attacks if all messages up
// to the last one that he expects have come, and were sent in answer to one
// that had come.
func Confirmed(n int) (*Table, Rule) {
	t := Alternating(n).Views()
	attacks := map[View]bool{}
	all := t.Protocol.All()
	attacks[t.A[all]], attacks[t.B[all]] = true, true
	return t, func(v View) bool { return attacks[v] }
}
