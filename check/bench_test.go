//go:build unix

package check

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parleydb/parley/history"
)

// The benchmarks of docs/checking.md: what is promised, in operations a second.
// ops/s is by the clock on the wall; ops/cpu-s is by the time that the process had
// a core, which other work on the machine does not change much.

// used is the processor time and the peak memory of this process so far.
func used(b *testing.B) (cpu time.Duration, peakBytes int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	peak := int64(u.Maxrss)
	if runtime.GOOS != "darwin" {
		peak <<= 10 // told in KiB
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), peak
}

// measure judges a correct history of n operations, and tells how fast.
func measure(b *testing.B, n int, judge func() Result) {
	b.Helper()
	runtime.GC()
	began, _ := used(b)
	for b.Loop() {
		if r := judge(); r.Verdict != Holds {
			b.Fatal(r)
		}
	}
	ended, _ := used(b)
	done := float64(n) * float64(b.N)
	b.ReportMetric(done/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(done/(ended-began).Seconds(), "ops/cpu-s")
	b.ReportMetric(0, "ns/op")
}

func judgeAs(h *history.History, level string) func() Result {
	return func() Result {
		r, err := Judge(h, level, Options{})
		if err != nil {
			panic(err)
		}
		return r
	}
}

// BenchmarkTarget judges a million operations of 20 sessions.
func BenchmarkTarget(b *testing.B) {
	const n = 1_000_000
	causal := causalRun(n, 20, 1000)
	for _, level := range []string{"ryw", "mr", "mw", "wfr", "causal", "causal-convergent", "read-committed", "read-atomic"} {
		b.Run("level="+level, func(b *testing.B) { measure(b, n, judgeAs(causal, level)) })
	}
	for name, distinct := range map[string]bool{"unique": true, "repeated": false} {
		ops := atomicRegisters(n, 20, 100, distinct)
		b.Run("level=linearizable/values="+name, func(b *testing.B) {
			measure(b, n, func() Result { return Linearizable(ops, Register(history.Nil), Budget{}) })
		})
	}
}

// BenchmarkGrowth judges one, two and four million operations in one run.
func BenchmarkGrowth(b *testing.B) {
	for _, level := range []string{"ryw", "mr", "mw", "wfr", "causal-convergent"} {
		for _, size := range []string{"1M", "2M", "4M"} {
			n := int(size[0]-'0') * 1_000_000
			b.Run("level="+level+"/ops="+size, func(b *testing.B) { measure(b, n, judgeAs(causalRun(n, 20, 1000), level)) })
		}
	}
}

// BenchmarkHuge judges ten million operations by each level that promises to.
// peak-GiB is of the process so far, the history included.
func BenchmarkHuge(b *testing.B) {
	const n = 10_000_000
	h := causalRun(n, 20, 1000)
	for _, level := range []string{"ryw", "mr", "mw", "wfr", "causal-convergent"} {
		b.Run("level="+level, func(b *testing.B) {
			measure(b, n, judgeAs(h, level))
			_, peak := used(b)
			b.ReportMetric(float64(peak)/(1<<30), "peak-GiB")
		})
	}
}

// BenchmarkSearch are the levels that cost more than their history is long.
func BenchmarkSearch(b *testing.B) {
	const n = 100_000
	h := causalRun(n, 20, 1000)
	for _, level := range strings.Fields("causal-memory pram") {
		b.Run("level="+level, func(b *testing.B) { measure(b, n, judgeAs(h, level)) })
	}
}
