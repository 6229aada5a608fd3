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
	leader, err := target.Leader(ctx, 0)
	if err != nil || leader < 0 {
		t.Fatalf("leader %d, %v", leader, err)
	}
	return (leader + 1) % len(target.Nodes()), leader
}

// A member that is cut off still answers serializable reads, from its own copy:
// older than a write that was acknowledged. Linearizable reads in the same
// schedule are right, or get no answer.
func TestSerializableReadsAreNotLinearizable(t *testing.T) {
	target := start(t)
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
