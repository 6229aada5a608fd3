package check

import (
	"testing"

	"github.com/parleydb/parley/history"
)

// lcg is a fixed sequence for benchmarks and large tests.
type lcg uint64

func (r *lcg) below(n int) int {
	*r = *r*6364136223846793005 + 1442695040888963407
	return int(uint64(*r>>33) % uint64(n))
}

// atomicRegisters records a correct run: processes work on keys that change
// atomically at a point inside each operation.
func atomicRegisters(n, processes, keys int, distinct bool) []history.Op {
	r := lcg(1)
	ops := make([]history.Op, 0, n)
	held := make([]history.Value, keys)
	free := make([]int64, processes)
	names := make([]string, keys)
	for i := range names {
		names[i] = "k" + history.Int(int64(i)).Text()
	}
	now := int64(0)
	for i := range n {
		now += 10
		p := r.below(processes)
		k := r.below(keys)
		call := max(free[p], now-int64(r.below(10*processes)))
		at := max(call, now) + 1
		now = at
		op := history.Op{Process: int64(p), Key: names[k], F: history.Read, Call: call, Return: at + int64(r.below(10*processes)), Outcome: history.OK, Node: "n1"}
		free[p] = op.Return + 1
		if r.below(2) == 0 {
			v := i + 1
			if !distinct {
				v = 1 + r.below(5)
			}
			op.F, op.In = history.Write, history.Int(int64(v))
			held[k] = op.In
		} else {
			op.Out = held[k]
		}
		ops = append(ops, op)
	}
	return ops
}

func BenchmarkRegisterUnique1M(b *testing.B) {
	ops := atomicRegisters(1_000_000, 20, 100, true)
	for b.Loop() {
		if r := Linearizable(ops, Register(history.Nil), Budget{}); r.Verdict != Holds {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(len(ops))*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func BenchmarkRegisterSearch1M(b *testing.B) {
	ops := atomicRegisters(1_000_000, 20, 100, false)
	for b.Loop() {
		if r := Linearizable(ops, Register(history.Nil), Budget{}); r.Verdict != Holds {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(len(ops))*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
