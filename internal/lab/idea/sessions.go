package idea

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func sessions() idea {
	var port int
	return idea{
		name: "sessions", section: inConsistency,
		short: "session guarantees, broken at eventual, kept at session",
		long: `Two clients use two replicas of which one is 300 ms behind. Ann writes at the near
one and reads at the far one: does she read her own write? Ben reads at the near
one and then at the far one: does time go backwards for him? (Terry et al.,
"Session Guarantees for Weakly Consistent Replicated Data", 1994.)

All they do is recorded and judged by package check, as 'parley check' does it. At
level eventual both guarantees break; at level session, where a token carries what
the session has seen, both hold, on the same slow replica.`,
		example: "  parley lab sessions\n  parley lab sessions --out sessions.svg",
		flags:   func(f *pflag.FlagSet) { portFlag(f, &port) },
		run: func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			c, err := start(ctx, s, port)
			if err != nil {
				return nil, err
			}
			defer c.close()
			e, err := slowReplica(ctx, c)
			if err != nil {
				return nil, err
			}
			s.Say("%s is made slow: what the others send it arrives %s late. Ann and Ben go from %s to %s.", c.name(e.far), replicaDelay, c.name(e.near), c.name(e.far))
			eventual, err := e.judged(ctx, "eventual")
			if err != nil {
				return nil, err
			}
			session, err := e.judged(ctx, "session")
			if err != nil {
				return nil, err
			}
			tellSessions(s, eventual, session)
			return sessionsPicture(eventual), nil
		},
	}
}

// replicaDelay is less than the time after which a follower holds its leader
// for dead.
const replicaDelay = 300 * time.Millisecond

// guarantees are the levels judged, by check's names.
var guarantees = []struct{ level, title string }{{"ryw", "read your writes"}, {"mr", "monotonic reads"}}

// experiment is two replicas, of which far is behind.
type experiment struct {
	c         *cluster
	near, far int
	start     time.Time
}

