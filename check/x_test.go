package check
import ("testing";"path/filepath";"time";"os")
func TestOurs(t *testing.T) {
	logs, _ := filepath.Glob(filepath.Join(porcupineData(t), "*", "*.*"))
	for _, path := range logs {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 { continue }
		h := readLog(t, path)
		m, _ := ModelNamed("kv", &h.Header)
		start := time.Now()
		got := Linearizable(h.Ops, m, Budget{})
		if d := time.Since(start); d > 20*time.Millisecond || got.Verdict==Unknown { t.Log(filepath.Base(path), len(h.Ops), got.Verdict, got.Steps, d) }
	}
}
