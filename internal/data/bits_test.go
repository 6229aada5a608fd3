package data

import (
	"testing"

	"pgregory.net/rapid"
)

// TestBitScans compares what goes by machine words with what goes by bits.
func TestBitScans(t *testing.T) {
	withChecks(t, "2000", func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 0, 0xff, 0xff, 1, 0x80, 0x5a}), 0, 40).Draw(t, "b")
		n := len(b) * 8
		from := rapid.IntRange(0, n).Draw(t, "from")
		to := rapid.IntRange(from, n).Draw(t, "to")
		count, first := int64(0), [2]int64{-1, -1}
		for i := int64(to) - 1; i >= int64(from); i-- {
			if bitAt(b, i) {
				count++
				first[1] = i
			} else {
				first[0] = i
			}
		}
		if got := countBits(b, int64(from), int64(to)); got != count {
			t.Fatalf("%d ones in [%d,%d) of %x, want %d", got, from, to, b, count)
		}
		for bit, want := range first {
			if got := findBit(b, bit == 1, int64(from), int64(to)); got != want {
				t.Fatalf("first %d in [%d,%d) of %x is at %d, want %d", bit, from, to, b, got, want)
			}
		}
	})
}

// TestCombine compares BITOP by machine words with BITOP by bytes.
func TestCombine(t *testing.T) {
	ops := map[string]func(a, b byte) byte{
		"AND": func(a, b byte) byte { return a & b },
		"OR":  func(a, b byte) byte { return a | b },
		"XOR": func(a, b byte) byte { return a ^ b },
	}
	rapid.Check(t, func(t *rapid.T) {
		sources := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 30), 1, 4).Draw(t, "sources")
		for name, op := range ops {
			w, call, longest := newWorld(), []string{"BITOP", name, "dest"}, 0
			for i, src := range sources {
				key := string(rune('a' + i))
				w.do("SET", key, string(src))
				call = append(call, key)
				longest = max(longest, len(src))
			}
			want := append(append([]byte{}, sources[0]...), make([]byte, longest-len(sources[0]))...)
			for _, src := range sources[1:] {
				for i := range want {
					b := byte(0)
					if i < len(src) {
						b = src[i]
					}
					want[i] = op(want[i], b)
				}
			}
			w.do(call...)
			if got := w.do("GET", "dest").Str; got != string(want) {
				t.Fatalf("%s of %x is %x, want %x", name, sources, got, want)
			}
		}
	})
}
