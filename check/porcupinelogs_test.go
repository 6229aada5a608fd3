package check

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestPorcupinesLogs: all 103 etcd logs and 6 key-value logs get the verdict of
// Porcupine, and none takes longer than it took.
func TestPorcupinesLogs(t *testing.T) {
	dir := porcupineData(t)
	logs, _ := filepath.Glob(filepath.Join(dir, "*", "*.*"))
	good, bad := 0, 0
	var ours, theirs time.Duration
	slower := ""
	for _, path := range logs {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			continue // etcd_095 is empty
		}
		h := readLog(t, path)
		header := h.Header
		m, _ := ModelNamed("kv", &header)
		best, bestTheirs := time.Hour, time.Hour
		var got Result
		var want bool
		for range 3 {
			start := time.Now()
			got = Linearizable(h.Ops, m, Budget{})
			best = min(best, time.Since(start))
			start = time.Now()
			want = byPorcupine(h)
			bestTheirs = min(bestTheirs, time.Since(start))
		}
		ours, theirs = ours+best, theirs+bestTheirs
		if best > bestTheirs*11/10 {
			slower += fmt.Sprintf("%s: %v, Porcupine %v\n", filepath.Base(path), best, bestTheirs)
		}
		if got.Verdict == Unknown || (got.Verdict == Holds) != want {
			t.Errorf("%s: %v, Porcupine says %v", path, got, want)
		}
		if strings.Contains(path, "-ok.") && !want || strings.Contains(path, "-bad.") && want {
			t.Errorf("%s: the name says otherwise", path)
		}
		if want {
			good++
		} else {
			bad++
		}
	}
	t.Logf("%d hold, %d do not; %v here, %v in Porcupine; slower here:\n%s", good, bad, ours, theirs, slower)
}
