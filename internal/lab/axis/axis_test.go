package axis

import (
	"strings"
	"testing"
)

const ms = 1_000_000

func texts(ticks []Tick) string {
	var out []string
	for _, t := range ticks {
		out = append(out, t.Text)
	}
	return strings.Join(out, " ")
}

// TestTime: round numbers, in a unit that fits, and short even late in a run.
func TestTime(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		want     string
	}{
		{0, 10, "0 ns 2 ns 4 ns 6 ns 8 ns 10 ns | time"},
		{0, 1000 * ms, "0.0 s 0.2 s 0.4 s 0.6 s 0.8 s 1.0 s | time"},
		{900 * ms, 3300 * ms, "1.0 s 1.5 s 2.0 s 2.5 s 3.0 s | time"},
		{-5 * ms, 5 * ms, "-4 ms -2 ms 0 ms 2 ms 4 ms | time"},
		{3_200_001_000, 3_200_002_000, "+0.0 µs +0.2 µs +0.4 µs +0.6 µs +0.8 µs +1.0 µs | time after 3.200001 s"},
		{0, 90_000 * ms, "0 s 20 s 40 s 60 s 80 s | time"},
		{7 * ms, 7 * ms, " | at 7 ms"},
	} {
		ticks, caption := Time(c.from, c.to, 6.4)
		if got := texts(ticks) + " | " + caption; got != c.want {
			t.Errorf("%d to %d: %s, want %s", c.from, c.to, got, c.want)
		}
	}
	ticks, caption := TimeAt([]int64{0, ms / 2, 4000 * ms})
	if got := texts(ticks) + " | " + caption; got != "0 s 0.0005 s 4 s | time" {
		t.Error(got)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0 2 4 6 8":                texts(Amounts(7, 4)),
		"0 5k 10k 15k":             texts(Amounts(12_000, 4)),
		"0 1":                      texts(Amounts(0, 4)),
		"100 µs 1 ms 10 ms 100 ms": texts(Decades(250_000, 99*ms)),
		"1 ns 10 ns":               texts(Decades(0, 0)),
		"1.5 ms":                   Duration(1.5 * ms),
		"-3 s":                     Duration(-3000 * ms),
		"0 ns":                     Duration(0),
		"3.200000001 s":            Moment(3_200_000_001),
		"1.5005 ms":                Moment(1_500_500),
		"-9223372036.854775808 s":  Moment(-1 << 63),
		"1 2 5 10 0.2 1":           rounds(0.9, 1.5, 4, 6, 0.15, -1),
		"999 1k 12.3k 1.5M 2G":     strings.Join([]string{Amount(999), Amount(1000), Amount(12_345), Amount(1_500_000), Amount(2e9)}, " "),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func rounds(xs ...float64) string {
	var out []string
	for _, x := range xs {
		out = append(out, Amount(Round(x)))
	}
	return strings.Join(out, " ")
}
