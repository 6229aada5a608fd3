package idea

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/lab/generals"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func twoGenerals() idea {
	var messages int
	return idea{
		name: "two-generals", section: inFailures,
		short: "no number of messages makes two agree for certain",
		long: `Two generals must attack together, and talk only by messengers who may be
caught. No protocol with a finite number of messages makes them agree for
certain (Akkoyunlu, Ekanadham and Huber 1975; Gray 1978).

This tries all of them, up to --messages: every choice of who sends each message,
every pattern of losses, and, by following who can tell which patterns apart,
every rule by which they could decide. It then weighs how likely it is that one
attacks alone, and gives the proof for any number.

It is why a caller whose call timed out cannot know what came of it, and why
adding a confirmation moves the doubt and does not end it.`,
		example: `  parley lab two-generals
  parley lab two-generals --messages 10
  parley lab two-generals --out generals.svg`,
		flags: func(f *pflag.FlagSet) {
			f.IntVar(&messages, "messages", 8, fmt.Sprintf("try protocols of up to this many messages, 1 to %d", generals.MaxMessages))
		},
		run: func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			if messages < 1 || messages > generals.MaxMessages {
				return nil, &story.ExitError{Code: story.ExitUsage, Err: fmt.Errorf("--messages %d: give 1 to %d: each one more takes four times as long", messages, generals.MaxMessages)}
			}
			s.Say("Generals A and B win if both attack, and are beaten if one attacks alone. Only A knows the order. Each message is carried by a messenger who may be caught, and nobody learns of that. Two promises: if every message arrives both attack, and B does not attack if he has heard nothing.")
			if err := tellTried(ctx, s, messages); err != nil {
				return nil, err
			}
			tellChain(s)
			tellLikely(s, messages)
			tellProof(s)
			s.Next("parley lab remote-call     # what to do about it", "parley lab byzantine       # when the generals lie, not the network")
			return chainPicture(pictured), nil
		},
	}
}

func tellTried(ctx context.Context, s *story.Stage, messages int) error {
	s.Step("1. Try every protocol")
	rows := [][]string{{"messages", "protocols", "loss patterns", "can always agree"}}
	for n := 1; n <= messages; n++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r := generals.TryAll(n)
		rows = append(rows, []string{fmt.Sprint(n), fmt.Sprint(r.Protocols), fmt.Sprint(r.Patterns), fmt.Sprint(r.Agree)})
	}
	s.Table(rows...)
	s.Say("A protocol here is a choice of who sends each message; every message carries all that its sender knows, so no other content could tell more. The last column counts the protocols with any rule for deciding, however clever, that agrees under every loss pattern.")
	return nil
}

// pictured is how many messages the told example has.
const pictured = 4

func tellChain(s *story.Stage) {
	s.Step("2. Why: a chain of doubt, for order and confirmations (%d messages)", pictured)
	p := generals.Alternating(pictured)
	for i, step := range p.Views().Chain() {
		who, because := "both attack", "by promise"
		if i > 0 {
			who = "both attack"
			because = fmt.Sprintf("%s cannot tell from the line above", blind(step))
		}
		if i == pictured {
			who = "but B may not"
		}
		s.Line("  %s   %s: %s", losses(p, step.Loss), because, who)
	}
	s.Say("Read it downwards: an arrow is a message that arrives, an x one that is lost. If they agreed under every pattern, then whoever cannot tell two lines apart does the same in both, and the other with him. So the attack at the top would reach the bottom, where B has heard of no order and must not. Somewhere on the way one attacks alone.")
}

// blind is the general who cannot tell a step of a chain from the one before.
func blind(s generals.Step) string {
	if s.SameForA {
		return "A"
	}
	return "B"
}

// losses shows what became of each message.
func losses(p generals.Protocol, l generals.Loss) (text string) {
	for i := range p.N {
		if i > 0 {
			text += " "
		}
		switch {
		case !l.Arrived(i):
			text += " x "
		case p.Sent(i):
			text += "A>B"
		default:
			text += "B>A"
		}
	}
	return text
}

