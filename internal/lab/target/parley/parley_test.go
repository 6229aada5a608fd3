package parley

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/target/schedule"
)

func list(elems ...history.Value) history.Value { return history.List(elems...) }

var one, two, three, four = history.Int(1), history.Int(2), history.Int(3), history.Int(4)

// operations are, by model, what a session can do with Parley, and what comes out.
var operations = map[string][]struct {
	f, key  string
	in, out history.Value
}{
	"cas-register": {
		{history.Read, "r", history.Nil, history.Nil},
		{history.CAS, "r", list(history.Nil, one), history.Bool(true)},
		{history.CAS, "r", list(history.Nil, two), history.Bool(false)},
		{history.CAS, "r", list(two, three), history.Bool(false)},
		{history.CAS, "r", list(one, two), history.Bool(true)},
		{history.Read, "r", history.Nil, two},
		{history.Write, "r", history.String("two words\r\n\xff"), history.Nil},
		{history.Read, "r", history.Nil, history.String("two words\r\n\xff")},
	},
	"counter": {
		{history.Read, "c", history.Nil, history.Nil},
		{history.Incr, "c", history.Nil, one},
		{history.Incr, "c", three, four},
		{history.Read, "c", history.Nil, four},
	},
	"set": {
		{history.Read, "s", history.Nil, list()},
		{history.Add, "s", one, history.Nil},
		{history.Add, "s", two, history.Nil},
		{history.Remove, "s", one, history.Nil},
		{history.Read, "s", history.Nil, list(two)},
		{history.Add, "s", two, history.Nil}, // what happened twice is there twice
		{history.Read, "s", history.Nil, list(two, two)},
	},
	"append": {
		{history.Append, "l", two, history.Nil},
		{history.Append, "l", one, history.Nil},
		{history.Read, "l", history.Nil, list(two, one)},
	},
	"queue": {
		{history.Dequeue, "q", history.Nil, history.Nil},
		{history.Enqueue, "q", two, history.Nil},
		{history.Enqueue, "q", one, history.Nil},
		{history.Dequeue, "q", history.Nil, two},
		{history.Dequeue, "q", history.Nil, one},
		{history.Dequeue, "q", history.Nil, history.Nil},
	},
	"bank": {
		{history.Write, "a", four, history.Nil},
		{history.Write, "b", one, history.Nil},
		{history.Transfer, "", list(history.String("a"), history.String("b"), three), history.Bool(true)},
		{history.Transfer, "", list(history.String("a"), history.String("b"), three), history.Bool(false)},
		{history.Read, "", list(history.String("b"), history.String("a")), list(list(history.String("b"), four), list(history.String("a"), one))},
	},
}

func TestParley(t *testing.T) {
	target := start(t)
	if !strings.HasPrefix(target.Name(), "Parley ") || len(target.Nodes()) != 3 {
		t.Errorf("it is called %q and has %v", target.Name(), target.Nodes())
	}
	t.Run("operations", func(t *testing.T) { tryOperations(t, target) })
	t.Run("transaction", func(t *testing.T) { tryTransaction(t, target) })
	t.Run("refusals", func(t *testing.T) { tryRefusals(t, target) })
	t.Run("eventual reads break read your writes", func(t *testing.T) { cutOffReads(t, target) })
	t.Run("no answer", func(t *testing.T) { schedule.NoAnswer(t, target, 2) })
	t.Run("settled", func(t *testing.T) { settle(t, target) })
	t.Run("connect", func(t *testing.T) { connect(t, target) })
	t.Run("faults", func(t *testing.T) { faults(t, target) })
	t.Run("flipped bytes", func(t *testing.T) { flip(t, target) }) // last: a node is gone
}

func tryOperations(t *testing.T, target *target) {
	for model, all := range operations {
		s := schedule.New(t, target, history.Header{Model: model})
		c := s.OpenFor(model, 1, "")
		for _, o := range all {
			if out := c.OK(o.f, o.key, o.in); out != o.out {
				t.Errorf("%s %s %s: %s, want %s", o.f, o.key, o.in, out, o.out)
			}
		}
	}
}

