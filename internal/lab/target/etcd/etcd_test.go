package etcd

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

// start starts a cluster of its own for a test.
func start(t *testing.T) *Target {
	t.Helper()
	if _, err := exec.LookPath("etcd"); err != nil {
		t.Skip("etcd is not installed: apt-get install etcd-server")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	target, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	})
	return target
}

// parted is a follower, and the leader of the others.
func parted(t *testing.T, target *Target) (follower, leader int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), schedule.Limit)
	defer cancel()
	leader, err := target.Leader(ctx)
	if err != nil || leader < 0 {
		t.Fatalf("leader %d, %v", leader, err)
	}
	return (leader + 1) % len(target.Nodes()), leader
}

// A member that is cut off still answers serializable reads, from its own copy:
// older than a write that was acknowledged. Linearizable reads in the same
// schedule are right, or get no answer.
func serializableReads(t *testing.T, target *Target) {
	follower, leader := parted(t, target)
	for _, level := range []string{Linearizable, Serializable} {
		key := "x-" + level
		s := schedule.New(t, target, history.Header{})
		writer, reader := s.Open(leader, ""), s.Open(follower, level)
		writer.OK(history.Write, key, history.Int(1))
		reader.Until(history.Read, key, history.Int(1))
		heal := s.Inject(lab.Fault{Kind: lab.FaultPartition, Shape: lab.ShapeHalves, Nodes: []int{follower}})
		writer.OK(history.Write, key, history.Int(2))
		op := reader.Within(time.Second, history.Op{F: history.Read, Key: key})
		if level == Linearizable {
			if op.Outcome != history.Fail {
				t.Errorf("a linearizable read at a member that is cut off: %s %s", op.Outcome, op.Out)
			}
			writer.OK(history.Read, key, history.Nil)
			s.Judge("linearizable", check.Holds)
			heal()
			continue
		}
		if op.Outcome != history.OK || op.Out != history.Int(1) {
			t.Errorf("a serializable read at a member that is cut off: %s %s, want 1", op.Outcome, op.Out)
		}
		res := s.Judge("linearizable", check.Violated)
		if !strings.Contains(res.String(), "x-serializable=1") {
			t.Errorf("the story does not tell it: %s", res)
		}
		s.Judge("sequential", check.Holds) // late, but in order
		heal()
		reader.Until(history.Read, key, history.Int(2))
	}
}

// A member that was killed has what was acknowledged when it comes back, and
// nothing is lost with the leader.
func kill(t *testing.T, target *Target) {
	_, leader := parted(t, target)
	s := schedule.New(t, target, history.Header{})
	s.Open(leader, "").OK(history.Write, "durable", history.Int(1))
	heal := s.Inject(lab.Fault{Kind: lab.FaultKill, Nodes: []int{leader}})
	other := s.Open((leader+1)%3, "")
	other.Until(history.Read, "durable", history.Int(1)) // when there is another leader
	if _, err := target.Open(t.Context(), lab.Session{Node: leader}); err == nil {
		t.Error("a session was opened with a dead member")
	}
	other.OK(history.Write, "durable", history.Int(2))
	heal()
	back := s.Open(leader, Serializable)
	back.Until(history.Read, "durable", history.Int(2))
	back.OK(history.Read, "durable", history.Nil)
	s.Judge("linearizable", check.Holds)
}

// All pairs of members can be cut by themselves: with the links of a follower to
// the other follower cut, nobody misses anything.
func bridge(t *testing.T, target *Target) {
	follower, leader := parted(t, target)
	s := schedule.New(t, target, history.Header{})
	c := s.Open(follower, "")
	heal := s.Inject(lab.Fault{Kind: lab.FaultPartition, Shape: lab.ShapeBridge, Nodes: []int{leader}})
	c.OK(history.Write, "bridge", history.Int(1))
	s.Open(3-follower-leader, "").OK(history.Read, "bridge", history.Nil)
	s.Judge("linearizable", check.Holds)
	heal()
}

func TestEtcd(t *testing.T) {
	target := start(t)
	if !strings.HasPrefix(target.Name(), "etcd 3.") {
		t.Errorf("it is called %q", target.Name())
	}
	t.Run("operations", func(t *testing.T) { schedule.Operations(t, target, Linearizable) })
	t.Run("serializable reads are not linearizable", func(t *testing.T) { serializableReads(t, target) })
	t.Run("bridge", func(t *testing.T) { bridge(t, target) })
	t.Run("no answer", func(t *testing.T) { follower, _ := parted(t, target); schedule.NoAnswer(t, target, follower) })
	t.Run("faults", func(t *testing.T) { schedule.Faults(t, target) })
	t.Run("connect", func(t *testing.T) { connect(t, target) })
	t.Run("kill", func(t *testing.T) { kill(t, target) })
}

// connect takes the same members as given from outside.
func connect(t *testing.T, target *Target) {
	given, err := Connect(t.Context(), target.clients...)
	if err != nil {
		t.Fatal(err)
	}
	schedule.New(t, given, history.Header{}).Open(2, Serializable).OK(history.Read, "x", history.Nil)
	if _, err := given.Inject(t.Context(), lab.Fault{Kind: lab.FaultKill}); err == nil || len(given.Faults()) > 0 {
		t.Error("faults of a database that the lab did not start")
	}
	if err := given.Close(); err != nil {
		t.Error(err)
	}
	schedule.New(t, target, history.Header{}).Open(0, "").OK(history.Read, "x", history.Nil) // Close left it alone
	for _, addresses := range [][]string{{}, {"nohost"}, {"127.0.0.1:1"}} {
		if _, err := Connect(t.Context(), addresses...); err == nil {
			t.Errorf("connected to %v", addresses)
		}
	}
}