func tellLikely(s *story.Stage, messages int) {
	s.Step("3. How likely is it that one attacks alone?")
	const loss = 0.1
	rows := [][]string{{"messages", "confirmations", "both attack", "copies of the order", "both attack"}}
	for n := 1; n <= messages; n++ {
		table, rule := generals.Confirmed(n)
		c := table.Likely(rule, loss)
		table, rule = generals.Copies(n)
		k := table.Likely(rule, loss)
		rows = append(rows, []string{fmt.Sprint(n), percent(c.Alone), percent(c.Both), percent(k.Alone), percent(k.Both)})
	}
	s.Say("When each message is lost in one case of ten, by two protocols: confirming each message, and attacking only if all came; or sending the order again and again.")
	s.Table(rows...)
	s.Say("Copies make it as unlikely as you pay for, and no protocol does better at this loss: every pattern is at least as likely as that all are lost, and some pattern fails. It is never 0. Confirming buys doubt: the more must come, the more rarely they attack at all.")
}

// percent is exact for the numbers here, which have few digits.
func percent(p float64) string {
	return strconv.FormatFloat(math.Round(p*1e13)/1e11, 'f', -1, 64) + "%"
}

func tellProof(s *story.Stage) {
	s.Step("4. The proof, for any number of messages")
	s.Say("Suppose that some protocol always agrees. Of all runs in which both attack, take one in which the fewest messages arrive, and lose the last of these. Its sender cannot tell, so he attacks as before. They always agree, so its receiver attacks too. But in this run fewer messages arrive: a contradiction, unless none arrived. And where none arrives, B has heard nothing, and does not attack. So there is no such protocol.")
	s.Say("What helps in practice is to give up on certainty at a fixed time: repeat until it is done, make repeating harmless (ids), and ask a majority what came of it. That is ONCE and OUTCOME.")
}

// chainPicture draws the patterns of a chain side by side, decided by the rule
// that attacks if everything came.
func chainPicture(n int) *spacetime.Diagram {
	table, rule := generals.Confirmed(n)
	p := table.Protocol
	d := &spacetime.Diagram{
		Logical:  true,
		Title:    "Two generals",
		Subtitle: fmt.Sprintf("An order and its confirmations, %d messages; each attacks if all came that he can hope for", n),
		Lanes:    []spacetime.Lane{{Name: "A", Kind: "node"}, {Name: "B", Kind: "node"}},
	}
	const tick = int64(1e6)
	scene := int64(n+3) * tick
	for i, step := range table.Chain() {
		begin := int64(i) * scene
		for m := range n {
			a := spacetime.Arrow{FromLane: 1, ToLane: 0, Lost: !step.Loss.Arrived(m)}
			if p.Sent(m) {
				a.FromLane, a.ToLane = 0, 1
			}
			a.From = begin + int64(m)*tick
			a.To = a.From + tick
			if a.Lost {
				a.Mood = spacetime.Faint
			}
			d.Arrows = append(d.Arrows, a)
		}
		a, b := rule(table.A[step.Loss]), rule(table.B[step.Loss])
		mood := spacetime.Good
		if a != b {
			mood = spacetime.Bad
		}
		for lane, attacks := range []bool{a, b} {
			d.Events = append(d.Events, spacetime.Event{Lane: lane, At: begin + int64(n)*tick, Label: doing(attacks), Mood: mood})
		}
		label := "everything arrives"
		if i > 0 {
			label = fmt.Sprintf("%s cannot tell", blind(step))
		}
		d.Bands = append(d.Bands, spacetime.Band{From: begin - tick/2, To: begin + int64(n)*tick + tick, Label: label, Mood: spacetime.Faint})
	}
	d.Notes = []string{
		"From each picture to the next, one general knows the same as before, so he must do the same.",
		"Both attack in the first; B knows nothing in the last. Somewhere between, for this rule where it is red, one attacks alone.",
		"Every rule and every protocol has such a place.",
	}
	return d
}

func doing(attacks bool) string {
	if attacks {
		return "attacks"
	}
	return "waits"
}
