package redis

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/target/schedule"
)

// start starts a primary and replicas of its own for a test.
func start(t *testing.T, nodes int) *Target {
	t.Helper()
	return startWith(t, Options{Nodes: nodes})
}

func startWith(t *testing.T, o Options) *Target {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	target, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	target.patience = schedule.Limit // the machine may be busy
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	})
	return target
}

var cutOff = lab.Fault{Kind: lab.FaultPartition, Shape: lab.ShapeHalves, Nodes: []int{0}}

// The primary acknowledges writes that no replica has. When it dies they are
// gone. With WAIT such a write is not acknowledged.
func TestFailoverLosesAcknowledgedWrites(t *testing.T) {
	for _, level := range []string{Primary, Wait} {
		target := start(t, 2)
		s := schedule.New(t, target, history.Header{Model: "set"})
		c := s.OpenFor("set", 0, level)
		c.OK(history.Add, "s", history.Int(1))
		s.OpenFor("set", 1, Replica).Until(history.Read, "s", history.List(history.Int(1)))
		heal := s.Inject(cutOff)
		target.patience = 100 * time.Millisecond
		unsafe := c.Do(history.Add, "s", history.Int(2))
		back := s.Inject(lab.Fault{Kind: lab.FaultKill, Nodes: []int{0}})
		if p, err := target.Primary(t.Context()); p != 1 || err != nil {
			t.Fatalf("the primary is %d, %v", p, err)
		}
		after := s.OpenFor("set", 0, level)
		if out := after.OK(history.Read, "s", history.Nil); out != history.List(history.Int(1)) {
			t.Fatalf("the new primary has %s", out)
		}
		if level == Primary {
			if unsafe.Outcome != history.OK {
				t.Errorf("the lonely primary answered %s", unsafe.Outcome)
			}
			for _, judged := range []string{"exactly-once", "set-full"} {
				if res := s.Judge(judged, check.Violated); len(res.Violations) == 0 || res.Violations[0].Kind != "lost" {
					t.Errorf("want a lost element: %s", res)
				}
			}
		} else {
			if unsafe.Outcome != history.Info {
				t.Errorf("a write that no replica has: %s, want info", unsafe.Outcome)
			}
			s.Judge("exactly-once", check.Holds)
			s.Judge("set-full", check.Holds)
		}
		heal()
		back()
		// The old primary follows the new one.
		s.OpenFor("set", 0, Replica).Until(history.Read, "s", history.List(history.Int(1)))
		if r, err := target.role(t.Context(), 0); err != nil || r.primary {
			t.Errorf("the old primary has role %+v, %v", r, err)
		}
	}
}

// A replica that is cut off answers what a session has overwritten. At the
// primary the same schedule is right.
func replicaReads(t *testing.T, target *Target) {
	for _, level := range []string{Primary, Replica} {
		key := "x-" + level
		s := schedule.New(t, target, history.Header{})
		c := s.Open(1, level)
		c.OK(history.Write, key, history.Int(1))
		c.Until(history.Read, key, history.Int(1))
		heal := s.Inject(cutOff)
		c.OK(history.Write, key, history.Int(2))
		c.OK(history.Read, key, history.Nil)
		want := map[string]check.Verdict{Primary: check.Holds, Replica: check.Violated}[level]
		res := s.Judge("ryw", want)
		if level == Replica && !strings.Contains(res.String(), "n2 answered x-replica=1") {
			t.Errorf("the story does not tell it: %s", res)
		}
		s.Judge("linearizable", want)
		heal()
		s.Open(1, Replica).Until(history.Read, key, history.Int(2))
	}
}

