package generals

import "fmt"

// Army is a commander, who is general 0, and his lieutenants, some of all being
// traitors.
type Army struct {
	N       int
	Traitor []bool // by general
}

// Message is one oral message of a run. Path is the way of the order: it begins
// with the commander, and its last general is the sender.
type Message struct {
	Path   []int
	To     int
	Attack bool
	Lie    bool // said by a traitor; it may be true all the same
}

// Lie says what a traitor tells, each time he has to tell something. The
// question comes in an order that depends on the army alone.
type Lie func(m Message) (attack bool)

// Run is what came of one order.
type Run struct {
	Army     Army
	Order    bool // what the commander, if loyal, ordered
	Attacks  []bool
	Messages []Message
	Lies     int
}

// Oral runs OM(m), the algorithm of section 3 of the paper: the commander sends
// his order to every lieutenant, and each passes on to all others what he has
// heard by OM(m-1); then each does what the majority told him, himself
// included. No majority means retreat.
func Oral(m int, army Army, order bool, lie Lie) *Run {
	r := &Run{Army: army, Order: order}
	others := make([]int, 0, army.N-1)
	for i := 1; i < army.N; i++ {
		others = append(others, i)
	}
	r.Attacks = r.oral(m, []int{0}, order, others, lie)
	return r
}

// oral is OM(m) with the last general of the path as commander. It gives what
// each of the others takes his order to be.
func (r *Run) oral(m int, path []int, order bool, others []int, lie Lie) []bool {
	heard := make([]bool, r.Army.N)
	for _, to := range others {
		heard[to] = r.send(path, to, order, lie)
	}
	if m == 0 {
		return heard
	}
	votes := make([]int, r.Army.N) // for attack less those against
	count := func(i int, attack bool) {
		if attack {
			votes[i]++
		} else {
			votes[i]--
		}
	}
	for _, i := range others {
		count(i, heard[i])
	}
	for _, by := range others {
		var rest []int
		for _, i := range others {
			if i != by {
				rest = append(rest, i)
			}
		}
		told := r.oral(m-1, append(append([]int(nil), path...), by), heard[by], rest, lie)
		for _, i := range rest {
			count(i, told[i])
		}
	}
	decided := make([]bool, r.Army.N)
	for _, i := range others {
		decided[i] = votes[i] > 0
	}
	return decided
}

func (r *Run) send(path []int, to int, order bool, lie Lie) bool {
	msg := Message{Path: path, To: to, Attack: order}
	if r.Army.Traitor[path[len(path)-1]] {
		r.Lies++
		msg.Lie = true
		msg.Attack = lie(msg)
	}
	r.Messages = append(r.Messages, msg)
	return msg.Attack
}

// Broken says which of the paper's two conditions a run breaks, "" for none.
// IC1: all loyal lieutenants do the same. IC2: if the commander is loyal, they
// do what he ordered.
func (r *Run) Broken() string {
	loyal := -1
	for i := 1; i < r.Army.N; i++ {
		switch {
		case r.Army.Traitor[i]:
		case !r.Army.Traitor[0] && r.Attacks[i] != r.Order:
			return fmt.Sprintf("IC2: the loyal commander ordered %s, and loyal lieutenant %d does %s", Word(r.Order), i, Word(r.Attacks[i]))
		case loyal >= 0 && r.Attacks[i] != r.Attacks[loyal]:
			return fmt.Sprintf("IC1: loyal lieutenant %d does %s, and loyal lieutenant %d does %s", loyal, Word(r.Attacks[loyal]), i, Word(r.Attacks[i]))
		default:
			loyal = i
		}
	}
	return ""
}

// Word is an order as it is told.
func Word(attack bool) string {
	if attack {
		return "attack"
	}
	return "retreat"
}

// Outcome is what trying strategies of traitors found.
type Outcome struct {
	N, Traitors int
	Runs        int
	Messages    int  // of one run
	Broken      *Run // the first run that breaks a condition, nil if none did
}

// EveryStrategy tries, for n generals of whom one is a traitor, every traitor,
// every order, and every way to lie, in OM(1). It stops at the first run that
// breaks a condition.
func EveryStrategy(n int) Outcome {
	o := Outcome{N: n, Traitors: 1}
	for traitor := range n {
		army := Army{N: n, Traitor: make([]bool, n)}
		army.Traitor[traitor] = true
		for _, order := range []bool{true, false} {
			if traitor == 0 && !order {
				continue // a traitor's order means nothing
			}
			lies := Oral(1, army, order, func(Message) bool { return false }).Lies
			for bits := range uint64(1) << lies {
				next := bits
				r := Oral(1, army, order, func(Message) bool {
					attack := next&1 == 1
					next >>= 1
					return attack
				})
				o.Runs++
				o.Messages = len(r.Messages)
				if r.Broken() != "" {
					o.Broken = r
					return o
				}
			}
		}
	}
	return o
}

// Strategies tries runs of OM(f) with n generals, of whom f are traitors, every
// choice of traitors in turn, and lies as coin says. It stops at the first run
// that breaks a condition.
func Strategies(n, f, runs int, coin func() bool) Outcome {
	o := Outcome{N: n, Traitors: f}
	for set := uint32(0); o.Runs < runs; set = (set + 1) & (1<<n - 1) {
		army := Army{N: n, Traitor: make([]bool, n)}
		traitors := 0
		for i := range n {
			if set>>i&1 == 1 {
				army.Traitor[i] = true
				traitors++
			}
		}
		if traitors != f {
			continue
		}
		r := Oral(f, army, coin(), func(Message) bool { return coin() })
		o.Runs++
		o.Messages = len(r.Messages)
		if r.Broken() != "" {
			o.Broken = r
			break
		}
	}
	return o
}

// ThreeGenerals tries every way in which two lieutenants could decide from what
// they hear: the commander's word, and what the other says it was. It gives how
// many pairs of rules there are, and how many keep both conditions whoever is
// the traitor and however he lies. (The paper's proof covers any number of
// rounds; this is one.)
func ThreeGenerals() (rules, kept int) {
	const rows = 4 // what a lieutenant can hear: two words
	for one := range uint(1) << rows {
		for two := range uint(1) << rows {
			rules++
			if threeKeep(one, two) {
				kept++
			}
		}
	}
	return rules, kept
}

// threeKeep says whether two rules keep both conditions. A rule has a bit for
// each pair heard, first the commander's word, then the other's.
func threeKeep(one, two uint) bool {
	for a := range uint(2) {
		for b := range uint(2) {
			// The commander is a traitor and says a to one, b to the other.
			if one>>(2*a+b)&1 != two>>(2*b+a)&1 {
				return false
			}
			// He is loyal and ordered a; the other lieutenant says b.
			if one>>(2*a+b)&1 != a || two>>(2*a+b)&1 != a {
				return false
			}
		}
	}
	return true
}
