package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// Limits are what a counter must stay between; nil means no limit.
type Limits struct {
	Min, Max *int64
}

// Counter checks counters that only incr changes, by intervals as Jepsen does:
// a read lies between the sum of what must have been counted (returned before
// the read was called) and what may have been (called before the read
// returned; the ambiguous count as may, for ever). An increment's own result is
// a read that includes itself. With limits, no answer is outside of them. It is
// necessary for linearizability, not sufficient, and it bounds ambiguous
// increments where a search could not. O(n log n).
func Counter(h *history.History, limits Limits) Result {
	const level = "counter"
	res := holds(level, len(h.Ops))
	byKey := make(map[keyName][]int)
	var keys []keyName
	for _, i := range byCall(h.Ops) {
		op := &h.Ops[i]
		if op.F != history.Incr && op.F != history.Read {
			return unknown(level, len(h.Ops), "a counter is read and incremented, but there is %q%s", op.F, inLine(op))
		}
		k := keyName{op.Keyspace, op.Key}
		if byKey[k] == nil {
			keys = append(keys, k)
		}
		byKey[k] = append(byKey[k], i)
	}
	answers := 0
	for _, k := range keys {
		n, why := judgeCounter(h, byKey[k], limits, &res)
		answers += n
		if why != "" {
			return unknown(level, len(h.Ops), "%s", why)
		}
	}
	if answers == 0 && res.Verdict != Violated {
		return unknown(level, len(h.Ops), "no counter was ever read")
	}
	return res
}

// sums are running totals of increments by time.
type sums struct {
	at    []int64
	total []int64 // after the event of the same place
}

func (s *sums) add(at, delta int64) {
	s.at, s.total = append(s.at, at), append(s.total, delta)
}

func (s *sums) seal() {
	order := make([]int, len(s.at))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.at[a], s.at[b]) })
	at, total, sum := make([]int64, len(order)), make([]int64, len(order)), int64(0)
	for i, k := range order {
		sum += s.total[k]
		at[i], total[i] = s.at[k], sum
	}
	s.at, s.total = at, total
}

// before is the sum of what happened before t, or at t if that counts too.
func (s *sums) before(t int64, including bool) int64 {
	if including && t != history.Never {
		t++
	}
	i, _ := slices.BinarySearch(s.at, t)
	if i == 0 {
		return 0
	}
	return s.total[i-1]
}

func judgeCounter(h *history.History, ops []int, limits Limits, res *Result) (answers int, why string) {
	var mustUp, mustDown, mayUp, mayDown sums
	delta := func(op *history.Op) (int64, bool) {
		if op.In.IsNil() {
			return 1, true
		}
		return op.In.Int()
	}
	for _, i := range ops {
		op := &h.Ops[i]
		if op.F != history.Incr || op.Outcome == history.Fail {
			continue
		}
		d, ok := delta(op)
		if !ok {
			return 0, fmt.Sprintf("an increment by %s%s", op.In, inLine(op))
		}
		must, may := &mustUp, &mayUp
		if d < 0 {
			must, may = &mustDown, &mayDown
		}
		may.add(op.Call, d)
		if op.Outcome == history.OK {
			must.add(op.Return, d)
		}
	}
	for _, s := range [...]*sums{&mustUp, &mustDown, &mayUp, &mayDown} {
		s.seal()
	}
	start, _ := h.Header.InitialOf(h.Ops[ops[0]].Key).Int()
	for _, i := range ops {
		op := &h.Ops[i]
		if op.Outcome != history.OK || op.F == history.Incr && op.Out.IsNil() {
			continue
		}
		n, isInt := op.Out.Int()
		if !isInt && !op.Out.IsNil() {
			res.add(Violation{"not a number", keyOf(op), []int{i}, tell(op) + ", which is not a number"})
			continue
		}
		answers++
		low := start + mustUp.before(op.Call, false) + mayDown.before(op.Return, true)
		high := start + mayUp.before(op.Return, true) + mustDown.before(op.Call, false)
		if op.F == history.Incr {
			if d, _ := delta(op); d > 0 {
				low += d
			} else {
				high += d
			}
		}
		if limits.Min != nil && n < *limits.Min || limits.Max != nil && n > *limits.Max {
			res.add(Violation{"outside its limits", keyOf(op), []int{i}, fmt.Sprintf("%s, which is outside the counter's limits", tell(op))})
		}
		if n < low || n > high {
			res.add(outOfBounds(h, ops, i, n, low, high))
		}
	}
	return answers, ""
}

// maxCounted is how many increments are listed beside a wrong total.
const maxCounted = 32

// outOfBounds shows a read with the increments that it must have counted, or
// those that it can have.
func outOfBounds(h *history.History, ops []int, i int, n, low, high int64) Violation {
	read := &h.Ops[i]
	kind, why := "lost increment", "before it"
	if n > high {
		kind, why = "doubled or phantom increment", "before it or beside it"
	}
	involved := []int{i}
	total := 0
	for _, j := range ops {
		op := &h.Ops[j]
		if op.F == history.Incr && op.Outcome != history.Fail && (n < low && op.Before(read) || n > high && op.Call <= read.Return) && j != i {
			if total++; total <= maxCounted {
				involved = append(involved, j)
			}
		}
	}
	must, increments := fmt.Sprintf("from %d to %d", low, high), fmt.Sprintf("%d increments", total)
	if low == high {
		must = fmt.Sprint(low)
	}
	if total == 1 {
		increments = "one increment"
	}
	return Violation{kind, keyOf(read), unique(involved), fmt.Sprintf("%s, but it must be %s: %s %s", tell(read), must, increments, why)}
}
