package check

import (
	"testing"

	"github.com/parleydb/parley/history"
)

// causalRun records a correct causal run: each session has a replica of its own
// that takes in the others' writes in the order in which they were made.
func causalRun(n, sessions, keys int) *history.History {
	r := lcg(7)
	type write struct {
		key   int
		value int64
	}
	var log []write
	applied := make([]int, sessions)
	state := make([][]int64, sessions)
	for s := range state {
		state[s] = make([]int64, keys)
	}
	names := make([]string, keys)
	for i := range names {
		names[i] = "k" + history.Int(int64(i)).Text()
	}
	h := &history.History{Ops: make([]history.Op, 0, n)}
	for i := range n {
		s := r.below(sessions)
		for applied[s] < len(log) && (len(log)-applied[s] > 200 || r.below(4) > 0) {
			w := log[applied[s]]
			state[s][w.key] = w.value
			applied[s]++
		}
		k := r.below(keys)
		op := history.Op{Process: int64(s), Key: names[k], F: history.Read, Call: int64(10 * i), Return: int64(10*i + 5), Outcome: history.OK}
		if r.below(2) == 0 {
			for ; applied[s] < len(log); applied[s]++ {
				state[s][log[applied[s]].key] = log[applied[s]].value
			}
			op.F, op.In = history.Write, history.Int(int64(i+1))
			log = append(log, write{k, int64(i + 1)})
			state[s][k] = int64(i + 1)
			applied[s]++
		} else if v := state[s][k]; v != 0 {
			op.Out = history.Int(v)
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

func benchmarkWeak(b *testing.B, n int, check func(*history.History) Result) {
	h := causalRun(n, 20, 1000)
	for b.Loop() {
		if r := check(h); r.Verdict != Holds {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func BenchmarkCausal1M(b *testing.B)            { benchmarkWeak(b, 1_000_000, Causal) }
func BenchmarkCausalConvergent1M(b *testing.B)  { benchmarkWeak(b, 1_000_000, CausalConvergent) }
func BenchmarkCausalConvergent2M(b *testing.B)  { benchmarkWeak(b, 2_000_000, CausalConvergent) }
func BenchmarkCausalMemory100k(b *testing.B)    { benchmarkWeak(b, 100_000, CausalMemory) }
func BenchmarkPRAM100k(b *testing.B)            { benchmarkWeak(b, 100_000, PRAM) }
func BenchmarkReadYourWrites1M(b *testing.B)    { benchmarkWeak(b, 1_000_000, ReadYourWrites) }
func BenchmarkMonotonicReads1M(b *testing.B)    { benchmarkWeak(b, 1_000_000, MonotonicReads) }
func BenchmarkMonotonicWrites1M(b *testing.B)   { benchmarkWeak(b, 1_000_000, MonotonicWrites) }
func BenchmarkWritesFollowReads1M(b *testing.B) { benchmarkWeak(b, 1_000_000, WritesFollowReads) }
func BenchmarkReadAtomic1M(b *testing.B)        { benchmarkWeak(b, 1_000_000, ReadAtomic) }

// BenchmarkCausalConvergent10M is the largest history that is promised to fit;
// run it once, under a tool that tells the memory: its history alone is 2.5 GB.
func BenchmarkCausalConvergent10M(b *testing.B) { benchmarkWeak(b, 10_000_000, CausalConvergent) }
