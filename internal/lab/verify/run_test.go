package verify

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/judge"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/nemesis"
	"github.com/parleydb/parley/internal/lab/workload"
)

// options are those of a run that its fake ends.
func options(t *testing.T, name string) Options {
	t.Helper()
	w, err := workload.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Workload: w, Time: time.Hour, OpTimeout: time.Second, Clients: 6, Rate: 4000, Seed: 1, Command: "again"}
}

func verify(t *testing.T, f *fake, o Options) *Found {
	t.Helper()
	return together(t, f, o)[0]
}

// together runs workloads together until the fake has enough.
func together(t *testing.T, f *fake, all ...Options) []*Found {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if f.enough = stop; f.ops == 0 && f.faults == 0 {
		f.ops = 1000
	}
	var out bytes.Buffer
	found, err := Together(ctx, t.Context(), f, all, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return found
}

// faulty is a fake that ends runs after so many faults, each of which some client
// has met, and the options of faults in quick succession.
func faulty(o *Options, faults int, kind lab.FaultKind) *fake {
	o.Faults = []nemesis.Wish{{Kind: kind}}
	o.Pace = nemesis.Pace{Fault: 20 * time.Millisecond, Quiet: 10 * time.Millisecond}
	f := newFake()
	f.faults = faults
	return f
}

// every breaks each n-th operation of a kind.
func every(n int64, f string, how breakage) func(*history.Op, int64) breakage {
	return func(op *history.Op, i int64) breakage {
		if i%n == 0 && (op.F == f || op.F == history.Txn) {
			return how
		}
		return fine
	}
}

func TestWorkloads(t *testing.T) {
	for _, c := range []struct {
		workload string
		name     string
		bad      func(*history.Op, int64) breakage
		verdict  check.Verdict
	}{
		{"register", "good", nil, check.Holds},
		{"register", "stale reads", every(7, history.Read, stale), check.Violated},
		{"register", "lost writes", every(7, history.Write, lost), check.Violated},
		{"register", "lost compare-and-sets", every(3, history.CAS, lost), check.Violated},
		{"set", "good", nil, check.Holds},
		{"set", "stale reads", every(7, history.Read, stale), check.Violated},
		{"set", "lost adds", every(7, history.Add, lost), check.Violated},
		{"set", "doubled adds", every(7, history.Add, doubled), check.Violated},
		{"append", "good", nil, check.Holds},
		{"append", "lost appends", every(7, history.Append, lost), check.Violated},
		{"append", "doubled appends", every(7, history.Append, doubled), check.Violated},
		{"append", "stale reads", every(7, history.Txn, stale), check.Violated},
		{"counter", "good", nil, check.Holds},
		{"counter", "lost increments", every(7, history.Incr, lost), check.Violated},
		{"counter", "doubled increments", every(7, history.Incr, doubled), check.Violated},
		{"bank", "good", nil, check.Holds},
		{"bank", "half transfers", every(7, history.Transfer, half), check.Violated},
		{"queue", "good", nil, check.Holds},
		{"queue", "lost enqueues", every(7, history.Enqueue, lost), check.Violated},
		{"queue", "doubled enqueues", every(7, history.Enqueue, doubled), check.Violated},
		{"session", "good", nil, check.Holds},
		{"session", "stale reads", every(3, history.Read, stale), check.Violated},
		{"cart", "good", nil, check.Holds},
		{"cart", "lost adds", every(7, history.Add, lost), check.Violated},
		{"cart", "doubled adds", every(7, history.Add, doubled), check.Violated},
		{"cart", "lost removals", every(3, history.Remove, lost), check.Violated},
	} {
		t.Run(c.workload+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.bad = c.bad
			found := verify(t, f, options(t, c.workload))
			worst := check.Holds
			for _, r := range found.Results {
				if r.Verdict == check.Violated || worst == check.Holds {
					worst = r.Verdict
				}
			}
			if worst != c.verdict || len(found.Problems) > 0 {
				t.Fatalf("%v, want %v\n%v\n%v", worst, c.verdict, found.Results, found.Problems)
			}
		})
	}
}

// With lost answers the outcomes of writes are in doubt, and the database can
// tell those with an identity.
func TestDoubtsAreSettled(t *testing.T) {
	for _, name := range []string{"counter", "cart", "queue", "register"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, name)
			found := verify(t, faulty(&o, 3, lab.FaultLoss), o)
			doubts, withID := 0, 0
			for _, op := range found.History.Ops {
				if op.ID != "" {
					withID++
				}
				if op.Outcome == history.Info && op.ID != "" {
					doubts++
				}
			}
			if doubts > 0 || (withID > 0) != (name != "register") || len(found.Problems) > 0 {
				t.Errorf("%d of %d operations with an identity are in doubt; %v", doubts, withID, found.Problems)
			}
			for _, r := range found.Results {
				if r.Verdict != check.Holds {
					t.Error(r)
				}
			}
			if found.Faults[0].NotOK == 0 && name == "register" {
				t.Errorf("the fault changed no outcome: %+v", found.Faults)
			}
		})
	}
}

func TestFaultsAreMadeAndTold(t *testing.T) {
	o := options(t, "register")
	f := faulty(&o, 5, lab.FaultKill)
	found := verify(t, f, o)
	if len(found.Faults) != 5 || len(found.Faults) != len(f.made) || len(found.Problems) > 0 || found.Results[0].Verdict != check.Holds {
		t.Fatalf("%+v\n%v\n%v", found.Faults, found.Problems, found.Results)
	}
	for _, m := range found.Faults {
		if m.Touched == 0 || m.NotOK == 0 || m.To <= m.From || !strings.Contains(m.Name, "kill (n") {
			t.Errorf("%+v", m)
		}
	}
	notes := 0
	for _, n := range found.History.Notes {
		if strings.HasPrefix(n.Text, "fault begins: kill") || strings.HasPrefix(n.Text, "fault ends: kill") {
			notes++
		}
	}
	if notes != 2*len(found.Faults) {
		t.Errorf("%d notes of %d faults", notes, len(found.Faults))
	}
}

