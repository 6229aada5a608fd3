package sim

import (
	"os"
	"strconv"
	"testing"
)

func TestZZ(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("ZSEED"), 10, 64)
	f, _ := os.Create("/tmp/sim.trace")
	rep, err := Run(Options{Seed: seed, Ops: testOps, Nodes: 3, Profile: os.Getenv("ZPROF"), Bug: os.Getenv("ZBUG"), Trace: f})
	t.Logf("%+v %v", rep, err)
}
