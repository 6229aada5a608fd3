package axis

import (
	"math"
	"strconv"
	"strings"
)

// Tick is a mark of an axis.
type Tick struct {
	At   float64
	Text string
}

var units = []struct {
	name string
	ns   float64
}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}, {"ns", 1}}

// unitFor is the largest unit in which a length is not below one.
func unitFor(ns float64) (name string, unit float64) {
	for _, u := range units {
		if ns >= u.ns {
			return u.name, u.ns
		}
	}
	return "ns", 1
}

// inUnit is a time in a unit with enough digits to tell steps of step apart.
func inUnit(ns, unit, step float64) string {
	digits := 0
	for p := unit; p > step*1.0001 && digits < 9; p /= 10 {
		digits++
	}
	text := strconv.FormatFloat(ns/unit, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" { // no minus zero
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Duration is a length of time in its best unit, to three digits after the point.
func Duration(ns float64) string {
	name, unit := unitFor(math.Abs(ns))
	return trimZeros(inUnit(ns, unit, unit/1000)) + " " + name
}

// Moment is a time of a clock, with all its digits.
func Moment(ns int64) string {
	if name, unit := unitFor(math.Abs(float64(ns))); unit < 1e9 {
		return trimZeros(inUnit(float64(ns), unit, 1)) + " " + name
	}
	fraction := strconv.Itoa(int(ns % 1e9))
	fraction = strings.TrimPrefix(fraction, "-")
	text := strconv.FormatInt(ns/1e9, 10) + "." + strings.Repeat("0", 9-len(fraction)) + fraction
	return trimZeros(text) + " s"
}

// Round is the next 1, 2 or 5 times a power of ten that is not below x.
func Round(x float64) float64 {
	if x <= 0 {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= x*0.9999 {
			return m * p
		}
	}
	return 10 * p
}

// base is where an axis counts from. What shows a short time long after the
// clock's zero counts from its own beginning.
func base(from, to float64) (zero float64, sign, caption string) {
	if most := math.Max(math.Abs(from), math.Abs(to)); to-from < most/200 {
		return from, "+", "time after " + trimZeros(strconv.FormatFloat(from/1e9, 'f', 9, 64)) + " s"
	}
	return 0, "", "time"
}

// Time are marks at round times between from and to, which are nanoseconds;
// about n of them. The caption says what they count from.
func Time(from, to int64, n float64) (ticks []Tick, caption string) {
	first, last := float64(from), float64(to)
	if first == last {
		return nil, "at " + Duration(first)
	}
	zero, sign, caption := base(first, last)
	step := math.Max(Round((last-first)/math.Max(n, 1)), 1)
	name, unit := unitFor(math.Max(math.Max(math.Abs(last-zero), math.Abs(first-zero)), step))
	for k := math.Ceil((first - zero) / step); k*step <= last-zero && len(ticks) < 100; k++ {
		ticks = append(ticks, Tick{zero + k*step, sign + inUnit(k*step, unit, step) + " " + name})
	}
	return ticks, caption
}

// TimeAt are marks at the given times, which are in order.
func TimeAt(times []int64) (ticks []Tick, caption string) {
	first, last := float64(times[0]), float64(times[len(times)-1])
	zero, sign, caption := base(first, last)
	name, unit := unitFor(math.Max(math.Abs(last-zero), math.Abs(first-zero)))
	step := (last - first) / 1e6
	for i := 1; i < len(times); i++ {
		step = math.Min(step, float64(times[i])-float64(times[i-1]))
	}
	for _, t := range times {
		text := trimZeros(inUnit(float64(t)-zero, unit, math.Max(step, 1)))
		ticks = append(ticks, Tick{float64(t), sign + text + " " + name})
	}
	return ticks, caption
}

// Amount is a number in few digits: 950, 1.5k, 20M.
func Amount(x float64) string {
	for _, u := range []struct {
		name string
		of   float64
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if x >= u.of {
			return strconv.FormatFloat(x/u.of, 'g', 3, 64) + u.name
		}
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// Amounts are marks at round numbers from zero to at least most; about n of them.
func Amounts(most, n float64) (ticks []Tick) {
	step := Round(most / math.Max(n, 1))
	for k := 0.0; len(ticks) < 100; k++ {
		ticks = append(ticks, Tick{k * step, Amount(k * step)})
		if k > 0 && k*step >= most {
			break
		}
	}
	return ticks
}

// Decades are the powers of ten of nanoseconds that enclose least and most.
func Decades(least, most float64) (ticks []Tick) {
	for e := math.Floor(math.Log10(math.Max(least, 1))); len(ticks) < 30; e++ {
		at := math.Pow(10, e)
		ticks = append(ticks, Tick{at, Duration(at)})
		if at >= most && len(ticks) > 1 {
			break
		}
	}
	return ticks
}
