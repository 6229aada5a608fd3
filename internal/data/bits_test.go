package data

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestBitScans compares what goes by machine words with what goes by bits: a run
// of one byte and then another byte, with ends anywhere.
func TestBitScans(t *testing.T) {
	for _, run := range []byte{0, 0xff, 0x5a} {
		for _, last := range []byte{0, 0xff, 1, 0x80} {
			for length := range 19 {
				b := append(bytes.Repeat([]byte{run}, length), last, run)
				for from := range int64(len(b)) * 8 {
					for _, to := range []int64{from, from + 1, from + 63, from + 64, from + 65, int64(len(b))*8 - 9, int64(len(b)) * 8} {
						checkBitScan(t, b, from, min(to, int64(len(b))*8))
					}
				}
			}
		}
	}
}

func checkBitScan(t *testing.T, b []byte, from, to int64) {
	count, first := int64(0), [2]int64{-1, -1}
	for i := to - 1; i >= from; i-- {
		if bitAt(b, i) {
			count++
			first[1] = i
		} else {
			first[0] = i
		}
	}
	if got := countBits(b, from, to); got != count {
		t.Fatalf("%d ones in [%d,%d) of %x, want %d", got, from, to, b, count)
	}
	for bit, want := range first {
		if got := findBit(b, bit == 1, from, to); got != want {
			t.Fatalf("first %d in [%d,%d) of %x is at %d, want %d", bit, from, to, b, got, want)
		}
	}
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
