package sim

import "testing"

// seedsForBug is how many seeds a planted bug gets until its checker must have
// found it once.
const seedsForBug = 60

// TestPlantedBugs shows that each planted bug is found by the checker that is
// meant for it. TestSeeds shows that correct code passes the same profiles; the
// table in docs/simulator.md says in how many seeds of 100 each is found.
func TestPlantedBugs(t *testing.T) {
	for _, b := range Bugs {
		t.Run(b.Name, func(t *testing.T) {
			h, err := hunt(b, Options{Ops: DefaultOps, Nodes: DefaultNodes}, seedsForBug, 1)
			if err != nil {
				t.Fatal(err)
			}
			if h.Found == 0 {
				t.Fatalf("not found by %s in %d seeds of profile %s (by others in %d)", b.Checker, seedsForBug, b.Profile, h.Any)
			}
			t.Logf("found by %s in seed %d of profile %s", b.Checker, h.First, b.Profile)
		})
	}
}

// TestWatchersFind shows that those watchers find something for which no bug is
// meant.
func TestWatchersFind(t *testing.T) {
	for checker, name := range map[string]string{
		"replicas": "expire-by-wall-clock", "recovery": "ack-after-failed-sync", "panic": "forget-vote",
	} {
		b := *bugNamed(name)
		b.Checker = checker
		h, err := hunt(b, Options{Ops: DefaultOps, Nodes: DefaultNodes}, seedsForBug, 1)
		if err != nil {
			t.Fatal(err)
		}
		if h.Found == 0 {
			t.Errorf("%s found nothing in %d seeds with %s", checker, seedsForBug, name)
		}
	}
}

// TestBugsNameCheckers keeps the table of bugs true to the other tables.
func TestBugsNameCheckers(t *testing.T) {
	known := map[string]bool{}
	for _, c := range append(checkers[:len(checkers):len(checkers)], watchers...) {
		known[c.name] = true
	}
	for _, b := range Bugs {
		if !known[b.Checker] || profileNamed(b.Profile) == nil {
			t.Errorf("%s names checker %q and profile %q", b.Name, b.Checker, b.Profile)
		}
	}
}
