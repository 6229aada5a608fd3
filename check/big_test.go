package check
import ("testing";"runtime";"time";"github.com/parleydb/parley/history";"os")
func TestBig(t *testing.T) {
	if os.Getenv("BIG")=="" { t.Skip() }
	for _, n := range []int{1_000_000, 2_000_000, 5_000_000, 10_000_000} {
		h := causalRun(n, 20, 10000)
		runtime.GC()
		for _, l := range []string{"causal-convergent","ryw","mr","mw","wfr"} {
			if n == 10_000_000 && l != "causal-convergent" && l != "wfr" { continue }
			start := time.Now()
			r, _ := Judge(h, l, Options{})
			d := time.Since(start)
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			t.Logf("%d %s %v %v %.2fM/s sys %d MiB", n, l, r.Verdict, d, float64(n)/d.Seconds()/1e6, m.Sys>>20)
			runtime.GC()
		}
	}
	_ = history.Never
}
