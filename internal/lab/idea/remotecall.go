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

func remoteCall() idea {
	var port int
	return idea{
		name: "remote-call", section: inFailures,
		short: "four ways to get no answer, and the caller cannot tell which",
		long: `A call over a network ends in an answer or in none, and none can have four causes:
the request never arrived; it arrived and the server died before doing it; it was
done and the answer was lost; or all is well and merely slow. This makes each of
them on a cluster of real processes, and shows what the caller knows, and what in
truth has happened.

Then it settles them. ONCE <id> <command> can be repeated, at any node: it is done
once. OUTCOME <id> <key> asks what came of it; its answer "never" is made true,
also for a request that is still on its way.`,
		example: "  parley lab remote-call\n  parley lab remote-call --out call.html",
		flags:   func(f *pflag.FlagSet) { portFlag(f, &port) },
		run: func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			s.Say("A caller sends INCR to n1, and waits %v. Its network is ours to break.", callerPatience)
			c, err := start(ctx, s, port)
			if err != nil {
				return nil, err
			}
			defer c.close()
			found, err := fourWays(ctx, s, c)
			if err != nil {
				return nil, err
			}
			tellFourWays(s, found)
			return fourWaysPicture(found), nil
		},
	}
}

// callerPatience is how long the caller waits for an answer.
const callerPatience = 300 * time.Millisecond

// way is one way in which a call can end without an answer.
type way struct {
	name, does string
	wire       wire
	dies       bool // the server dies with the request before it
	done       bool // the truth when the caller gives up
}

func ways() []*way {
	return []*way{
		{name: "never arrived", does: "The request is lost on its way.", wire: wire{loseRequests: true}},
		{name: "died before doing it", does: "n1 is frozen, the request reaches its machine, and then n1 is killed.", dies: true},
		{name: "done, answer lost", does: "n1 does it, and the answer is lost on its way back.", wire: wire{loseAnswers: true}, done: true},
		{name: "merely slow", does: "The request is on a slow road, and will arrive after the caller gave up.", wire: wire{holdRequests: true}},
	}
}

// callFound is what one way came to. In each, two commands are sent at once,
// each with an id: the first is repeated, the second asked about.
type callFound struct {
	way      *way
	caller   string // what the caller saw
	done     bool   // the truth then
	again    string // the answer to the first, sent again
	repeated string // the first counter in the end
	outcome  string // the answer of OUTCOME for the second
	asked    string // the second counter in the end
	late     string // what the late request was answered, if it came late
}

// fourWays makes each way in turn and settles it through n2.
func fourWays(ctx context.Context, s *story.Stage, c *cluster) (found []callFound, err error) {
	n2, err := c.dial(ctx, 1)
	if err != nil {
		return nil, err
	}
	for i, w := range ways() {
		s.Step("%d. %s", i+1, w.name)
		s.Say("%s", w.does)
		f, err := w.make(ctx, c, n2, i)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		s.Saw("the caller, after %v: %s", callerPatience, f.caller)
		s.Saw("the truth then: %s", map[bool]string{true: "it was done", false: "it was not done"}[f.done])
		found = append(found, f)
	}
	return found, nil
}

// make makes one way happen, and settles it.
func (w *way) make(ctx context.Context, c *cluster, n2 *conn, i int) (f callFound, err error) {
	f.way = w
	first, second := fmt.Sprintf("first:%d", i+1), fmt.Sprintf("second:%d", i+1)
	address, err := w.wire.open(c.nodes[0].RESP)
	if err != nil {
		return f, err
	}
	defer w.wire.close()
	caller, err := c.dialTo(ctx, address)
	if err != nil {
		return f, err
	}
	defer caller.close()
	if w.dies {
		if err := c.fault(ctx, dev.Fault{Op: "pause", Nodes: []string{"n1"}}); err != nil {
			return f, err
		}
	}
	for _, key := range []string{first, second} {
		if err := caller.send("ONCE", "id-"+key, "INCR", key); err != nil {
			return f, err
		}
	}
	a := caller.receive(callerPatience)
	if f.caller = a.text(); !a.timedOut() {
		return f, fmt.Errorf("the caller got %q, and was to get nothing", a.text())
	}
	if w.dies {
		if err := c.fault(ctx, dev.Fault{Op: "kill", Nodes: []string{"n1"}}); err != nil {
			return f, err
		}
	}
	if w.done {
		if err := await(ctx, "n1 to do what it was asked", func() bool { return n2.call("GET %s", second).text() == "1" }); err != nil {
			return f, err
		}
	}
	f.done = n2.call("GET %s", first).text() == "1"
	if err := w.settle(n2, &f, first, second); err != nil {
		return f, err
	}
	if w.dies {
		return f, c.fault(ctx, dev.Fault{Op: "restart", Nodes: []string{"n1"}})
	}
	return f, w.arriveLate(caller, n2, &f, first, second)
}

// settle repeats the first command, and asks about the second.
func (w *way) settle(n2 *conn, f *callFound, first, second string) error {
	again := n2.call("ONCE id-%s INCR %s", first, first)
	outcome := n2.call("OUTCOME id-%s %s", second, second)
	for _, a := range []answer{again, outcome} {
		if err := a.failed(); err != nil {
			return err
		}
	}
	f.again, f.outcome = again.text(), outcome.text()
	f.repeated, f.asked = n2.call("GET %s", first).text(), n2.call("GET %s", second).text()
	return nil
}