func tryTransaction(t *testing.T, target *target) {
	c := schedule.New(t, target, history.Header{}).OpenFor("append", 1, "")
	op := c.Within(schedule.Limit, history.Op{F: history.Txn, Txn: []history.Step{
		{F: history.Append, Key: "t1", In: one}, {F: history.Read, Key: "t1"}, {F: history.Append, Key: "t1", In: two}, {F: history.Read, Key: "t2"},
	}})
	if op.Outcome != history.OK || op.Txn[1].Out != list(one) || op.Txn[3].Out != list() {
		t.Errorf("%s %v", op.Outcome, op.Txn)
	}
	if out := c.OK(history.Read, "t1", history.Nil); out != list(one, two) {
		t.Errorf("afterwards: %s", out)
	}
}

// What Parley refuses has certainly done nothing, and the session goes on.
func tryRefusals(t *testing.T, target *target) {
	s := schedule.New(t, target, history.Header{})
	c := s.OpenFor("counter", 0, "")
	s.OpenFor("register", 0, "").OK(history.Write, "text", history.String("x"))
	for _, o := range []history.Op{{F: history.Incr, Key: "text"}, {F: "no-such-thing", Key: "text"}} {
		if op := c.Within(schedule.Limit, o); op.Outcome != history.Fail {
			t.Errorf("%s: %s", o.F, op.Outcome)
		}
	}
	if out := c.OK(history.Read, "text", history.Nil); out != history.String("x") {
		t.Errorf("what was refused left %s", out)
	}
	for _, as := range []lab.Session{{Model: "no-such-model"}, {Model: "set", Level: "no-such-level"}, {Model: "set", Token: "no-token"}} {
		if _, err := target.Open(t.Context(), as); err == nil {
			t.Errorf("opened a session with %+v", as)
		}
	}
}

// follower is a node that does not lead, and a leader.
func follower(t *testing.T, target *target) (follower, leader int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), schedule.Limit)
	defer cancel()
	leader, err := target.Leader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return (leader + 1) % 3, leader
}

// A node that is cut off answers eventual reads from what it has: a session that
// wrote elsewhere misses its write. At level session the same schedule gets no
// answer instead, because the session brings its token.
func cutOffReads(t *testing.T, target *target) {
	for _, level := range []string{"eventual", "session"} {
		key := "cut-" + level
		cut, leader := follower(t, target)
		s := schedule.New(t, target, history.Header{Model: "register", Sessions: history.ByProcess})
		c := s.OpenFor("register", leader, level)
		c.OK(history.Write, key, one)
		s.OpenFor("register", cut, "eventual").Until(history.Read, key, one)
		heal := s.Inject(lab.Fault{Kind: lab.FaultPartition, Shape: lab.ShapeHalves, Nodes: []int{cut}})
		c.OK(history.Write, key, two)
		c.Move(t.Context(), cut)
		op := c.Do(history.Read, key, history.Nil)
		if level == "session" {
			if op.Outcome != history.Fail {
				t.Errorf("a session read at a node that has not what the session wrote: %s %s", op.Outcome, op.Out)
			}
			heal()
			c.Until(history.Read, key, two)
			s.Judge("ryw", check.Holds)
			continue
		}
		if op.Outcome != history.OK || op.Out != one {
			t.Errorf("an eventual read at a node that is cut off: %s %s", op.Outcome, op.Out)
		}
		s.Judge("ryw", check.Violated)
		heal()
		c.Until(history.Read, key, two)
	}
}

