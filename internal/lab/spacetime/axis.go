package spacetime

import (
	"math"
	"strconv"
	"strings"
)

// tick is a mark of the axis.
type tick struct {
	x    float64
	text string
}

// axis is what is written along time.
type axis struct {
	ticks   []tick
	caption string
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

// timeText is a time in a unit with enough digits to tell steps of step apart.
func timeText(ns, unit, step float64) string {
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

// duration is a length of time as people write it.
func duration(ns float64) string {
	name, unit := unitFor(math.Abs(ns))
	text := timeText(ns, unit, unit/1000)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " " + name
}

func length(s *scale) float64 { return gap(s.first(), s.last()) }

// newAxis chooses round numbers, about 110 pixels apart. Where the picture
// shows a short time long after the start, the axis counts from its left end.
func newAxis(s *scale) axis {
	first, length := float64(s.first()), length(s)
	if length == 0 {
		return axis{caption: "at " + duration(first)}
	}
	base, sign, caption := 0.0, "", "time"
	if most := math.Max(math.Abs(first), math.Abs(float64(s.last()))); length < most/200 {
		base, sign, caption = first, "+", "time after "+seconds(first)
	}
	width := s.xs[len(s.xs)-1] - s.xs[0]
	if s.stretched {
		return axis{stretchedTicks(s, base, sign), caption + ", not to scale: long gaps are shortened"}
	}
	step := niceStep(length / math.Max(width/110, 1))
	name, unit := unitFor(math.Max(math.Abs(float64(s.last())-base), step))
	var ticks []tick
	for k := math.Ceil((first - base) / step); k*step <= float64(s.last())-base && len(ticks) < 100; k++ {
		x := s.xs[0] + (k*step+base-first)/length*width
		ticks = append(ticks, tick{x, sign + timeText(k*step, unit, step) + " " + name})
	}
	return axis{ticks, caption}
}

// seconds is a time with all its digits.
func seconds(ns float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(ns/1e9, 'f', 9, 64), "0"), ".") + " s"
}

// stretchedTicks stand at the knots, as many as there is room for.
func stretchedTicks(s *scale, base float64, sign string) (ticks []tick) {
	name, unit := unitFor(math.Max(math.Abs(float64(s.last())-base), math.Abs(float64(s.first())-base)))
	step := math.Max(length(s)/1e6, 1)
	for i := 1; i < len(s.knots); i++ {
		step = math.Max(math.Min(step, gap(s.knots[i-1], s.knots[i])), 1)
	}
	free := math.Inf(-1)
	for i, t := range s.knots {
		text := timeText(float64(t)-base, unit, step)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		text = sign + text + " " + name
		half := textWidth(text)/2 + 6
		if s.xs[i]-half < free {
			continue
		}
		free = s.xs[i] + half
		ticks = append(ticks, tick{s.xs[i], text})
	}
	return ticks
}

// niceStep is 1, 2 or 5 times a power of ten, not below raw and not below a nanosecond.
func niceStep(raw float64) float64 {
	raw = math.Max(raw, 1)
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= raw*0.9999 {
			return m * p
		}
	}
	return 10 * p
}