// arriveLate lets a slow request arrive, when all is settled.
func (w *way) arriveLate(caller, n2 *conn, f *callFound, first, second string) error {
	if !w.wire.holdRequests {
		return nil
	}
	w.wire.release()
	one, two := caller.receive(longest), caller.receive(longest)
	if one.err != nil || two.err != nil {
		return fmt.Errorf("the late request got no answer: %v, %v", one.err, two.err)
	}
	f.late = fmt.Sprintf("%s, and %s", one.text(), two.text())
	f.repeated, f.asked = n2.call("GET %s", first).text(), n2.call("GET %s", second).text()
	return nil
}

func tellFourWays(s *story.Stage, found []callFound) {
	s.Step("What the caller knows")
	s.Say("In all four: nothing came. It cannot tell them apart. To wait longer helps in the fourth way only, and it cannot know that it is the fourth. Sending INCR again would be wrong in the third and the fourth; not sending it, in the others.")
	s.Step("ONCE and OUTCOME settle it")
	s.Say("Each time two commands were sent, ONCE <id> INCR <key>. Then, through n2, the first was sent again as it was, and of the second it was asked what came of it: OUTCOME <id> <key>.")
	rows := [][]string{{"way", "done?", "again", "counter", "OUTCOME", "counter"}}
	for _, f := range found {
		rows = append(rows, []string{f.way.name, yes(f.done), f.again, f.repeated, f.outcome, f.asked})
	}
	s.Table(rows...)
	s.Good("Sent again, each was done once: the id is kept with the reply, on a majority.")
	s.Good("Asked, each is known: applied, with its reply, or never.")
	for _, f := range found {
		if f.late != "" {
			s.Saw("The slow request came after all, and was answered: %s.", f.late)
		}
	}
	s.Say("\"Never\" is no guess. OUTCOME goes through the log like a write and fences the id, so that the request cannot be done any more when it comes. Between two generals that is the way out: not a better guess, but a question whose answer changes the world.")
	s.Next("parley lab two-generals    # why no number of messages helps", "parley lab fallacies", "parley dev                 # then redis-cli: ONCE order-1 INCR paid, twice")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// fourWaysPicture draws the ways side by side. Times are those of the story,
// not of a clock.
func fourWaysPicture(found []callFound) *spacetime.Diagram {
	d := &spacetime.Diagram{
		Logical:  true,
		Title:    "Four ways to get no answer",
		Subtitle: "The caller sees the same in each, and asks n2 afterwards",
		Lanes:    []spacetime.Lane{{Name: "caller", Kind: "client"}, {Name: "n1", Kind: "node"}, {Name: "n2", Kind: "node"}},
		Notes:    []string{"The caller sends ONCE <id> INCR <key> to n1, gets no answer, and asks n2 for the OUTCOME of the id.", "OUTCOME makes its answer true: where it said never, the slow request was refused when it came."},
	}
	const tick = int64(50e6)
	for i, f := range found {
		begin := int64(i) * 14 * tick
		gaveUp := begin + 6*tick
		d.Bands = append(d.Bands, spacetime.Band{From: begin - tick/2, To: begin + 13*tick, Label: f.way.name, Mood: spacetime.Faint})
		d.Spans = append(d.Spans, spacetime.Span{Lane: 0, From: begin, To: gaveUp, Label: "waits: " + f.caller, Mood: spacetime.Bad})
		arrow := spacetime.Arrow{FromLane: 0, ToLane: 1, From: begin, To: begin + 2*tick, Detail: "ONCE <id> INCR <key>", Lost: f.way.wire.loseRequests}
		switch {
		case f.way.wire.holdRequests:
			arrow.To, arrow.Label = begin+11*tick, "slow"
			d.Events = append(d.Events, spacetime.Event{Lane: 1, At: arrow.To, Label: "refused: fenced", Detail: f.late})
		case f.way.wire.loseAnswers:
			d.Events = append(d.Events, spacetime.Event{Lane: 1, At: begin + 2*tick, Label: "done", Mood: spacetime.Good})
			d.Arrows = append(d.Arrows, spacetime.Arrow{FromLane: 1, ToLane: 0, From: begin + 2*tick, To: begin + 4*tick, Label: "1", Lost: true, Mood: spacetime.Bad})
		case f.way.dies:
			d.Events = append(d.Events, spacetime.Event{Lane: 1, At: begin + 3*tick, Label: "killed", Mood: spacetime.Bad})
		}
		if arrow.Lost {
			arrow.Mood = spacetime.Bad
		}
		d.Arrows = append(d.Arrows, arrow,
			spacetime.Arrow{FromLane: 0, ToLane: 2, From: gaveUp + tick, To: gaveUp + 2*tick, Detail: "OUTCOME <id> <key>"},
			spacetime.Arrow{FromLane: 2, ToLane: 0, From: gaveUp + 2*tick, To: gaveUp + 3*tick, Label: f.outcome, Mood: spacetime.Good})
	}
	return d
}
