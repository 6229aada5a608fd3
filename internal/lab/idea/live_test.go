package idea

import (
	"strings"
	"testing"

	"github.com/parleydb/parley/check"
)

func TestRemoteCall(t *testing.T) {
	c, s := live(t), newHeard()
	found, err := fourWays(t.Context(), s.Stage, c)
	if err != nil {
		t.Fatal(err)
	}
	want := []callFound{
		{outcome: "never", asked: "(nil)"},
		{outcome: "never", asked: "(nil)"},
		{done: true, outcome: "applied 1", asked: "1"},
		{outcome: "never", asked: "(nil)", late: "1, and -ERR id was fenced"},
	}
	for i, f := range found {
		w := want[i]
		if f.caller != "no answer" || f.again != "1" || f.repeated != "1" {
			t.Errorf("%s: %+v", f.way.name, f)
		}
		if f.done != w.done || f.outcome != w.outcome || f.asked != w.asked || !strings.HasPrefix(f.late, w.late) || w.late == "" && f.late != "" {
			t.Errorf("%s: %+v", f.way.name, f)
		}
	}
	tellFourWays(s.Stage, found)
	checkStory(t, s.text.String(), "done, answer lost yes 1 1 applied 1 1")
	checkPicture(t, fourWaysPicture(found), "applied 1")
}

func TestFallacies(t *testing.T) {
	c, s := live(t), newHeard()
	found, err := eightFallacies(t.Context(), s.Stage, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 8 {
		t.Errorf("%d fallacies", len(found))
	}
	for _, f := range found {
		if !f.held || len(f.seen) == 0 {
			t.Errorf("%s: %+v", f.claim, f)
		}
	}
	checkStory(t, s.text.String(), "The counter is", "syncs of the leader's disk")
	checkPicture(t, fallaciesPicture(found), "The network is secure")
}

func TestPartition(t *testing.T) {
	c, s := live(t), newHeard()
	f, err := askBothSides(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	minority := []string{"-UNAVAILABLE", "-UNAVAILABLE", "-UNAVAILABLE", "-TOOSTALE", "old"}
	for i, want := range minority {
		major := "new"
		if i == 0 {
			major = "OK"
		}
		if got := outcome(f.majority[i].answer); got != major {
			t.Errorf("majority, %s: %s", f.majority[i].what, got)
		}
		if got := outcome(f.minority[i].answer); got != want {
			t.Errorf("minority, %s: %s", f.minority[i].what, f.minority[i].answer.text())
		}
	}
	if outcome(f.healed) != "new" {
		t.Errorf("healed: %s", f.healed.text())
	}
	tellPartition(s.Stage, f)
	checkStory(t, s.text.String(), "bounded:1s new")
	checkPicture(t, partitionPicture(f), "eventual: old")
}

func TestSessions(t *testing.T) {
	c, s := live(t), newHeard()
	e, err := slowReplica(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	judged := func(level string, want check.Verdict) *judgedRun {
		j, err := e.judged(t.Context(), level)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range j.results {
			if r.Verdict != want {
				t.Errorf("%s at %s: %v", guarantees[i].title, level, r)
			}
		}
		return j
	}
	eventual, session := judged("eventual", check.Violated), judged("session", check.Holds)
	tellSessions(s.Stage, eventual, session)
	checkStory(t, s.text.String(), "read your writes: violated", "read your writes: holds")
	checkPicture(t, sessionsPicture(eventual), "ann")
}

func TestLiveSkew(t *testing.T) {
	c := live(t, "--clock-bound", "1m")
	f, err := writeUnderTwoLeaders(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if f.stamps[1] <= f.stamps[0] || f.behind <= 0 || f.value != "second" || f.leaders[0] == f.leaders[1] {
		t.Errorf("%+v", f)
	}
}
