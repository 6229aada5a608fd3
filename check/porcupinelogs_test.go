package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/parleydb/parley/history"
)

// porcupineData is where the module cache has Porcupine's recorded histories.
func porcupineData(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "test_data")
	if _, statErr := os.Stat(dir); err != nil || statErr != nil {
		t.Skip("Porcupine's logs are not in the module cache")
	}
	return dir
}

func readLog(t testing.TB, path string) *history.History {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, _, err := history.ReadFormat(f, history.Auto, history.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return h
}

// byPorcupine is Porcupine's verdict on the same operations and model.
func byPorcupine(h *history.History) bool {
	initial := h.Header.InitialOf
	m := porcupine.Model{
		Init: func() any { return history.Value{} },
		Step: func(state, in, out any) (bool, any) { return stepNaively(state.(history.Value), in.(*history.Op)) },
	}
	byKey := map[string][]porcupine.Operation{}
	end := int64(0)
	for i := range h.Ops {
		end = max(end, h.Ops[i].Call+1)
		if h.Ops[i].Return != history.Never {
			end = max(end, h.Ops[i].Return+1)
		}
	}
	for i := range h.Ops {
		op := &h.Ops[i]
		if op.Outcome == history.Fail || op.Outcome == history.Info && op.F == history.Read {
			continue
		}
		byKey[op.Key] = append(byKey[op.Key], porcupine.Operation{Input: op, Call: op.Call, Return: min(op.Return, end)})
	}
	for key, ops := range byKey {
		m.Init = func() any { return initial(key) }
		if !porcupine.CheckOperations(m, ops) {
			return false
		}
	}
	return true
}

// stepNaively is the specification in values, as Porcupine's own tests have it.
func stepNaively(state history.Value, op *history.Op) (bool, any) {
	open := op.Outcome != history.OK
	switch op.F {
	case history.Read:
		return open || state == op.Out, state
	case history.Write:
		return true, op.In
	case history.CAS:
		from, to := pair(op.In)
		if state == from {
			return open || op.Out == history.Bool(true), to
		}
		return open || op.Out == history.Bool(false), state
	case history.Concat:
		return true, history.String(state.Text() + op.In.Text())
	}
	panic(op.F)
}

// logsOf are the logs of a kind ("jepsen" or "kv") that have something in them.
func logsOf(t testing.TB, kind string) []string {
	paths, _ := filepath.Glob(filepath.Join(porcupineData(t), kind, "*.*"))
	var out []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 { // etcd_095 is empty
			out = append(out, path)
		}
	}
	return out
}

func judgeLog(h *history.History) Result {
	m, _ := ModelNamed("kv", &h.Header)
	return Linearizable(h.Ops, m, Budget{})
}

// TestPorcupinesEtcdLogs: Jepsen's etcd logs get the verdicts that Porcupine gives.
func TestPorcupinesEtcdLogs(t *testing.T) {
	good, bad := 0, 0
	for _, path := range logsOf(t, "jepsen") {
		h := readLog(t, path)
		want := byPorcupine(h)
		if got := judgeLog(h); got.Verdict == Unknown || (got.Verdict == Holds) != want {
			t.Errorf("%s: %v, Porcupine says %v", path, got, want)
		}
		if want {
			good++
		} else {
			bad++
		}
	}
	t.Logf("%d hold, %d do not", good, bad)
	if good == 0 || bad == 0 {
		t.Error("the logs show nothing")
	}
}

// TestPorcupinesKeyValueLogs: their names say what they are. Porcupine itself
// takes seconds for one of them.
func TestPorcupinesKeyValueLogs(t *testing.T) {
	for _, path := range logsOf(t, "kv") {
		want := Violated
		if strings.Contains(path, "-ok.") {
			want = Holds
		}
		if got := judgeLog(readLog(t, path)); got.Verdict != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// BenchmarkPorcupinesLogs times both on every log, one after the other.
func BenchmarkPorcupinesLogs(b *testing.B) {
	for _, kind := range []string{"jepsen", "kv"} {
		var hs []*history.History
		for _, path := range logsOf(b, kind) {
			hs = append(hs, readLog(b, path))
		}
		b.Run(kind+"/here", func(b *testing.B) {
			for b.Loop() {
				for _, h := range hs {
					judgeLog(h)
				}
			}
		})
		b.Run(kind+"/porcupine", func(b *testing.B) {
			for b.Loop() {
				for _, h := range hs {
					byPorcupine(h)
				}
			}
		})
	}
}