// A write whose answer did not come can be asked for: afterwards it has happened
// once, or never.
func settle(t *testing.T, target *target) {
	s := schedule.New(t, target, history.Header{})
	applied, never := history.Op{F: history.Incr, Key: "n", ID: "here"}, history.Op{F: history.Incr, Key: "n", ID: "nowhere"}
	c := s.OpenFor("counter", 0, "")
	if op := c.Within(schedule.Limit, applied); op.Outcome != history.OK {
		t.Fatal(op.Outcome)
	}
	open, err := target.Open(t.Context(), lab.Session{Node: 1, Model: "counter"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	resolver := open.(lab.Resolver)
	for _, o := range []struct {
		op      history.Op
		outcome history.Outcome
		out     history.Value
	}{{applied, history.OK, one}, {never, history.Fail, history.Nil}} {
		o.op.Outcome = history.Info
		if resolver.Resolve(t.Context(), &o.op); o.op.Outcome != o.outcome || o.op.Out != o.out {
			t.Errorf("%s: %s %s", o.op.ID, o.op.Outcome, o.op.Out)
		}
	}
	if op := c.Within(schedule.Limit, never); op.Outcome != history.Fail {
		t.Errorf("what never happens, tried later: %s", op.Outcome)
	}
	if out := c.OK(history.Read, "n", history.Nil); out != one {
		t.Errorf("the counter is %s", out)
	}
}

// connect takes the same cluster as given from outside.
func connect(t *testing.T, target *target) {
	given, err := Connect(t.Context(), strings.Join(target.addresses, ","), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := given.Inject(t.Context(), lab.Fault{Kind: lab.FaultKill}); err == nil || len(given.Faults()) > 0 {
		t.Error("faults of a cluster whose directory is not known")
	}
	if err := given.Close(); err != nil {
		t.Error(err)
	}
	if byDir, err := Connect(t.Context(), "?dir="+target.dir, io.Discard); err != nil || len(byDir.Faults()) == 0 || len(byDir.Nodes()) != 3 {
		t.Errorf("by its directory: %v", err)
	}
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	go func() {
		c, err := stranger.Accept()
		if err == nil {
			_, _ = fmt.Fprint(c, "$22\r\nredis_version:7.0.15\r\n\r\n")
		}
	}()
	for spec, want := range map[string]string{
		"": "want host:port", "nohost": "want host:port", "127.0.0.1:1": "no node answers", "?dir=/nowhere": "nowhere",
		stranger.Addr().String(): "is not Parley", "127.0.0.1:1?dir=" + target.dir: "give these addresses, or none", "h:1?x=y": `unknown parameter "x"`,
	} {
		if _, err := Connect(t.Context(), spec, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("connect to %q: %v", spec, err)
		}
	}
}

// faults are made and ended, and the cluster serves again.
func faults(t *testing.T, target *target) {
	if _, err := target.Inject(t.Context(), lab.Fault{Kind: lab.FaultKill, Nodes: []int{3}}); err == nil {
		t.Error("a node that is not there was killed")
	}
	for i, f := range []lab.Fault{
		{Kind: lab.FaultPartition, Shape: lab.ShapeHalves, Nodes: []int{0}},
		{Kind: lab.FaultPartition, Shape: lab.ShapeOneWay, Nodes: []int{1}},
		{Kind: lab.FaultPartition, Shape: lab.ShapeBridge, Nodes: []int{1, 0, 2}},
		{Kind: lab.FaultLoss, Percent: 10},
		{Kind: lab.FaultDuplicate, Percent: 10},
		{Kind: lab.FaultDelay, Amount: 20 * time.Millisecond},
		{Kind: lab.FaultSlow, Bytes: 65536},
		{Kind: lab.FaultClock, Shape: lab.ShapeSkew, Nodes: []int{1}, Amount: 100 * time.Millisecond},
		{Kind: lab.FaultClock, Shape: lab.ShapeJump, Nodes: []int{1}, Amount: time.Second},
		{Kind: lab.FaultPause, Nodes: []int{1}},
		{Kind: lab.FaultDisk, Shape: lab.ShapeSlow, Nodes: []int{0}, Amount: 10 * time.Millisecond},
		{Kind: lab.FaultDisk, Shape: lab.ShapeFsync, Nodes: []int{1}},
		{Kind: lab.FaultDisk, Shape: lab.ShapeFull, Nodes: []int{2}},
		{Kind: lab.FaultKill, Nodes: []int{2}},
	} {
		s := schedule.New(t, target, history.Header{})
		heal := s.Inject(f)
		heal()
		for n := range target.Nodes() {
			s.OpenFor("register", n, "").Until(history.Read, "none", history.Nil)
		}
		id := fmt.Sprint("f", i)
		for try := 0; s.OpenFor("counter", 0, "").Within(schedule.Limit, history.Op{F: history.Incr, Key: id, ID: id}).Outcome != history.OK; try++ {
			if try == 20 {
				t.Fatalf("no write in 20 deadlines after %s", f)
			}
		}
		s.OpenFor("counter", 1, "").Until(history.Read, id, one)
	}
}

// A node whose log was changed does not come back; the others go on without it.
func flip(t *testing.T, target *target) {
	s := schedule.New(t, target, history.Header{})
	end, err := target.Inject(t.Context(), lab.Fault{Kind: lab.FaultDisk, Shape: lab.ShapeFlip, Nodes: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := end(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s.OpenFor("register", 0, "").Until(history.Read, "none", history.Nil)
	if _, err := target.Open(t.Context(), lab.Session{Node: 2, Model: "register"}); err == nil {
		t.Error("the node with the damaged log serves")
	}
	s.Inject(lab.Fault{Kind: lab.FaultKill, Nodes: []int{2}})() // and is left alone
}
