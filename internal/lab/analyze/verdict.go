package analyze

import (
	"slices"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// Writes are what became of those that were acknowledged.
type Writes struct{ Acknowledged, Lost int }

// Broken is a guarantee that did not hold.
type Broken struct {
	Level     string
	Trial     *Trial
	Violation check.Violation
}

// about says which of a trial's levels count: those of its kind. Lists of
// transactions are judged as transactions only.
func about(t *Trial, level string) bool {
	return check.ModelOf(t.History) != "append" || slices.Contains(txnLevels, level)
}

var (
	txnLevels   = []string{"strict-serializable", "serializable", "read-committed"}
	writeLevels = []string{"exactly-once", "set-full"}
)

// merged are the verdicts of some trials by level: violated if any violates it,
// and it holds if all that were judged by it say so.
func merged(trials []*Trial) (all []check.Result) {
	for _, t := range trials {
		for _, r := range t.Results {
			if !about(t, r.Level) {
				continue
			}
			i := slices.IndexFunc(all, func(o check.Result) bool { return o.Level == r.Level })
			switch {
			case i < 0:
				all = append(all, check.Result{Level: r.Level, Verdict: r.Verdict, Why: r.Why})
			case r.Verdict == check.Violated, r.Verdict == check.Unknown && all[i].Verdict == check.Holds:
				all[i].Verdict, all[i].Why = r.Verdict, r.Why
			}
		}
	}
	return all
}

// strongest are the levels of single reads and writes that held in all trials,
// without those that others imply.
func strongest(trials []*Trial) []string {
	return check.Strongest(slices.DeleteFunc(merged(trials), func(r check.Result) bool {
		return slices.Contains(txnLevels, r.Level) || slices.Contains(writeLevels, r.Level)
	}))
}

// Strongest are the levels of single reads and writes that held throughout.
func (m *Mode) Strongest() []string { return strongest(m.Trials) }

// Transactions are the levels of transactions that held throughout.
func (m *Mode) Transactions() []string {
	held := check.Strongest(slices.DeleteFunc(merged(m.Trials), func(r check.Result) bool { return !slices.Contains(txnLevels, r.Level) }))
	if len(held) > 1 { // serializable says more than read-committed, though each can hold alone
		held = held[:1]
	}
	return held
}

// Verdict is that of a level over all trials; unknown if nothing was judged by it.
func (m *Mode) Verdict(level string) check.Verdict {
	for _, r := range merged(m.Trials) {
		if r.Level == level {
			return r.Verdict
		}
	}
	return check.Unknown
}

// Undecided are levels that some trial left open and none refuted, with why.
func (m *Mode) Undecided() (all []check.Result) {
	return slices.DeleteFunc(merged(m.Trials), func(r check.Result) bool { return r.Verdict != check.Unknown })
}

// Broken are the guarantees that did not hold, each with the smallest story that
// shows it: the strongest of single operations, and those that are broken though
// nothing weaker is. The others follow from these: see Follows.
func (m *Mode) Broken() (all []Broken) {
	var names []string
	for _, r := range merged(m.Trials) {
		if r.Verdict == check.Violated && !(r.Level == "set-full" && m.Verdict("exactly-once") == check.Violated) {
			names = append(names, r.Level)
		}
	}
	for _, name := range names {
		weaker := slices.ContainsFunc(names, func(o string) bool { return implies(name, o) })
		if weaker && name != "linearizable" {
			continue
		}
		b := Broken{Level: name}
		b.Trial, b.Violation = m.smallest(name)
		all = append(all, b)
	}
	return all
}

// Follows are the levels that are broken because one of those in Broken is.
func (m *Mode) Follows() (levels []string) {
	broken := m.Broken()
	for _, r := range merged(m.Trials) {
		if r.Verdict == check.Violated && r.Level != "set-full" && !slices.ContainsFunc(broken, func(b Broken) bool { return b.Level == r.Level }) {
			levels = append(levels, r.Level)
		}
	}
	return levels
}

// implies says whether a level includes another one.
func implies(a, b string) bool {
	if a == b {
		return false
	}
	strongest := check.Strongest([]check.Result{{Level: a, Verdict: check.Holds}, {Level: b, Verdict: check.Holds}})
	return len(strongest) == 1 && strongest[0] == a
}

// smallest is the violation of a level with the fewest operations in the first
// trial that has one: the schedules come first, and are simpler than what is
// drawn. What registers show is simpler than what sets do.
func (m *Mode) smallest(level string) (trial *Trial, v check.Violation) {
	for _, registers := range []bool{true, false} {
		for _, t := range m.Trials {
			if !about(t, level) || registers != (check.ModelOf(t.History) == "register") {
				continue
			}
			for _, r := range t.Results {
				for _, x := range r.Violations {
					if r.Level == level && (trial == nil || len(x.Ops) < len(v.Ops)) {
						trial, v = t, x
					}
				}
			}
			if trial != nil {
				return trial, v
			}
		}
	}
	return trial, v
}

// Writes counts the elements of sets that were acknowledged, and those that are
// not in the last read of their set.
func (m *Mode) Writes() (w Writes) {
	for _, t := range m.Trials {
		one := writesOf(t.History)
		w.Acknowledged += one.Acknowledged
		w.Lost += one.Lost
	}
	return w
}

func writesOf(h *history.History) (w Writes) {
	if check.ModelOf(h) != "set" {
		return w
	}
	last := make(map[string]*history.Op)
	for i := range h.Ops {
		op := &h.Ops[i]
		if op.F == history.Read && op.Outcome == history.OK && (last[op.Key] == nil || op.Call > last[op.Key].Call) {
			last[op.Key] = op
		}
	}
	there := make(map[string]map[history.Value]bool)
	for key, op := range last {
		there[key] = make(map[history.Value]bool)
		for _, e := range op.Out.Elems() {
			there[key][e] = true
		}
	}
	for i := range h.Ops {
		op := &h.Ops[i]
		if op.F != history.Add || op.Outcome != history.OK {
			continue
		}
		w.Acknowledged++
		if r := last[op.Key]; r != nil && r.Call > op.Return && !there[op.Key][op.In] {
			w.Lost++
		}
	}
	return w
}
