package data

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestMem compares Mem with a Go map that is sorted anew for each Scan.
func TestMem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, twin := NewMem(), map[string]string{}
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00")), 0, 3, -1)
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			k, v := text.Draw(t, "key"), text.Draw(t, "val")
			switch rapid.IntRange(0, 8).Draw(t, "what") {
			case 0, 1, 2:
				key, val := []byte(k), []byte(v)
				m.Set(key, val)
				spoil(key, val) // Set must have copied
				twin[k] = v
			case 3, 4:
				m.Delete([]byte(k))
				delete(twin, k)
			case 5:
				got, ok := m.Get([]byte(k))
				if want, has := twin[k]; ok != has || string(got) != want {
					t.Fatalf("Get(%q) is %q %v, want %q %v", k, got, ok, want, has)
				}
			case 6:
				if rapid.IntRange(0, 5).Draw(t, "clear") == 0 {
					m.Clear()
					clear(twin)
				}
			default:
				checkScan(t, m, twin, text)
			}
			if m.Len() != len(twin) {
				t.Fatalf("Len is %d, want %d", m.Len(), len(twin))
			}
		}
	})
}

func checkScan(t *rapid.T, m *Mem, twin map[string]string, text *rapid.Generator[string]) {
	lo, hi := []byte(text.Draw(t, "lo")), []byte(text.Draw(t, "hi"))
	if rapid.Bool().Draw(t, "open") {
		hi = nil
	}
	limit := rapid.IntRange(1, 5).Draw(t, "limit")
	var want, got []string
	for k := range twin {
		if k >= string(lo) && (hi == nil || k < string(hi)) {
			want = append(want, k)
		}
	}
	slices.Sort(want)
	want = want[:min(limit, len(want))]
	m.Scan(lo, hi, func(k, v []byte) bool {
		if string(v) != twin[string(k)] {
			t.Fatalf("%q has %q", k, v)
		}
		got = append(got, string(k))
		return len(got) < limit
	})
	if !slices.Equal(got, want) {
		t.Fatalf("Scan(%q, %q) is %q, want %q", lo, hi, got, want)
	}
}