// A server that is demoted refuses writes; the next operation goes to the new
// primary.
func demoted(t *testing.T, target *Target) {
	s := schedule.New(t, target, history.Header{})
	c := s.Open(0, Primary)
	c.OK(history.Write, "demoted", history.Int(1))
	s.Open(1, Replica).Until(history.Read, "demoted", history.Int(1))
	if _, err := target.command(t.Context(), 0, "REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	if err := target.promote(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if op := c.Do(history.Write, "demoted", history.Int(2)); op.Outcome != history.Fail {
		t.Errorf("a write at a replica: %s", op.Outcome)
	}
	if out := c.OK(history.Read, "demoted", history.Nil); out != history.Int(1) {
		t.Errorf("read %s", out)
	}
	s.Judge("linearizable", check.Holds)
}

// Without a partition nothing that WAIT confirmed is lost, whoever dies.
func TestFailoverOfThree(t *testing.T) {
	target := start(t, 3)
	s := schedule.New(t, target, history.Header{Model: "set"})
	for i := range 4 {
		primary, err := target.Primary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.OpenFor("set", 0, Wait).OK(history.Add, "s", history.Int(int64(i)))
		back := s.Inject(lab.Fault{Kind: lab.FaultKill, Nodes: []int{primary}})
		if now, err := target.Primary(t.Context()); err != nil || now == primary {
			t.Fatalf("the primary is %d and was %d, %v", now, primary, err)
		}
		s.OpenFor("set", 0, Wait).OK(history.Read, "s", history.Nil)
		back()
	}
	s.Judge("set-full", check.Holds)
	s.Judge("exactly-once", check.Holds)
	// When nobody is left to be promoted, the primary is the same afterwards. What
	// it has then depends on how far the rewriting of its log was.
	before, _ := target.Primary(t.Context())
	s.Inject(lab.Fault{Kind: lab.FaultKill})()
	if after, err := target.Primary(t.Context()); err != nil || after != before {
		t.Errorf("the primary is %d and was %d, %v", after, before, err)
	}
	s.OpenFor("set", 0, Primary).OK(history.Add, "other", history.Int(1))
}

func TestRedis(t *testing.T) {
	target := start(t, 2)
	if !strings.HasPrefix(target.Name(), "Redis ") || len(target.Name()) < len("Redis 5.0") {
		t.Errorf("it is called %q", target.Name())
	}
	for _, level := range []string{Primary, Wait} {
		t.Run("operations at "+level, func(t *testing.T) {
			if _, err := target.command(t.Context(), 0, "FLUSHALL"); err != nil {
				t.Fatal(err)
			}
			schedule.Operations(t, target, level)
		})
	}
	t.Run("replica reads break read your writes", func(t *testing.T) { replicaReads(t, target) })
	t.Run("no answer", func(t *testing.T) { schedule.NoAnswer(t, target, 0) })
	t.Run("faults", func(t *testing.T) { schedule.Faults(t, target) })
	t.Run("connect", func(t *testing.T) { connect(t, target) })
	t.Run("demoted", func(t *testing.T) { demoted(t, target) })
}

// connect takes the same servers as given from outside.
func connect(t *testing.T, target *Target) {
	given, err := Connect(t.Context(), "", target.servers[1], target.servers[0])
	if err != nil {
		t.Fatal(err)
	}
	c := schedule.New(t, given, history.Header{}).Open(0, Primary)
	if op := c.Do(history.Write, "given", history.Int(1)); op.Outcome != history.OK || op.Node != "n2" {
		t.Errorf("the write was %s at %s, want ok at n2, the primary", op.Outcome, op.Node)
	}
	if _, err := given.Inject(t.Context(), lab.Fault{Kind: lab.FaultKill}); err == nil || len(given.Faults()) > 0 {
		t.Error("faults of a database that the lab did not start")
	}
	if err := given.Close(); err != nil {
		t.Error(err)
	}
	for _, addresses := range [][]string{{}, {"nohost"}, {"127.0.0.1:1"}, {target.servers[1]}} {
		if _, err := Connect(t.Context(), "", addresses...); err == nil {
			t.Errorf("connected to %v, where no primary is", addresses)
		}
	}
}
