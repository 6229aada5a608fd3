package sim

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/parleydb/parley/internal/group"
)

func TestSeeds(t *testing.T) {
	for seed := range uint64(20) {
		rep, err := Run(Options{Seed: seed, Ops: 300, Nodes: 3})
		if err != nil {
			t.Fatalf("%v (%+v)", err, rep)
		}
		t.Logf("%+v", rep)
	}
}

// TestSameSeedSameTrace compares whole traces, also between one and two
// processors: Pebble's goroutines must not show in them.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(5) {
		var traces [3]bytes.Buffer
		for i := range traces {
			before := runtime.GOMAXPROCS(1 + i%2)
			_, err := Run(Options{Seed: seed, Ops: 400, Nodes: 3, Trace: &traces[i]})
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

// TestPlantedBugs shows that the simulator finds known mistakes, and in how
// many seeds.
func TestPlantedBugs(t *testing.T) {
	for name, bugs := range map[string]group.Bugs{
		"reads without ReadIndex": {ReadWithoutIndex: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				_, err := Run(Options{Seed: seed, Ops: 300, Nodes: 3, Bugs: bugs})
				if v := (*Violation)(nil); errors.As(err, &v) {
					t.Logf("found in %d seeds: %v", seed+1, err)
					return
				}
			}
			t.Fatal("not found in 200 seeds")
		})
	}
}
