package idea

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/lab/generals"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func byzantine() idea {
	var runs int
	var seed uint64
	return idea{
		name: "byzantine", section: inFailures,
		short: "agreement though f of them lie: 3f+1 can, 3f cannot",
		long: `A commander sends an order to his lieutenants; some of them all are traitors, who
tell each what they like. The loyal lieutenants must all do the same, and what was
ordered if the commander is loyal (Lamport, Shostak and Pease, "The Byzantine
Generals Problem", 1982; oral messages, algorithm OM).

With one traitor (f=1) this tries every traitor, every order and every way to lie:
four generals always agree, and for three it shows a run in which they do not. For
two traitors it tries --runs ways to lie, drawn from --seed, with seven and with
six generals.

Parley's nodes are trusted not to lie: they crash, pause and lose messages, and
for that 2f+1 suffice. Agreement among nodes that may lie is not built.`,
		example: `  parley lab byzantine
  parley lab byzantine --runs 100000 --seed 7
  parley lab byzantine --out traitor.html`,
		flags: func(f *pflag.FlagSet) {
			f.IntVar(&runs, "runs", 20000, "ways to lie that are tried for two traitors, 1 to 10000000")
			f.Uint64Var(&seed, "seed", 1, "what those are drawn from")
		},
		run: func(_ context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			if runs < 1 || runs > 10_000_000 {
				return nil, &story.ExitError{Code: story.ExitUsage, Err: fmt.Errorf("--runs %d: give 1 to 10000000", runs)}
			}
			s.Say("General 0 commands, the others are his lieutenants. He sends each of them the order, attack or retreat; each tells every other what he heard; and each does what most told him. A traitor says what he likes, to each something else. Two conditions: all loyal lieutenants do the same (IC1); and if the commander is loyal, what he ordered (IC2).")
			four, three := generals.EveryStrategy(4), generals.EveryStrategy(3)
			s.Step("1. One traitor among four: every way to lie")
			s.Good("%d runs: each general in turn the traitor, each order, each lie. Conditions broken: %s.", four.Runs, brokenCount(four))
			s.Step("2. One traitor among three")
			if three.Broken == nil {
				return nil, fmt.Errorf("three generals agreed in all %d runs, which cannot be", three.Runs)
			}
			tellRun(s, three.Broken)
			rules, kept := generals.ThreeGenerals()
			s.Say("Perhaps another rule than the majority? Of all %d pairs of rules by which two lieutenants can decide from what they heard, %d keep both conditions. When the other says that the commander said something else, a lieutenant cannot tell which of the two lies.", rules, kept)
			s.Step("3. Two traitors: seven generals, and six")
			s.Say("Two traitors can vouch for each other's lies. So there is a round more: each also tells what the others told him that they heard, and takes the majority at every step (OM(2) of the paper; above it was OM(1)). There are too many ways to lie to try all: they are drawn.")
			rng := rand.New(rand.NewPCG(seed, seed))
			coin := func() bool { return rng.Uint64()&1 == 1 }
			seven, six := generals.Strategies(7, 2, runs, coin), generals.Strategies(6, 2, runs, coin)
			s.Good("seven: %d runs of %d messages, lies drawn from seed %d. Conditions broken: %s.", seven.Runs, seven.Messages, seed, brokenCount(seven))
			if six.Broken != nil {
				s.Bad("six: run %d breaks a condition. Traitors: %s. %s.", six.Runs, traitors(six.Broken), six.Broken.Broken())
			} else {
				s.Saw("six: none of %d runs broke a condition; draw more with --runs.", six.Runs)
			}
			s.Step("4. Why 3f+1")
			s.Say("With 3f generals, put them into three groups of f and let one group be the traitors. Each other group hears the same from two groups that contradict each other, and cannot tell which is loyal: it is the case of three. With one more, the loyal have a majority among any 2f+1 answers. With signatures, which nobody can forge, a traitor cannot change what another said, and any number of traitors can be borne.")
			s.Say("Parley does not do this: its nodes crash and fall silent, but do not lie. Then 2f+1 suffice, since a majority of answers is enough when all that answer are honest.")
			s.Next("parley lab two-generals    # when the network fails, not the generals", "parley lab partition       # a majority of honest nodes")
			return traitorPicture(three.Broken), nil
		},
	}
}

func brokenCount(o generals.Outcome) string {
	if o.Broken != nil {
		return "at least one (" + o.Broken.Broken() + ")"
	}
	return "none"
}

func traitors(r *generals.Run) string {
	var names []string
	for i, t := range r.Army.Traitor {
		if t {
			names = append(names, general(i))
		}
	}
	return strings.Join(names, " and ")
}

func general(i int) string {
	if i == 0 {
		return "the commander"
	}
	return fmt.Sprintf("lieutenant %d", i)
}

// told is a message in words.
func told(m generals.Message) string {
	from := m.Path[len(m.Path)-1]
	what := fmt.Sprintf("%q", generals.Word(m.Attack))
	if from != 0 {
		what = fmt.Sprintf("%q, he says, was %s's word", generals.Word(m.Attack), general(m.Path[len(m.Path)-2]))
	}
	return fmt.Sprintf("%s to %s: %s", general(from), general(m.To), what)
}

func tellRun(s *story.Stage, r *generals.Run) {
	s.Say("A run that breaks a condition; the traitor is %s.", traitors(r))
	for _, m := range r.Messages {
		if m.Lie {
			s.Bad("%s", told(m))
		} else {
			s.Saw("%s", told(m))
		}
	}
	s.Bad("%s.", r.Broken())
}

func traitorPicture(r *generals.Run) *spacetime.Diagram {
	d := &spacetime.Diagram{
		Logical:  true,
		Title:    fmt.Sprintf("A traitor among %d generals", r.Army.N),
		Subtitle: r.Broken(),
		Notes: []string{
			"Red: what the traitor says, and what comes of it.",
			"With one general more, the loyal would be a majority, and no lie could do this.",
		},
	}
	for i := range r.Army.N {
		name := general(i)
		if r.Army.Traitor[i] {
			name = "the traitor"
		}
		d.Lanes = append(d.Lanes, spacetime.Lane{Name: name, Kind: "node"})
	}
	const tick = int64(1e6)
	end := int64(0)
	for i, m := range r.Messages {
		from := int64(len(m.Path)-1)*3*tick + int64(i)*tick/8
		a := spacetime.Arrow{FromLane: m.Path[len(m.Path)-1], ToLane: m.To, From: from, To: from + 2*tick, Label: generals.Word(m.Attack), Detail: told(m)}
		if m.Lie {
			a.Mood = spacetime.Bad
		}
		end = max(end, a.To)
		d.Arrows = append(d.Arrows, a)
	}
	for i := 1; i < r.Army.N; i++ {
		if !r.Army.Traitor[i] {
			d.Events = append(d.Events, spacetime.Event{Lane: i, At: end + tick, Label: "does " + generals.Word(r.Attacks[i]), Mood: spacetime.Bad})
		}
	}
	return d
}
