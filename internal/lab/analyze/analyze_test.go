package analyze

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/report"
	"github.com/parleydb/parley/internal/lab/story"
	"github.com/parleydb/parley/internal/lab/target/etcd"
	"github.com/parleydb/parley/internal/lab/target/redis"
)

func open(t *testing.T, program, spec string, opener lab.Opener) lab.Target {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	target, err := opener(ctx, spec, new(bytes.Buffer))
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

func analyze(t *testing.T, target lab.Target, length time.Duration) *Analysis {
	t.Helper()
	var out bytes.Buffer
	a, err := Run(t.Context(), context.Background(), target, Options{Time: length, Seed: 1, Command: "again"}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return a
}

// in is the verdict of a level when something happened.
func in(m *Mode, name, level string) check.Verdict { return m.of(name).Verdict(level) }

type expectation struct {
	mode, when, level string
	want              check.Verdict
}

func expect(t *testing.T, a *Analysis, all ...expectation) {
	t.Helper()
	for _, e := range all {
		m := a.mode(e.mode)
		if m == nil {
			t.Fatalf("no mode %q", e.mode)
		}
		if got := in(m, e.when, e.level); got != e.want {
			t.Errorf("%s, %s: %s is %s, want %s", e.mode, e.when, e.level, got, e.want)
		}
	}
}

// What is known to be weak in etcd is seen by the schedules alone.
func TestEtcd(t *testing.T) {
	a := analyze(t, open(t, "etcd", "", etcd.Open), 0)
	expect(t, a,
		expectation{"linearizable", nameCutOff, "linearizable", check.Holds},
		expectation{"linearizable", nameFailover, "linearizable", check.Holds},
		expectation{"linearizable", nameFailover, "exactly-once", check.Holds},
		expectation{"linearizable", nameBehind, "exactly-once", check.Holds},
		expectation{"serializable", nameCutOff, "linearizable", check.Violated},
		expectation{"serializable", nameCutOff, "ryw", check.Violated},
		expectation{"serializable", nameCutOff, "mr", check.Violated},
		expectation{"serializable", nameFailover, "exactly-once", check.Holds},
		expectation{"serializable", nameBehind, "exactly-once", check.Holds},
	)
	if strong, weak := a.Modes[0].Alone.String(), a.Modes[1].Alone.String(); strong != "refuses" || weak != "reads" {
		t.Errorf("cut off, it %s and %s", strong, weak)
	}
	tells(t, a, "linearizable linearizable - 4, all kept refuses", "Not ryw (a node is cut off): n", "> kept", "> as it says: weaker than linearizable")
}

// A failover of Redis loses what was acknowledged; WAIT does so if the one who
// is behind takes over; and a replica does not show a session its own write.
func TestRedis(t *testing.T) {
	target := open(t, "redis-server", "?nodes=3", redis.Open)
	a := analyze(t, target, 0)
	expect(t, a,
		expectation{"primary", nameCutOff, "linearizable", check.Holds},
		expectation{"primary", nameFailover, "linearizable", check.Violated},
		expectation{"primary", nameFailover, "ryw", check.Violated},
		expectation{"primary", nameFailover, "exactly-once", check.Violated},
		expectation{"primary", nameBehind, "exactly-once", check.Violated},
		expectation{"replica", nameCutOff, "ryw", check.Violated},
		expectation{"replica", nameCutOff, "mr", check.Violated},
		expectation{"wait", nameCutOff, "linearizable", check.Holds},
		expectation{"wait", nameFailover, "exactly-once", check.Holds},
		expectation{"wait", nameFailover, "linearizable", check.Violated}, // what was not confirmed was seen, and lost
		expectation{"wait", nameBehind, "exactly-once", check.Violated},
	)
	for i, lost := range []int{2, 2, 1} {
		if w := a.Modes[i].Writes(); w.Lost != lost {
			t.Errorf("%s: %v, want %d lost", a.Modes[i].Name, w, lost)
		}
	}
	tells(t, a, "Not exactly-once (the leader fails): n", "LOST", "> as it says: acknowledged writes were lost")
	t.Run("given", func(t *testing.T) { given(t, target.(*redis.Target)) })
}

// given analyzes the same servers as ones that others run: nothing breaks, and
// it says that this says little.
func given(t *testing.T, target *redis.Target) {
	outside, err := redis.Connect(t.Context(), "", target.Addresses()...)
	if err != nil {
		t.Fatal(err)
	}
	a := analyze(t, outside, 300*time.Millisecond)
	if a.Faults || !slices.Equal(a.done(), []string{nameQuiet, nameMoves, nameStays, nameAppend, nameSet}) {
		t.Errorf("faults %v, done %v", a.Faults, a.done())
	}
	expect(t, a, expectation{"primary", nameQuiet, "linearizable", check.Holds})
	tells(t, a, noFaults)
}

// Drawn faults: a short run, of which no more is certain than that it is told.
func TestDrawn(t *testing.T) {
	a := analyze(t, open(t, "redis-server", "?nodes=3", redis.Open), 4*time.Second)
	if len(a.mode("primary").of(nameMoves).Trials[0].Faults) == 0 {
		t.Error("no fault was made")
	}
	tells(t, a, nameStays, nameAppend)
}

// trigger does something when a text was written.
type trigger struct {
	text string
	do   func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		w.do()
	}
	return len(p), nil
}

// An interrupt in a schedule ends all, and leaves the target whole; one in the
// workloads cuts them short, and what was recorded is told.
func TestInterrupted(t *testing.T) {
	target := open(t, "redis-server", "?nodes=3", redis.Open)
	for text, told := range map[string]bool{nameFailover: false, "workloads for": true} {
		ctx, interrupt := context.WithCancel(t.Context())
		a, err := Run(ctx, t.Context(), target, Options{Time: time.Hour, Seed: 1}, &trigger{text, interrupt})
		if (err == nil) != told || told && (len(a.Problems) == 0 || !strings.Contains(a.Problems[len(a.Problems)-1], "interrupted")) {
			t.Errorf("interrupted at %q: %v, %+v", text, err, a)
		}
	}
	expect(t, analyze(t, target, 0), expectation{"primary", nameCutOff, "linearizable", check.Holds})
}

// tells checks what an analysis says in the terminal, and that it has a page.
func tells(t *testing.T, a *Analysis, want ...string) {
	t.Helper()
	var out, page bytes.Buffer
	a.tell(story.On(&out))
	flat := strings.Join(strings.Fields(out.String()), " ")
	for _, w := range append(want, a.Target, "That is no proof") {
		if !strings.Contains(flat, w) {
			t.Errorf("no %q in\n%s", w, &out)
		}
	}
	if err := report.WriteCollection(&page, a.page()); err != nil || page.Len() > report.MaxSize {
		t.Errorf("%d bytes, %v", page.Len(), err)
	}
	for _, m := range a.Modes {
		if !strings.Contains(page.String(), "Asked for "+m.Name) {
			t.Errorf("the page does not tell of %s", m.Name)
		}
	}
}

func TestPromises(t *testing.T) {
	violated := func(level string) *Mode {
		return &Mode{Name: "linearizable", Trials: []*Trial{{Results: []check.Result{{Level: level, Verdict: check.Violated}}}}}
	}
	a := &Analysis{Target: "etcd 9", Modes: []*Mode{violated("linearizable")}}
	for _, m := range a.Modes {
		for _, trial := range m.Trials {
			trial.History = &history.History{Header: history.Header{Model: "register"}}
		}
	}
	all := a.Promises()
	if len(all) != 1 {
		t.Fatal(all)
	}
	if words, broken := a.Kept(all[0]); !broken || words != "BROKEN: not linearizable" {
		t.Error(words, broken)
	}
	if v, text := a.headline(); v != check.Violated || text != "linearizable: BROKEN: not linearizable" {
		t.Error(v, text)
	}
	if (&Analysis{Target: "Unheard 1", Modes: a.Modes}).Promises() != nil {
		t.Error("promises of an unknown database")
	}
	for _, level := range check.LevelNames() {
		for _, other := range check.LevelNames() {
			if implies(level, other) && implies(other, level) {
				t.Errorf("%s and %s imply each other", level, other)
			}
		}
	}
	if !implies("linearizable", "ryw") || implies("ryw", "mr") {
		t.Error("implies")
	}
}