// A fault at a node that nobody talks to shows nothing, and the run must not
// pass for one that showed something.
func TestFaultThatTouchesNothing(t *testing.T) {
	o := options(t, "register")
	o.Clients = 1 // at n1
	f := faulty(&o, 4, lab.FaultKill)
	f.unmet = map[int]bool{1: true, 2: true}
	found := verify(t, f, o)
	elsewhere := 0
	for _, m := range found.Faults {
		if !m.Fault.Hits(0) {
			elsewhere++
		}
	}
	if elsewhere == 0 || len(found.Problems) != elsewhere || !strings.Contains(found.Problems[0], "touched no operation") {
		t.Fatalf("%v\n%+v", found.Problems, found.Faults)
	}
	if code, err := found.print(new(bytes.Buffer), ""); code != judge.ExitUnknown || err != nil {
		t.Fatal(code, err)
	}
}

// An interrupt ends the workload; what was recorded is judged, and the file says
// the same to `parley check`.
func TestInterruptJudges(t *testing.T) {
	o := options(t, "register")
	o.History = filepath.Join(t.TempDir(), "h.jsonl")
	f := newFake()
	ctx, stop := context.WithCancel(t.Context())
	f.bad = func(op *history.Op, n int64) breakage {
		if n == 500 {
			stop()
		}
		return every(7, history.Read, stale)(op, n)
	}
	found, err := Run(ctx, t.Context(), f, o, new(bytes.Buffer))
	if err != nil || found.Results[0].Verdict != check.Violated || len(found.Problems) > 0 {
		t.Fatal(err, found)
	}
	var out, errs bytes.Buffer
	if code := judge.Run([]string{o.History}, strings.NewReader(""), &out, &errs); code != judge.ExitViolated {
		t.Fatalf("parley check: %d\n%s%s", code, &out, &errs)
	}
	text, err := os.ReadFile(o.History)
	if err != nil || !strings.Contains(string(text[:500]), `"target":"a fake"`) {
		t.Fatalf("%v %.500s", err, text)
	}
}

func TestNoOperationSucceeds(t *testing.T) {
	f := newFake()
	f.down = map[int]bool{0: true, 1: true, 2: true}
	hard, give := context.WithCancel(t.Context())
	time.AfterFunc(400*time.Millisecond, give)
	o := options(t, "register")
	o.Time = 50 * time.Millisecond
	found, err := Run(t.Context(), hard, f, o, new(bytes.Buffer))
	if err != nil || !strings.Contains(strings.Join(found.Problems, "\n"), "no operation succeeded (last error: n") {
		t.Fatal(err, found)
	}
}

// The end of a session is the end of its process: nothing after it belongs to
// the same one.
func TestSessionsMoveAndEnd(t *testing.T) {
	o := options(t, "session")
	f := newFake()
	found := verify(t, f, o)
	nodes := map[int64]map[string]bool{}
	for _, op := range found.History.Ops {
		if nodes[op.Process] == nil {
			nodes[op.Process] = map[string]bool{}
		}
		nodes[op.Process][op.Node] = true
	}
	moved := 0
	for _, n := range nodes {
		if len(n) > 1 {
			moved++
		}
	}
	if moved < o.Clients {
		t.Errorf("%d of %d clients moved: %v", moved, o.Clients, nodes)
	}
	ended := map[int64]bool{}
	for _, op := range verify(t, faulty(&o, 3, lab.FaultLoss), o).History.Ops {
		if ended[op.Process] {
			t.Fatalf("process %d went on after an operation of unknown outcome", op.Process)
		}
		ended[op.Process] = op.Outcome == history.Info
	}
}

// Workloads that run together meet the same faults, at the same times of one clock.
func TestTogether(t *testing.T) {
	first, second := options(t, "session"), options(t, "set")
	f := faulty(&first, 4, lab.FaultKill)
	f.bad = every(7, history.Add, lost)
	found := together(t, f, first, second)
	if len(found) != 2 || len(f.made) != 4 {
		t.Fatal(found, f.made)
	}
	for i, one := range found {
		touched := 0
		for j, m := range one.Faults {
			touched += m.Touched
			if m.From != found[0].Faults[j].From || m.To != found[0].Faults[j].To {
				t.Errorf("%d: %+v", i, m)
			}
		}
		if len(one.Faults) != len(f.made) || touched == 0 {
			t.Errorf("%d: %d faults of %d touched %d operations", i, len(one.Faults), len(f.made), touched)
		}
		if want := []check.Verdict{check.Holds, check.Violated}[i]; one.Results[0].Verdict != want {
			t.Errorf("%d: %v", i, one.Results)
		}
	}
}

// Faults that are wished for together begin in their order, the second while the
// first is there, and end with the network's first.
func TestFaultsTogether(t *testing.T) {
	o := options(t, "register")
	f := faulty(&o, 4, lab.FaultLoss)
	o.Faults[0].With = []nemesis.Wish{{Kind: lab.FaultKill}}
	found := verify(t, f, o)
	for i := 0; i < len(found.Faults); i += 2 {
		loss, kill := found.Faults[i], found.Faults[i+1]
		if loss.Fault.Kind != lab.FaultLoss || kill.Fault.Kind != lab.FaultKill {
			t.Fatalf("%s, then %s", loss.Name, kill.Name)
		}
		if kill.From <= loss.From || kill.From >= loss.To || loss.To > kill.To {
			t.Errorf("%+v, then %+v", loss, kill)
		}
	}
}
