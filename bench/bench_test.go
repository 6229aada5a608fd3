package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Quantiles of the histogram are those of the sorted values, rounded up by
// less than one percent.
func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var a, b histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(r.Int64N(1 << (1 + i%40)))
		all = append(all, d)
		[]*histogram{&a, &b}[i%2].add(d)
	}
	a.merge(&b)
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want, got := all[int(q*float64(len(all)))-1], a.quantile(q)
		if got < want || float64(got) > float64(want)*1.01+1 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := (&histogram{}).quantile(0.5); got != 0 {
		t.Errorf("nothing has the median %v", got)
	}
}

func TestMedian(t *testing.T) {
	same := func(f float64) float64 { return f }
	if m := medianOf([]float64{9, 1, 5}, same); m != 5 {
		t.Error(m)
	}
	if m := medianOf([]float64{9, 1, 5, 6}, same); m != 5.5 {
		t.Error(m)
	}
}

func TestLongestGap(t *testing.T) {
	start := time.Now()
	at := func(ms ...int) (l []time.Time) {
		for _, m := range ms {
			l = append(l, start.Add(time.Duration(m)*time.Millisecond))
		}
		return l
	}
	for _, c := range []struct {
		name string
		acks []int
		want int
	}{
		{"the gap begins at the last one before the fault", []int{0, 90, 400, 401}, 310},
		{"one that ended before the fault does not count", []int{0, 99, 110, 120}, 11},
		{"a later one may be the longest", []int{95, 110, 300, 301}, 190},
		{"writers' logs need not be in order", []int{400, 0, 401, 90}, 310},
	} {
		gap, err := longestGap(at(c.acks...), start.Add(100*time.Millisecond))
		if err != nil || gap != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%s: %v, error %v", c.name, gap, err)
		}
	}
	if _, err := longestGap(at(110), start.Add(100*time.Millisecond)); err == nil {
		t.Error("without a write before the fault there is no gap")
	}
}

func TestParseBenchmarkCSV(t *testing.T) {
	head := `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n"
	s, err := parseBenchmarkCSV(head + `"SET","47250.00","0.5","0.1","0.910","2.0","4.450","9.0"`)
	if err != nil || s.opsPerSec != 47250 || s.p50 != 910*time.Microsecond || s.p99 != 4450*time.Microsecond {
		t.Errorf("%+v, error %v", s, err)
	}
	for _, bad := range []string{"", head, head + `"SET","inf.","0","0","0","0","0","0"`, `"test","rps"` + "\n" + `"SET","1.0"`} {
		if _, err := parseBenchmarkCSV(bad); err == nil {
			t.Errorf("%q is no table", bad)
		}
	}
}

// Parley, etcd and redis-benchmark must name keys alike, in 16 bytes.
func TestKeyName(t *testing.T) {
	if k := keyName(1234); k != "key:000000001234" || len(k) != 16 {
		t.Error(k)
	}
}

// CPU time is read from the right columns, whatever the process is called.
func TestCPUTime(t *testing.T) {
	p := &process{pid: os.Getpid()}
	before, err := p.cpuTime()
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 200*time.Millisecond; {
	}
	after, err := p.cpuTime()
	if used := after - before; err != nil || used < 20*time.Millisecond || used > time.Second {
		t.Errorf("200 ms of work took %v of CPU, error %v", used, err)
	}
}

// All that runs is ended, and all that was written is removed.
func TestProcessesClose(t *testing.T) {
	procs, err := newProcesses(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := procs.freshDir("sleep")
	if err != nil {
		t.Fatal(err)
	}
	p, err := procs.start("sleep", dir+"/log", "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	(&server{nodes: []*process{p}}).pause() // a paused one is ended too
	if err := procs.close(); err != nil {
		t.Error(err)
	}
	if !p.ended() {
		t.Error("still running")
	}
	if _, err := os.Stat(procs.base); !os.IsNotExist(err) {
		t.Error("the directory is still there")
	}
}

func TestReportSaysWhatWasMissed(t *testing.T) {
	got := newResults()
	w := workload{op: "SET", conns: 64, pipeline: 1}
	got.add("parley", w, sample{opsPerSec: 500, p99: 2 * time.Millisecond, serverCPU: 31 * time.Microsecond})
	got.add("etcd", w, sample{opsPerSec: 100, p99: time.Millisecond})
	r := &report{head: "# Benchmarks\n"}
	r.ratioTarget("six times", got, w, "parley", "etcd", 6)
	r.ratioTarget("five times", got, w, "parley", "etcd", 5)
	r.p99Target("p99", got, w, "parley", "etcd")
	r.cpuTarget("cpu", got, w, "parley", 30)
	if strings.Contains(r.String(), "not free") {
		t.Error("calls a free machine busy")
	}
	got.add("redis", w, sample{opsPerSec: 1, others: 0.3})
	r.addRuns(w, got, "redis")
	text := r.String()
	for _, want := range []string{
		"other programs used 30% of its CPU",
		"| six times | 5.00 times | at least 6 | **missed** |",
		"| five times | 5.00 times | at least 5 | met |",
		"| p99 | 2.00 ms | at most 1.00 ms | **missed** |",
		"| cpu | 31.0 us | at most 30 us | **missed** |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestParleyLeaders(t *testing.T) {
	var st parleyStatus
	text := `{"keyspaces":[{"id":0,"groups":[1]},{"id":1,"groups":[2,3]}],
		"groups":[{"id":0,"leader":1},{"id":1,"leader":3},{"id":2,"leader":2},{"id":3,"leader":0}]}`
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		t.Fatal(err)
	}
	if l, err := st.leaders(0); err != nil || len(l) != 1 || l[1] != 3 {
		t.Errorf("main is led by %v, error %v", l, err)
	}
	if _, err := st.leaders(1); err == nil || err.Error() != "1 of 2 groups have a leader" {
		t.Errorf("a group without a leader: %v", err)
	}
	if _, err := st.leaders(7); err == nil {
		t.Error("an unknown keyspace has leaders")
	}
}
