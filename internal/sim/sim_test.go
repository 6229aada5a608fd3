package sim

import (
	"errors"
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

func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(3) {
		a, err := Run(Options{Seed: seed, Ops: 200, Nodes: 3})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Run(Options{Seed: seed, Ops: 200, Nodes: 3})
		if err != nil {
			t.Fatal(err)
		}
		if a.Trace != b.Trace {
			t.Fatalf("seed %d: traces %x and %x", seed, a.Trace, b.Trace)
		}
	}
}

// TestPlantedBugs shows that the simulator finds known mistakes, and in how
// many seeds.
func TestPlantedBugs(t *testing.T) {
	for name, bugs := range map[string]group.Bugs{
		"reads without ReadIndex": {ReadWithoutIndex: true},
		"acknowledge before sync": {AckBeforeSync: true},
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