// slowReplica slows a node that does not lead, so that the near one can write
// quickly.
func slowReplica(ctx context.Context, c *cluster) (*experiment, error) {
	leader, err := c.leader(ctx, 0, 1, 2)
	if err != nil {
		return nil, err
	}
	e := &experiment{c: c, far: c.others(leader)[1], start: time.Now()}
	others := c.others(e.far)
	e.near = others[0]
	for _, n := range others {
		f := dev.Fault{Op: "delay", Nodes: []string{c.name(n), c.name(e.far)}, OneWay: true, Duration: replicaDelay.String()}
		if err := c.fault(ctx, f); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// judgedRun is what was recorded at one level, and the verdicts.
type judgedRun struct {
	level   string
	history *history.History
	results []check.Result // as guarantees
	nodes   []string
}

const (
	fewestRounds = 3
	mostRounds   = 30
)

// judged records rounds of both clients at one level. At a level that breaks
// the guarantees it goes on until it has, since a busy machine may be slower
// than the slow replica.
func (e *experiment) judged(ctx context.Context, level string) (*judgedRun, error) {
	r, err := e.record(ctx, level)
	if err != nil {
		return nil, err
	}
	j := &judgedRun{level: level, nodes: []string{e.c.name(e.near), e.c.name(e.far)}}
	for round := 1; round <= mostRounds; round++ {
		if err := r.round(round); err != nil {
			return nil, err
		}
		if round < fewestRounds {
			continue
		}
		j.history, j.results = r.log.History(), nil
		violated := 0
		for _, g := range guarantees {
			res, err := check.Judge(j.history, g.level, check.Options{})
			if err != nil {
				return nil, err
			}
			if res.Verdict == check.Violated {
				violated++
			}
			j.results = append(j.results, res)
		}
		if level != "eventual" || violated == len(guarantees) {
			break
		}
	}
	return j, nil
}

// recorder does what Ann and Ben do, and records it.
type recorder struct {
	e     *experiment
	key   string
	level string
	log   *history.Recorder
	conns map[string][2]*conn // by client: at near, at far
}

func (e *experiment) record(ctx context.Context, level string) (*recorder, error) {
	r := &recorder{e: e, key: "cart-" + level, level: level, conns: map[string][2]*conn{},
		log: history.NewRecorder(history.Header{Model: "register", Sessions: history.ByField})}
	for _, client := range []string{"ann", "ben"} {
		conns, err := e.c.dialAll(ctx, e.near, e.far)
		if err != nil {
			return nil, err
		}
		for _, k := range conns {
			if err := k.call("LEVEL %s", level).failed(); err != nil {
				return nil, err
			}
		}
		r.conns[client] = [2]*conn{conns[0], conns[1]}
	}
	// Both replicas begin with a first value of Ann's.
	if err := r.write("ann", r.conns["ann"][0], 0); err != nil {
		return nil, err
	}
	return r, e.c.caughtUp(ctx)
}

// round has Ann write at the near replica and read at the far one, and Ben read
// at both.
func (r *recorder) round(n int) error {
	ann, ben := r.conns["ann"], r.conns["ben"]
	if err := r.write("ann", ann[0], n); err != nil {
		return err
	}
	if err := r.read("ben", ben[0], r.e.near); err != nil {
		return err
	}
	for _, client := range []string{"ann", "ben"} {
		if err := move(r.conns[client]); err != nil {
			return err
		}
		if err := r.read(client, r.conns[client][1], r.e.far); err != nil {
			return err
		}
	}
	return nil
}

// move takes a session's past from the near replica to the far one.
func move(conns [2]*conn) error {
	token := conns[0].call("SESSION TOKEN")
	if err := token.failed(); err != nil {
		return err
	}
	return conns[1].do("SESSION", "RESUME", token.text()).failed()
}

var processes = map[string]int64{"ann": 1, "ben": 2}

func (r *recorder) invoke(client, f string, node int, in history.Value) int {
	return r.log.Invoke(history.Op{Process: processes[client], Session: client, Node: r.e.c.name(node), Key: r.key, F: f, In: in, Level: r.level, Call: r.now()})
}

func (r *recorder) now() int64 { return time.Since(r.e.start).Nanoseconds() }

func (r *recorder) write(client string, k *conn, n int) error {
	i := r.invoke(client, history.Write, r.e.near, history.Int(int64(n)))
	if err := k.call("SET %s %d", r.key, n).failed(); err != nil {
		return err
	}
	r.log.OK(i, r.now(), history.Nil)
	return nil
}

func (r *recorder) read(client string, k *conn, node int) error {
	i := r.invoke(client, history.Read, node, history.Nil)
	a := k.call("GET %s", r.key)
	if err := a.failed(); err != nil {
		return err
	}
	out := history.Nil
	if !a.reply.IsNull() {
		out = history.String(a.reply.Str)
	}
	r.log.OK(i, r.now(), out)
	return nil
}

func tellSessions(s *story.Stage, eventual, session *judgedRun) {
	for _, j := range []*judgedRun{eventual, session} {
		s.Step("At level %s", j.level)
		for _, i := range lastRound(j.history) {
			op := &j.history.Ops[i]
			s.Saw("%s", opText(op))
		}
		for i, g := range guarantees {
			r := j.results[i]
			if r.Verdict != check.Violated {
				s.Good("%s: %s, judged over %d operations", g.title, r.Verdict, r.Ops)
				continue
			}
			s.Bad("%s: %s. %s", g.title, r.Verdict, r.Violations[0].Text)
		}
	}
	s.Step("Why")
	s.Say("An eventual read takes what its replica has, and the far one is behind. At level session each read carries the session's token, the highest stamp it has seen. A replica that has not come that far does not answer from its own state, but asks how far it must come and waits for that: right, and slower when the replica is behind.")
	s.Say("A session is a connection, and more: SESSION TOKEN gives its past as a short text, and SESSION RESUME takes it up at another node, as Ann and Ben do here.")
	s.Next("parley lab partition       # the levels when nothing comes through", "parley check FILE --level ryw,mr   # judge a recorded history", "less docs/consistency.md")
}

// lastRound are the operations of the last round, by index.
func lastRound(h *history.History) (ops []int) {
	for i := max(0, len(h.Ops)-4); i < len(h.Ops); i++ {
		ops = append(ops, i)
	}
	return ops
}

func opText(op *history.Op) string {
	took := short(time.Duration(op.Return - op.Call))
	if op.F == history.Write {
		return fmt.Sprintf("%s writes %s at %s (%s)", op.Session, op.In, op.Node, took)
	}
	return fmt.Sprintf("%s reads %s at %s (%s)", op.Session, op.Out, op.Node, took)
}

// hundredths rounds to hundredths of a millisecond, for an axis that can be
// read.
func hundredths(nanos int64) int64 { return nanos / 10_000 * 10_000 }

// sessionsPicture draws the recorded operations, those of the violations red.
func sessionsPicture(j *judgedRun) *spacetime.Diagram {
	d := &spacetime.Diagram{
		Title:    "Session guarantees at level " + j.level,
		Subtitle: fmt.Sprintf("%s is %v behind", j.nodes[1], replicaDelay),
		Lanes:    []spacetime.Lane{{Name: "ann", Kind: "client"}, {Name: j.nodes[0], Kind: "node"}, {Name: j.nodes[1] + " (slow)", Kind: "node"}, {Name: "ben", Kind: "client"}},
	}
	lanes := map[string]int{"ann": 0, j.nodes[0]: 1, j.nodes[1]: 2, "ben": 3}
	guilty := map[int]bool{}
	for _, r := range j.results {
		for _, v := range r.Violations[:min(1, len(r.Violations))] {
			d.Notes = append(d.Notes, v.Text)
			for _, i := range v.Ops {
				guilty[i] = true
			}
		}
	}
	for i := range j.history.Ops {
		op := &j.history.Ops[i]
		client, node := lanes[op.Session], lanes[op.Node]
		mood := spacetime.Faint
		if guilty[i] {
			mood = spacetime.Bad
		}
		from, to := hundredths(op.Call), hundredths(op.Return)
		middle := (from + to) / 2
		label := fmt.Sprintf("write %s", op.In)
		if op.F == history.Read {
			label = fmt.Sprintf("read %s", op.Out)
		}
		d.Spans = append(d.Spans, spacetime.Span{Lane: client, From: from, To: to, Label: label, Detail: opText(op), Mood: mood})
		d.Arrows = append(d.Arrows,
			spacetime.Arrow{FromLane: client, ToLane: node, From: from, To: middle, Mood: mood},
			spacetime.Arrow{FromLane: node, ToLane: client, From: middle, To: to, Mood: mood})
	}
	return d
}
