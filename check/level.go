package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parleydb/parley/history"
)

// Options are what the levels need beyond the history.
type Options struct {
	Model     string // one of ModelNames; "" takes the header's, or ModelOf
	Budget    Budget // for each level by itself
	Total     *int64 // bank: what all accounts hold together
	Overdraft bool   // bank: balances may be below zero
	Limits    Limits // counter
	Strict    bool   // set-full: stale reads are violations too
}

type levelEntry struct {
	name     string
	about    string   // the definition in a line
	realTime bool     // it orders operations by their times
	implies  []string // the next weaker ones
	judge    func(*history.History, Options) Result
}

// levels are all guarantees that Judge knows, strongest of their kind first.
// Bounded staleness is "bounded:" and a duration.
var levels = []levelEntry{
	{"strict-serializable", "transactions have one order, which keeps real time", true, []string{"serializable", "linearizable"}, func(h *history.History, o Options) Result { return StrictSerializable(h, o.Budget) }},
	{"linearizable", "operations on each object have one order, which keeps real time", true, []string{"sequential", "bounded"}, judgeLinearizable},
	{"serializable", "transactions have one order, whatever their times", false, nil, func(h *history.History, o Options) Result { return Serializable(h, o.Budget) }},
	{"sequential", "operations have one order, which keeps each session's own", false, []string{"causal-convergent", "causal-memory"}, func(h *history.History, o Options) Result { return Sequential(h, o.Budget) }},
	{"causal-convergent", "CCv, causal+: causal, and concurrent writes in one order for everybody", false, []string{"causal", "read-atomic"}, plain(CausalConvergent)},
	{"causal-memory", "CM: one order of a session's causal past explains all that it read", false, []string{"causal", "pram"}, plain(CausalMemory)},
	{"causal", "CC: no read ignores a write of its causal past", false, []string{"ryw", "mr", "mw", "wfr"}, plain(Causal)},
	{"pram", "each session sees the writes of every other in their order", false, []string{"ryw", "mr", "mw"}, plain(PRAM)},
	{"ryw", "read your writes: a session sees what it wrote", false, nil, plain(ReadYourWrites)},
	{"mr", "monotonic reads: a session never sees an older value than before", false, nil, plain(MonotonicReads)},
	{"mw", "monotonic writes: a session's writes are seen in their order", false, nil, plain(MonotonicWrites)},
	{"wfr", "writes follow reads: who sees a write sees what its writer had read", false, nil, plain(WritesFollowReads)},
	{"read-atomic", "nobody sees half of a transaction", false, []string{"read-committed"}, plain(ReadAtomic)},
	{"read-committed", "nobody sees a failed or an intermediate write", false, nil, plain(ReadCommitted)},
	{"exactly-once", "what was acknowledged is there once, what failed is not", false, nil, plain(ExactlyOnce)},
	{"set-full", "an element that was once known is in every later read", true, nil, func(h *history.History, o Options) Result { return SetFull(h, o.Strict) }},
	{"counter", "a read lies between what must and what may have been counted", true, nil, func(h *history.History, o Options) Result { return Counter(h, o.Limits) }},
	{"bank", "all accounts together always hold the same", false, nil, func(h *history.History, o Options) Result { return Bank(h, o.Total, o.Overdraft) }},
	{"unique-ids", "no identifier is given out twice", false, nil, plain(UniqueIDs)},
	{"convergence", "when all is quiet, all nodes answer the same", true, nil, plain(Converged)},
}

func plain(fn func(*history.History) Result) func(*history.History, Options) Result {
	return func(h *history.History, _ Options) Result { return fn(h) }
}

// Bounded is the name of bounded staleness, as it is written with its duration.
const Bounded = "bounded:<duration>"

// LevelAbout is the definition of a level in a line, "" if there is no such level.
func LevelAbout(name string) string {
	if strings.HasPrefix(name, "bounded:") {
		return "linearizable, but a read may be this much behind"
	}
	for _, l := range levels {
		if l.name == name {
			return l.about
		}
	}
	return ""
}

// LevelNames are the names of all levels but bounded:<duration>.
func LevelNames() []string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = l.name
	}
	return names
}

// Judge judges a history by a level's name. The error is for a name, model or
// duration that makes no sense; everything else is in the result.
func Judge(h *history.History, level string, o Options) (Result, error) {
	if d, ok := strings.CutPrefix(level, "bounded:"); ok {
		return judgeBounded(h, d, o)
	}
	for _, l := range levels {
		if l.name != level {
			continue
		}
		if l.realTime && h.Header.Timeless {
			return unknown(level, len(h.Ops), "the history has no clock, and this level needs one"), nil
		}
		if o.Model != "" {
			if _, err := ModelNamed(o.Model, &h.Header); err != nil {
				return Result{}, err
			}
		}
		if h.Header.Timeless {
			h = withoutTimes(h)
		}
		return l.judge(h, o), nil
	}
	return Result{}, fmt.Errorf("unknown level %q; there are %s, %s", level, strings.Join(LevelNames(), ", "), Bounded)
}

