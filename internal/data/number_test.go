package data

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

var floatText = rapid.Custom(func(t *rapid.T) string {
	if rapid.IntRange(0, 20).Draw(t, "odd") == 0 {
		return rapid.StringOfN(rapid.SampledFrom([]rune("0123456789.eExXpP+-infa_ ")), 0, 10, -1).Draw(t, "text")
	}
	text := oneOf(t, "", "-", "+")[0] + rapid.StringMatching(`[0-9]{1,25}(\.[0-9]{0,25})?`).Draw(t, "mantissa")
	if rapid.Bool().Draw(t, "exponent") {
		text += "e" + strconv.Itoa(rapid.IntRange(-40, 40).Draw(t, "e"))
	}
	return text
})

// TestFloatsAgainstRedis compares sums digit by digit with C's long double.
func TestFloatsAgainstRedis(t *testing.T) {
	r := startRedis(t)
	withChecks(t, "1000", func(t *rapid.T) {
		w := newWorld()
		var calls [][]string
		for range 10 {
			calls = append(calls, []string{"SET", "f", floatText.Draw(t, "a")}, []string{"INCRBYFLOAT", "f", floatText.Draw(t, "b")})
		}
		for i, theirs := range r.pipeline(calls) {
			if ours := w.do(calls[i]...); ours.String() != theirs.String() {
				t.Fatalf("%q and %q: Redis %s, Parley %s", calls[i-1], calls[i], theirs, ours)
			}
		}
	})
}

func FuzzParseFloat(f *testing.F) {
	for _, s := range []string{"1.5", "0x1.8p1", "-inf", "1e-4951", "9e4931", "1e999999999", "0e9999999", "."} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := parseFloat(b)
		if !ok || v.IsInf() {
			return
		}
		text := appendFloat(nil, v)
		if len(text) > longDoubleText {
			t.Fatalf("%q became %d bytes", b, len(text))
		}
		if _, ok := parseFloat(text); !ok {
			t.Fatalf("%q became %q, which does not read back", b, text)
		}
	})
}

// TestParseInt compares with the library, which takes more forms than Redis.
func TestParseInt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string { return strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10) }),
			rapid.StringMatching(`[-+ ]?[0-9a]{0,21}`),
			rapid.SampledFrom(intPool),
		).Draw(t, "s")
		n, err := strconv.ParseInt(s, 10, 64)
		want := err == nil && strconv.FormatInt(n, 10) == s
		if got, ok := parseInt([]byte(s)); ok != want || ok && got != n {
			t.Fatalf("%q: %d %v, want %d %v", s, got, ok, n, want)
		}
	})
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		if got, ok := parseInt(strconv.AppendInt(nil, n, 10)); !ok || got != n {
			t.Errorf("%d: %d %v", n, got, ok)
		}
	}
	if got, ok := parseUint([]byte("18446744073709551615")); !ok || got != math.MaxUint64 {
		t.Errorf("the largest number: %d %v", got, ok)
	}
}
