package idea

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func partition() idea {
	var port int
	return idea{
		name: "partition", section: inCAP,
		short: "a keyspace cut in two: who answers what, how fast, by level",
		long: `While a network is cut, a part of a database can answer and perhaps be wrong, or be
right and perhaps not answer (Brewer 2000; Gilbert and Lynch 2002). This cuts one
node of three off a strong keyspace and asks both sides at every level. The
majority goes on. The minority refuses what it cannot know to be right, within the
deadline, and serves the weak reads that are asked for by name.

So CP or AP is not a property of the whole database here, but what each read asks
for. Writes are CP in a strong keyspace; keyspaces in which both sides write are
not built yet.`,
		example: "  parley lab partition\n  parley lab partition --out partition.html",
		flags:   func(f *pflag.FlagSet) { portFlag(f, &port) },
		run: func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			c, err := start(ctx, s, port)
			if err != nil {
				return nil, err
			}
			defer c.close()
			s.Step("Cut")
			s.Say("city=old is on all three nodes. Then n3 is cut off, and a client at n1 writes city=new.")
			f, err := askBothSides(ctx, c)
			if err != nil {
				return nil, err
			}
			tellPartition(s, f)
			return partitionPicture(f), nil
		},
	}
}

// deadlineMillis is until when the calls of the idea must be answered.
const deadlineMillis = 1000

// call is one call of a story and what came of it.
type call struct {
	side, what string
	answer     answer
	at         time.Duration // since the cut
}

// partitionFound is what both sides answered. Rows of the sides correspond.
type partitionFound struct {
	majority, minority []call
	healed             answer // a linearizable read at n3 afterwards
	until              time.Duration
}

// questions are asked on both sides. What takes to the deadline in a minority
// comes first, so that its copy is certainly older than the bound when that is
// asked for.
func questions(side string) [][2]string {
	return [][2]string{
		{"write", "SET from-" + side + " 1"},
		{"linearizable", "GET city"},
		{"session that saw new", "AT session GET city"},
		{"bounded:1s", "AT bounded:1s GET city"},
		{"eventual", "AT eventual GET city"},
	}
}

func askBothSides(ctx context.Context, c *cluster) (f partitionFound, err error) {
	conns, err := c.dialAll(ctx, 0, 2)
	if err != nil {
		return f, err
	}
	n1, n3 := conns[0], conns[1]
	if err := n1.call("SET city old").failed(); err != nil {
		return f, err
	}
	if err := c.caughtUp(ctx); err != nil {
		return f, err
	}
	if err := c.fault(ctx, dev.Fault{Op: "isolate", Nodes: []string{"n3"}}); err != nil {
		return f, err
	}
	cut := time.Now()
	if _, err := c.leader(ctx, 0, 1); err != nil {
		return f, err
	}
	// At first n3 may believe that a leader hears it.
	if err := await(ctx, "n3 to see that it is alone", func() bool { return c.leaderSeenBy(ctx, 2) < 0 }); err != nil {
		return f, err
	}
	if err := n1.call("SET city new").failed(); err != nil {
		return f, err
	}
	token := n1.call("SESSION TOKEN")
	for _, k := range conns {
		if err := k.call("CLIENT DEADLINE %d", deadlineMillis).failed(); err != nil {
			return f, err
		}
		if err := k.do("SESSION", "RESUME", token.text()).failed(); err != nil {
			return f, err
		}
	}
	f.majority, f.minority = ask(n1, "n1", cut), ask(n3, "n3", cut)
	f.until = time.Since(cut)
	if err := c.fault(ctx, dev.Fault{Op: "heal"}); err != nil {
		return f, err
	}
	if _, err := c.leader(ctx, 0, 1, 2); err != nil {
		return f, err
	}
	f.healed = n3.call("GET city")
	return f, f.healed.failed()
}

// ask puts all questions of one side, one after the other.
func ask(k *conn, side string, since time.Time) (calls []call) {
	for _, q := range questions(side) {
		at := time.Since(since)
		calls = append(calls, call{side: side, what: q[0], answer: k.call("%s", q[1]), at: at})
	}
	return calls
}

func tellPartition(s *story.Stage, f partitionFound) {
	s.Step("Who answers what (deadline %d ms)", deadlineMillis)
	rows := [][]string{{"asked for", "at n1, of two", "", "at n3, alone", ""}}
	for i := range f.majority {
		a, b := f.majority[i], f.minority[i]
		rows = append(rows, []string{a.what, outcome(a.answer), short(a.answer.took), outcome(b.answer), short(b.answer.took)})
	}
	s.Table(rows...)
	s.Step("Why")
	s.Say("n1 and n2 are a majority: they elect a leader if they must, and every level works. n3 cannot know what they have agreed on.")
	s.Say("A write or a linearizable read at n3 would need them, so it is refused at the deadline: -UNAVAILABLE means that certainly nothing happened. The session has seen city=new, which n3 has not, so it gets no older answer. A bound of 1 s cannot be kept by a copy that is older: -TOOSTALE. An eventual read asks for any state that once was, and gets it at once: %s.", outcome(f.minority[len(f.minority)-1].answer))
	s.Step("Healed")
	s.Good("n3 has caught up and answers %s again, %s.", outcome(f.healed), short(f.healed.took))
	s.Say("In the words of CAP: this keyspace is CP, and a reader may ask for AP by name. PACELC's other half, latency when nothing is broken, is the time column: the weaker the level, the less it waits for others.")
	s.Next("parley lab sessions        # the levels between, read by read", "parley lab remote-call", "less docs/consistency.md   # what each level promises")
}

// outcome is an answer in one word.
func outcome(a answer) string {
	if code := a.code(); code != "" {
		return "-" + code
	}
	return a.text()
}

// short is a time that can be compared at a glance.
func short(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// tenths rounds to tenths of a millisecond, for an axis that can be read.
func tenths(d time.Duration) int64 { return d.Round(100 * time.Microsecond).Nanoseconds() }

func partitionPicture(f partitionFound) *spacetime.Diagram {
	d := &spacetime.Diagram{
		Title:    "A strong keyspace cut in two",
		Subtitle: "The same questions to both sides, one side after the other; times as measured",
		Lanes:    []spacetime.Lane{{Name: "at n1, of two", Kind: "client"}, {Name: "at n3, alone", Kind: "client"}},
		Bands:    []spacetime.Band{{From: 0, To: tenths(f.until), Label: "n3 is cut off", Mood: spacetime.Bad}},
		Notes:    []string{"Refused at the deadline means that certainly nothing happened.", "Only the eventual read at n3 is answered, with what was true before the cut."},
	}
	for lane, calls := range [][]call{f.majority, f.minority} {
		for _, k := range calls {
			mood := spacetime.Good
			if k.answer.code() != "" {
				mood = spacetime.Bad
			}
			d.Spans = append(d.Spans, spacetime.Span{
				Lane: lane, From: tenths(k.at), To: tenths(k.at + k.answer.took), Mood: mood,
				Label: k.what + ": " + outcome(k.answer), Detail: fmt.Sprintf("%s at %s: %s, %s", k.what, k.side, k.answer.text(), short(k.answer.took)),
			})
		}
	}
	return d
}
