package sim

import (
	"bytes"
	"runtime"
	"testing"
)

// TestSeeds runs each profile under some seeds.
func TestSeeds(t *testing.T) {
	for seed := range uint64(2 * len(profiles)) {
		rep, err := Run(Options{Seed: seed, Ops: DefaultOps, Nodes: DefaultNodes})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rep.Violations {
			t.Errorf("seed %d, profile %s: %v", seed, rep.Profile, v)
		}
		t.Logf("%+v", rep)
	}
}

// regressions are runs that once broke a promise.
var regressions = []struct {
	what string
	o    Options
}{
	{"a bounded read that asked the leader stated more staleness than its bound", Options{Seed: 2, Ops: 300, Nodes: 3, Profile: "stale"}},
	{"a deletion that found a write of unknown outcome, which the checker had left out", Options{Seed: 2014, Ops: 300, Nodes: 3, Profile: "elections"}},
}

func TestRegressions(t *testing.T) {
	for _, r := range regressions {
		rep, err := Run(r.o)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rep.Violations {
			t.Errorf("%s: seed %d: %v", r.what, r.o.Seed, v)
		}
	}
}

// TestSameSeedSameTrace compares whole traces, also between one and two
// processors: Pebble's goroutines must not show in them.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(len(profiles)) {
		var traces [3]bytes.Buffer
		for i := range traces {
			before := runtime.GOMAXPROCS(1 + i%2)
			_, err := Run(Options{Seed: seed, Ops: 200, Nodes: DefaultNodes, Trace: &traces[i]})
			runtime.GOMAXPROCS(before)
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range traces[1:] {
			if at, a, b, differ := firstDifference(traces[0].Bytes(), traces[i+1].Bytes()); differ {
				t.Fatalf("seed %d: line %d is %q in one run and %q in another", seed, at, a, b)
			}
		}
	}
}

func firstDifference(a, b []byte) (line int, inA, inB string, differ bool) {
	la, lb := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(la), len(lb)) {
		if !bytes.Equal(la[i], lb[i]) {
			return i + 1, string(la[i]), string(lb[i]), true
		}
	}
	return len(lb), "", "", len(la) != len(lb)
}
