package sim

import (
	"bytes"
	"runtime"
	"testing"
)

const (
	testOps   = 300
	testNodes = 3
)

// TestSeeds runs each profile under some seeds.
func TestSeeds(t *testing.T) {
	for seed := range uint64(33) {
		rep, err := Run(Options{Seed: seed, Ops: testOps, Nodes: testNodes})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rep.Violations {
			t.Errorf("seed %d, profile %s: %v", seed, rep.Profile, v)
		}
		t.Logf("%+v", rep)
	}
}

// TestSameSeedSameTrace compares whole traces, also between one and two
// processors: Pebble's goroutines must not show in them.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := range uint64(len(profiles)) {
		var traces [3]bytes.Buffer
		for i := range traces {
			before := runtime.GOMAXPROCS(1 + i%2)
			_, err := Run(Options{Seed: seed, Ops: testOps, Nodes: testNodes, Trace: &traces[i]})
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
