package sim

import (
	"os"
	"strconv"
	"testing"
)

// TestPlantedBugs shows that each planted bug is found by the checker that is
// meant for it, within a few seeds of the profile that shows it best.
func TestPlantedBugs(t *testing.T) {
	most := uint64(60)
	if s := os.Getenv("SIM_SEEDS"); s != "" {
		most, _ = strconv.ParseUint(s, 10, 64)
	}
	for _, b := range Bugs {
		t.Run(b.Name, func(t *testing.T) {
			by := map[string]int{}
			for seed := range most {
				rep, err := Run(Options{Seed: seed, Ops: testOps, Nodes: testNodes, Profile: b.Profile, Bug: b.Name})
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range rep.Violations {
					by[v.Checker]++
					if by[v.Checker] == 1 {
						t.Logf("seed %d: %v", seed, v)
					}
				}
			}
			t.Logf("%v", by)
			if by[b.Checker] == 0 {
				t.Fatalf("not found by %s in %d seeds of profile %s", b.Checker, most, b.Profile)
			}
		})
	}
}