func judgeBounded(h *history.History, text string, o Options) (Result, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return Result{}, fmt.Errorf("bounded needs a duration, as in bounded:200ms, not %q", text)
	}
	m, err := o.model(h)
	if err != nil {
		return Result{}, err
	}
	if h.Header.Timeless {
		return unknown("bounded:"+d.String(), len(h.Ops), "the history has no clock, and this level needs one"), nil
	}
	return BoundedStaleness(h.Ops, m, d, o.Budget), nil
}

func (o Options) model(h *history.History) (Model, error) {
	name := o.Model
	if name == "" {
		name = ModelOf(h)
	}
	return ModelNamed(name, &h.Header)
}

func judgeLinearizable(h *history.History, o Options) Result {
	m, err := o.model(h)
	if err != nil {
		return unknown("linearizable", len(h.Ops), "%v", err)
	}
	return Linearizable(h.Ops, m, o.Budget)
}

// ModelOf is the model that the header names, or that the operations suggest.
func ModelOf(h *history.History) string {
	if h.Header.Model != "" {
		return h.Header.Model
	}
	suggest := map[string]string{
		history.Append: "append", history.Enqueue: "queue", history.Dequeue: "queue", history.Acquire: "mutex", history.Release: "mutex",
		history.Transfer: "bank", history.Add: "set", history.Remove: "set",
	}
	only := true               // reads and increments
	lists, seen := true, false // reads alone, and what they gave were lists
	for i := range h.Ops {
		op := &h.Ops[i]
		for _, s := range stepsOf(op) {
			if m, ok := suggest[s.F]; ok {
				return m
			}
			seen = seen || s.Out.IsList()
			lists = lists && op.F == history.Read && (op.Outcome != history.OK || s.Out.IsList())
			only = only && (s.F == history.Read || s.F == history.Incr) && h.Ops[i].F != history.Txn
		}
	}
	if only && slices.ContainsFunc(h.Ops, func(o history.Op) bool { return o.F == history.Incr }) {
		return "counter"
	}
	if lists && seen {
		return modelOfLists(h)
	}
	return "kv"
}

// modelOfLists is for histories of reads alone, which gave lists.
func modelOfLists(h *history.History) string {
	for i := range h.Ops {
		if balances, ok := balancesOf(h.Ops[i].Out); ok && len(balances) > 0 {
			return "bank"
		}
	}
	return "set"
}

// LevelsFor are the levels that say something about a history, strongest first;
// the first is the one to ask for by default.
func LevelsFor(h *history.History) []string {
	var names []string
	switch ModelOf(h) {
	case "append":
		names = []string{"strict-serializable", "serializable", "sequential", "read-committed", "exactly-once"}
	case "queue":
		names = []string{"exactly-once", "linearizable"}
	case "set":
		names = []string{"set-full", "exactly-once", "linearizable"}
	case "counter":
		names = []string{"counter", "linearizable"}
	case "mutex":
		names = []string{"linearizable"}
	case "bank":
		names = []string{"bank", "linearizable"}
	default:
		names = storeLevels(h)
	}
	if h.Header.Timeless {
		names = slices.DeleteFunc(names, func(n string) bool {
			return slices.ContainsFunc(levels, func(l levelEntry) bool { return l.name == n && l.realTime })
		})
	}
	return names
}

func storeLevels(h *history.History) []string {
	txns := false
	for i := range h.Ops {
		switch h.Ops[i].F {
		case history.Generate:
			return []string{"unique-ids"}
		case history.Txn:
			txns = true
		}
	}
	if txns {
		return []string{"strict-serializable", "serializable", "causal-convergent", "causal-memory", "causal", "read-atomic", "read-committed"}
	}
	return []string{"linearizable", "sequential", "causal-convergent", "causal-memory", "causal", "pram", "ryw", "mr", "mw", "wfr"}
}

// Strongest are the levels of some results that hold and that no other of them
// that holds implies.
func Strongest(results []Result) []string {
	var out []string
	for _, r := range results {
		if r.Verdict != Holds {
			continue
		}
		implied := slices.ContainsFunc(results, func(o Result) bool {
			return o.Verdict == Holds && o.Level != r.Level && implies(o.Level, r.Level)
		})
		if !implied {
			out = append(out, r.Level)
		}
	}
	return out
}

// implies says whether a level includes another.
func implies(a, b string) bool {
	name, delta, _ := strings.Cut(a, ":")
	other, delta2, _ := strings.Cut(b, ":")
	if name == "bounded" && other == "bounded" {
		x, _ := time.ParseDuration(delta)
		y, _ := time.ParseDuration(delta2)
		return x <= y
	}
	for _, l := range levels {
		if l.name == name {
			return slices.ContainsFunc(l.implies, func(n string) bool { return n == other || implies(n, b) })
		}
	}
	return false
}
