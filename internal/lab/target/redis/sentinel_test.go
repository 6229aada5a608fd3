package redis

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/target/schedule"
)

// until waits until something is so. Sentinel takes its decisions by timers of
// seconds, and none for half a minute after it was kept from running for two.
func until(t *testing.T, what string, so func(ctx context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		ok, err := so(ctx)
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it never came to pass that %s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// A primary that is cut off from the others goes on acknowledging what clients
// that are connected to it write, while Sentinel makes another one the primary.
// When the network heals it becomes a replica, and what it took since is gone.
func TestSentinelLosesAcknowledgedWrites(t *testing.T) {
	t.Parallel()
	target := startWith(t, Options{Sentinel: true})
	s := schedule.New(t, target, history.Header{Model: "set"})
	first, err := target.Primary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	replica := (first + 1) % 3
	c := s.OpenFor("set", 0, Primary)
	c.OK(history.Add, "s", history.Int(1))
	s.OpenFor("set", replica, Replica).Until(history.Read, "s", history.List(history.Int(1)))

	heal := s.Inject(lab.Fault{Kind: lab.FaultPartition, Shape: lab.ShapeHalves, Nodes: []int{first}})
	c.OK(history.Add, "s", history.Int(2))
	second := first
	until(t, "there is another primary", func(ctx context.Context) (bool, error) {
		now, err := target.Primary(ctx)
		second = now
		return err == nil && now != first, err
	})
	c.OK(history.Add, "s", history.Int(3)) // two primaries at once
	if op := s.OpenFor("set", 0, Primary).Do(history.Add, "s", history.Int(4)); op.Outcome != history.OK || op.Node != target.names[second] {
		t.Errorf("a new client wrote at %s: %s; the primary is %s", op.Node, op.Outcome, target.names[second])
	}
	heal()
	until(t, "the old primary follows the new one", func(ctx context.Context) (bool, error) {
		r, err := target.role(ctx, first)
		return err == nil && !r.primary && r.connected, err
	})
	if out := s.OpenFor("set", 0, Primary).OK(history.Read, "s", history.Nil); out != history.List(history.Int(1), history.Int(4)) {
		t.Errorf("what is left is %s", out)
	}
	for _, level := range []string{"exactly-once", "set-full"} {
		if res := s.Judge(level, check.Violated); len(res.Violations) != 2 || res.Violations[0].Kind != "lost" {
			t.Errorf("want two lost elements: %s", res)
		}
	}
}

// A primary that dies is replaced; when it comes back it follows, by what Sentinel
// wrote into its configuration or tells it. What the others had is there.
func TestSentinelReplacesADeadPrimary(t *testing.T) {
	t.Parallel()
	target := startWith(t, Options{Sentinel: true})
	s := schedule.New(t, target, history.Header{Model: "set"})
	first, err := target.Primary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.OpenFor("set", 0, Primary).OK(history.Add, "s", history.Int(1))
	for _, n := range []int{1, 2} {
		s.OpenFor("set", (first+n)%3, Replica).Until(history.Read, "s", history.List(history.Int(1)))
	}
	heal := s.Inject(lab.Fault{Kind: lab.FaultKill, Nodes: []int{first}})
	until(t, "there is another primary", func(ctx context.Context) (bool, error) {
		now, err := target.Primary(ctx)
		return err == nil && now != first, err
	})
	s.OpenFor("set", 0, Primary).OK(history.Add, "s", history.Int(2))
	heal()
	until(t, "the old primary follows the new one", func(ctx context.Context) (bool, error) {
		r, err := target.role(ctx, first)
		return err == nil && !r.primary && r.connected, err
	})
	s.OpenFor("set", 0, Primary).OK(history.Read, "s", history.Nil)
	s.Judge("set-full", check.Holds)
}

func TestSentinelNeedsThree(t *testing.T) {
	if _, err := Start(t.Context(), Options{Nodes: 2, Sentinel: true}); err == nil {
		t.Error("two sentinels have no majority when one is away")
	}
	for spec, want := range map[string]Options{"nodes=5&sentinel=yes": {5, true}, "sentinel=no": {}} {
		if o, err := optionsOf(spec); err != nil || o != want {
			t.Errorf("%s: %+v, %v", spec, o, err)
		}
	}
	for _, spec := range []string{"sentinel", "sentinel=3", "nodes=0", "nodes=x", "sentinels=yes"} {
		if o, err := optionsOf(spec); err == nil {
			t.Errorf("%s: %+v", spec, o)
		}
	}
}

func optionsOf(spec string) (Options, error) {
	values, err := url.ParseQuery(spec)
	if err != nil {
		return Options{}, err
	}
	return options(values, false)
}
