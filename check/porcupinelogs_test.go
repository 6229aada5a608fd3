package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// porcupineInput is an operation as Porcupine's model takes it: plain strings, as
// in its own tests, so that it is compared at its best.
type porcupineInput struct {
	f, key, in, to, out string
	open, yes           bool
}

// forPorcupine is the same history for Porcupine: ambiguous operations return
// after everything else, failed ones and unanswered reads are left out.
func forPorcupine(h *history.History) (porcupine.Model, []porcupine.Operation) {
	end := int64(0)
	for i := range h.Ops {
		end = max(end, h.Ops[i].Call+1)
		if h.Ops[i].Return != history.Never {
			end = max(end, h.Ops[i].Return+1)
		}
	}
	var ops []porcupine.Operation
	for i := range h.Ops {
		op := &h.Ops[i]
		if op.Outcome == history.Fail || op.Outcome == history.Info && op.F == history.Read {
			continue
		}
		in := porcupineInput{f: op.F, key: op.Key, in: op.In.Text(), out: op.Out.String(), open: op.Outcome != history.OK}
		if op.F == history.Read && !op.Out.IsNil() {
			in.out = op.Out.Text()
		}
		if op.F == history.CAS {
			from, to := pair(op.In)
			in.in, in.to, in.yes = from.Text(), to.Text(), op.Out == history.Bool(true)
		}
		ops = append(ops, porcupine.Operation{Input: in, Call: op.Call, Return: min(op.Return, end)})
	}
	initial := "null"
	if v := h.Header.Initial; !v.IsNil() {
		initial = v.Text()
	}
	return porcupine.Model{
		Partition: partitionForPorcupine,
		Init:      func() any { return initial },
		Step: func(state, in, _ any) (bool, any) {
			return stepForPorcupine(state.(string), in.(porcupineInput))
		},
	}, ops
}

func partitionForPorcupine(ops []porcupine.Operation) (parts [][]porcupine.Operation) {
	at := map[string]int{}
	for _, op := range ops {
		key := op.Input.(porcupineInput).key
		i, ok := at[key]
		if !ok {
			i = len(parts)
			at[key] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}

func stepForPorcupine(state string, op porcupineInput) (bool, any) {
	switch op.f {
	case history.Read:
		return op.open || state == op.out, state
	case history.Write:
		return true, op.in
	case history.CAS:
		if state == op.in {
			return op.open || op.yes, op.to
		}
		return op.open || !op.yes, state
	case history.Concat:
		return true, state + op.in
	}
	panic(op.f)
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
		m, ops := forPorcupine(h)
		want := porcupine.CheckOperations(m, ops)
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

// measured is a log and the best times of judging it.
type measured struct {
	path        string
	h           *history.History
	m           porcupine.Model
	ourModel    Model
	ops         []porcupine.Operation
	ours, other time.Duration
	told        time.Duration // ours with the violation explained
	slow        bool
}

// once judges the log by both, one after the other.
func (l *measured) once() {
	began := time.Now()
	Linearizable(l.h.Ops, l.ourModel, Budget{Bare: true})
	l.ours = min(l.ours, time.Since(began))
	began = time.Now()
	judgeLog(l.h)
	l.told = min(l.told, time.Since(began))
	if l.slow {
		return
	}
	began = time.Now()
	porcupine.CheckOperationsTimeout(l.m, l.ops, time.Minute)
	l.other = min(l.other, time.Since(began))
	l.slow = l.other > time.Second
}

// BenchmarkPorcupinesLogs judges every log by both in one run, in turns, and
// compares the best time of each (of a hundred, where it is short): worst is the largest ratio of ours to
// Porcupine's, slower how many logs take us 10% longer or more. Both give the
// verdict alone; here-told is ours with violations explained. Logs that
// Porcupine needs a second for are run once.
func BenchmarkPorcupinesLogs(b *testing.B) {
	var logs []*measured
	for _, kind := range []string{"jepsen", "kv"} {
		for _, path := range logsOf(b, kind) {
			l := &measured{path: filepath.Base(path), h: readLog(b, path), ours: time.Hour, other: time.Hour, told: time.Hour}
			l.m, l.ops = forPorcupine(l.h)
			l.ourModel, _ = ModelNamed("kv", &l.h.Header)
			logs = append(logs, l)
		}
	}
	for b.Loop() {
		for _, l := range logs {
			runtime.GC()
			for range 100 { // the best of many differs least
				l.once()
				if l.other > 10*time.Millisecond {
					break
				}
			}
		}
	}
	var ours, other, told time.Duration
	worst, slower := 0.0, 0
	for _, l := range logs {
		ratio := l.ours.Seconds() / l.other.Seconds()
		ours, other, told, worst = ours+l.ours, other+l.other, told+l.told, max(worst, ratio)
		if ratio > 1.1 {
			slower++
		}
		if ratio > 1.1 || strings.HasPrefix(l.path, "c") {
			b.Logf("%s: %v here, %v Porcupine (%.2f)", l.path, l.ours, l.other, ratio)
		}
	}
	b.ReportMetric(worst, "worst")
	b.ReportMetric(float64(slower), "slower")
	b.ReportMetric(ours.Seconds()*1000, "here-ms")
	b.ReportMetric(told.Seconds()*1000, "here-told-ms")
	b.ReportMetric(other.Seconds()*1000, "porcupine-ms")
}
