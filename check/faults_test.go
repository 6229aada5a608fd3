package check

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// script reads a small history: operations one after the other, separated by
// semicolons. "a w x 1" is session a writing, "a r x 1" reading, with - for
// nothing; "a t w:x:1,r:y:-" is a transaction, and in it a:x:1 appends to a list
// and l:x:1.2 reads one. A trailing ! failed, ? is ambiguous, @7 is the version told.
func script(start int64, text string) []history.Op {
	value := func(s string) history.Value {
		if s == "-" {
			return history.Nil
		}
		return history.String(s)
	}
	var ops []history.Op
	for i, item := range strings.Split(text, ";") {
		f := strings.Fields(item)
		op := history.Op{Session: "fault-" + f[0], Call: start + int64(10*i), Return: start + int64(10*i+5), Outcome: history.OK, Node: "n2"}
		rest := f[2:]
		switch f[1] {
		case "w":
			op.F, op.Key, op.In = history.Write, rest[0], value(rest[1])
		case "r":
			op.F, op.Key, op.Out = history.Read, rest[0], value(rest[1])
		case "cas":
			op.F, op.Key, op.In, op.Out = history.CAS, rest[0], history.List(value(rest[1]), value(rest[2])), history.Bool(true)
			rest = rest[1:]
		case "incr":
			op.F, op.Key, op.Out = history.Incr, rest[0], value(rest[1])
		case "t":
			op.F = history.Txn
			for _, s := range strings.Split(rest[0], ",") {
				p := strings.Split(s, ":")
				switch p[0] {
				case "w":
					op.Txn = append(op.Txn, history.Step{F: history.Write, Key: p[1], In: value(p[2])})
				case "r":
					op.Txn = append(op.Txn, history.Step{F: history.Read, Key: p[1], Out: value(p[2])})
				case "a":
					op.Txn = append(op.Txn, history.Step{F: history.Append, Key: p[1], In: value(p[2])})
				case "l":
					op.Txn = append(op.Txn, history.Step{F: history.Read, Key: p[1], Out: textList(p[2], ".")})
				}
			}
			rest = slices.Insert(rest, 1, "") // a transaction has one word where others have two
		}
		for _, mark := range rest[2:] {
			switch {
			case mark == "!":
				op.Outcome = history.Fail
			case mark == "?":
				op.Outcome, op.Return = history.Info, history.Never
			case mark[0] == '@':
				op.Version, _ = strconv.ParseUint(mark[1:], 10, 64)
			}
		}
		ops = append(ops, op)
	}
	return ops
}

const (
	phantom    = "a r x 99"
	failedSeen = "b w x 1 !; a r x 1"
	ownLost    = "a w x 1; a r x -"
	ownOlder   = "a w x 1; a w x 2; a r x 1"
	backToNil  = "b w x 1; a r x 1; a r x -"
	backInTime = "b w x 1; b w x 2; a r x 2; a r x 1"
	theirOrder = "b w x 1; b w y 1; a r y 1; a r x -"
	theirOlder = "b w x 1; b w x 2; b w y 1; a r y 1; a r x 1"
	effectOnly = "c w x 1; b r x 1; b w y 1; a r y 1; a r x -"
	effectOld  = "c w x 1; c w x 2; b r x 2; b w y 1; a r y 1; a r x 1"
	twoOrders  = "a w x 1; b w x 2; c r x 1; c r x 2; d r x 2; d r x 1"
	halfSeen   = "b t w:x:1,w:y:1; a t r:x:1,r:y:-"
	nobodyOld  = "b w x 1; a r x -"
	future     = "a r x 1; b w x 1"
	twoReaders = "b w x 1; b w y 1; c r y 1; a r y 1; a r x -"                                                                // what one session knew says nothing of the next
	manySeen   = "b t w:x:1,w:y:1,w:z:1; a t r:x:1,r:y:-"                                                                     // more was written than read
	byOthers   = "d w x 2; d w y 1; e w y 2; e w x 1; f r x 1; f w z 1; g r y 1; g w u 1; c r z 1; c r u 1; c r x 2; c r y 2" // c knows of x=1 and y=1 by what f and g had read
	twoHalves  = "b t w:x:3,w:y:4; a t w:x:1,w:y:2; a t r:x:1,r:y:4"                                                          // no order of the two shows both
)

// faults are, for each level, small histories that break it.
var faults = map[string][]string{
	"ryw": {phantom, failedSeen, ownLost, ownOlder, "b w x 1; a r x 1; a w x 2; a r x 1", "a w x 1; a w y 1; a r y -", "a w x 1 @3; a w x 2 @7; a r x 1 @3"},
	"mr":  {phantom, failedSeen, backToNil, backInTime, "b w x 1; b w x 2; b w x 3; a r x 3; a r x 2", "b w x 1; a r x 1; a w x 2; a r x 2; a r x 1", "b w x 1 @4; c w x 2 @9; a r x 2 @9; a r x 1 @4"},
	"mw":  {phantom, failedSeen, theirOrder, theirOlder, "b w x 1; b w y 1; b w z 1; a r z 1; a r y -", "b w x 1 @5; b w x 2 @4"},
	"wfr": {phantom, failedSeen, effectOnly, effectOld, "c w x 1 @5; b r x 1 @5; b w x 2 @4"},
	"causal": {phantom, failedSeen, ownLost, ownOlder, backToNil, backInTime, theirOrder, theirOlder, effectOnly, effectOld, "a r x 1; a w y 1; b r y 1; b w x 1",
		"d w x 1; c r x 1; c w y 1; b r y 1; b w z 1; a r z 1; a r x -", twoHalves},
	"bounded:1ns":       {phantom, failedSeen, ownLost, backInTime, nobodyOld, future, ownOlder},
	"causal-convergent": {phantom, ownLost, backInTime, theirOrder, effectOld, twoOrders},
	"causal-memory":     {phantom, ownOlder, backToNil, theirOlder, effectOnly, "a w x 1; b w x 2; c r x 1; c r x 2; c r x 1"},
	"pram":              {twoReaders, phantom, failedSeen, ownLost, ownOlder, backToNil, backInTime, theirOrder, "a w x 1; b w x 2; c r x 1; c r x 2; c r x 1"},
	"read-atomic":       {manySeen, halfSeen, phantom, failedSeen, "b t w:x:1,w:x:2; a r x 1", "b t w:x:1,w:y:1; c t r:x:1,w:x:2,w:y:2; a t r:x:2,r:y:1", ownOlder},
	"read-committed":    {manySeen, phantom, failedSeen, "b t w:x:1,w:x:2; a r x 1", halfSeen, "a t w:x:1,r:x:2; b w x 2", "a r x 1; a w y 1; b r y 1; b w x 1"},
	"linearizable": {phantom, failedSeen, ownLost, ownOlder, backInTime, nobodyOld, future, "a cas x - 1; b cas x - 2", "a incr x 1; b incr x 1", "a incr x 1; b incr x 3",
		"a w x 1; b w x 2; c r x 1", "a w x 1; b r x 1; c w x 2; d w x 3; b r x 2"},
	"sequential":          {phantom, failedSeen, ownLost, backInTime, "a w x 1 @1; a r y -; b w y 1 @1; b r x -", twoOrders, "a w x 1 @1; a w x 2 @2; b r x 1 @2", "a w x 1 @4; b w x 2 @4", "a w x 1 @1; b cas x - 2 @2"},
	"strict-serializable": {phantom, failedSeen, halfSeen, nobodyOld, future, "a t r:x:-,w:x:1; b t r:x:-,w:x:2"},
	"serializable":        {phantom, failedSeen, halfSeen, "a t r:x:-,w:x:1; b t r:x:-,w:x:2", "a t r:x:-,w:y:1; b t r:y:-,w:x:1", "a t w:x:1,r:x:2; b w x 2"},
}

// TestFaultsAreFound hides each fault behind a correct history and expects it to
// be found, shown with a few operations, and told.
func TestFaultsAreFound(t *testing.T) {
	for level, texts := range faults {
		if len(texts) < 5 {
			t.Errorf("%s: only %d faults", level, len(texts))
		}
		for _, text := range texts {
			t.Run(level+"/"+text, func(t *testing.T) {
				h := causalRun(60, 4, 3)
				if level == "linearizable" || level == "sequential" || strings.Contains(level, "serializable") || strings.HasPrefix(level, "bounded") {
					h = &history.History{Ops: atomicRegisters(60, 4, 3, true)}
				}
				if strings.Contains(text, "@") && level == "sequential" {
					h.Ops = nil // versions are known for all operations or for none
				}
				good := len(h.Ops)
				if r, err := Judge(h, level, Options{}); err != nil || good > 0 && r.Verdict == Violated {
					t.Fatal(err, r)
				}
				h.Ops = append(h.Ops, script(1_000_000, text)...)
				r, err := Judge(h, level, Options{})
				if err != nil || r.Verdict != Violated {
					t.Fatalf("not found: %v %v", err, r)
				}
				v := r.Violations[0]
				if len(v.Ops) == 0 || len(v.Ops) > 8 || v.Text == "" || v.Kind == "" {
					t.Errorf("badly shown: %+v", v)
				}
				for _, i := range v.Ops {
					if i < good {
						t.Errorf("operation %d has nothing to do with it: %s", i, v.Text)
					}
				}
			})
		}
	}
}

// TestCorrectStoresAreNotRefused judges runs of correct stores by every level
// that they have.
func TestCorrectStoresAreNotRefused(t *testing.T) {
	causalLevels := []string{"causal", "causal-convergent", "causal-memory", "pram", "ryw", "mr", "mw", "wfr", "read-atomic", "read-committed"}
	all := append([]string{"linearizable", "sequential", "strict-serializable", "serializable", "bounded:1us"}, causalLevels...)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 80).Draw(t, "n")
		sessions := rapid.IntRange(1, 5).Draw(t, "sessions")
		keys := rapid.IntRange(1, 4).Draw(t, "keys")
		seed := lcg(rapid.Uint64().Draw(t, "seed"))
		judgeAll := func(name string, ops []history.Op, levels []string) {
			for _, l := range levels {
				r, err := Judge(&history.History{Ops: ops}, l, Options{})
				if err != nil || r.Verdict != Holds {
					t.Fatalf("%s by %s: %v %v\n%s", name, l, err, r, show(ops))
				}
			}
		}
		judgeAll("atomic registers", drawAtomic(&seed, n, sessions, keys, false), all)
		judgeAll("atomic transactions", drawAtomic(&seed, n, sessions, keys, true), []string{"strict-serializable", "serializable", "causal-convergent", "causal", "causal-memory", "read-atomic", "read-committed"})
		judgeAll("causal store", causalSeeded(&seed, n, sessions, keys).Ops, []string{"causal", "causal-memory", "pram", "ryw", "mr", "mw", "wfr"})
	})
}

// drawAtomic is a run over a store that changes atomically inside each operation,
// in which some operations are ambiguous and some fail.
func drawAtomic(r *lcg, n, sessions, keys int, txns bool) []history.Op {
	held := map[string]history.Value{}
	free := make([]int64, sessions)
	process := make([]int64, sessions)
	now, next := int64(0), int64(0)
	var ops []history.Op
	for range n {
		s := r.below(sessions)
		call := free[s] + int64(r.below(20))
		now = max(now, call) + 1 + int64(r.below(5))
		op := history.Op{Process: int64(s) + int64(sessions)*process[s], Call: call, Return: now + int64(r.below(20)), Outcome: history.OK, F: history.Txn}
		free[s] = op.Return + 1
		happens := true
		switch r.below(12) {
		case 0:
			op.Outcome, op.Return = history.Info, history.Never
			happens = r.below(2) == 0
			process[s]++ // the client went on as another process
		case 1:
			op.Outcome, happens = history.Fail, false
		}
		steps := 1
		if txns {
			steps += r.below(3)
		}
		own := map[string]history.Value{}
		for range steps {
			k := "k" + strconv.Itoa(r.below(keys))
			if r.below(2) == 0 {
				next++
				own[k] = history.Int(next)
				op.Txn = append(op.Txn, history.Step{F: history.Write, Key: k, In: own[k]})
				continue
			}
			v, ok := own[k]
			if !ok {
				v = held[k]
			}
			op.Txn = append(op.Txn, history.Step{F: history.Read, Key: k, Out: v})
		}
		if happens {
			for k, v := range own {
				held[k] = v
			}
		}
		if !txns {
			st := op.Txn[0]
			op.F, op.Key, op.In, op.Out, op.Txn = st.F, st.Key, st.In, st.Out, nil
			if op.Outcome != history.OK {
				op.Out = history.Nil
			}
		}
		ops = append(ops, op)
	}
	return ops
}

// causalSeeded is a store in which each session has a replica that takes in
// others' writes in the order of their making, any time later. Two sessions may
// see concurrent writes in different orders.
func causalSeeded(r *lcg, n, sessions, keys int) *history.History {
	type write struct {
		key, value int
		deps       []int
	}
	logs := make([][]write, sessions)
	seen := make([][]int, sessions) // by replica: how many of each session's writes it has taken in
	state := make([][]int, sessions)
	for s := range seen {
		seen[s], state[s] = make([]int, sessions), make([]int, keys)
	}
	h := &history.History{}
	for i := range n {
		s := r.below(sessions)
		for range r.below(2 * sessions) {
			from := r.below(sessions)
			if from == s || seen[s][from] == len(logs[from]) {
				continue
			}
			w := logs[from][seen[s][from]]
			if slices.ContainsFunc(slices.Collect(index(sessions)), func(o int) bool { return o != from && w.deps[o] > seen[s][o] }) {
				continue
			}
			state[s][w.key] = w.value
			seen[s][from]++
		}
		k := r.below(keys)
		op := history.Op{Process: int64(s), Key: "k" + strconv.Itoa(k), F: history.Read, Call: int64(10 * i), Return: int64(10*i + 5), Outcome: history.OK}
		if r.below(2) == 0 {
			op.F, op.In = history.Write, history.Int(int64(i+1))
			logs[s] = append(logs[s], write{k, i + 1, slices.Clone(seen[s])})
			seen[s][s]++
			state[s][k] = i + 1
		} else if v := state[s][k]; v != 0 {
			op.Out = history.Int(int64(v))
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

func index(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// TestLevelsAreApart: histories that one level refuses and its neighbour does not.
func TestLevelsAreApart(t *testing.T) {
	list := func(session string, call int64, elems ...int64) history.Op {
		op := history.Op{Session: session, F: history.Read, Key: "x", Call: call, Return: call + 1, Outcome: history.OK}
		var vs []history.Value
		for _, e := range elems {
			vs = append(vs, history.Int(e))
		}
		op.Out = history.List(vs...)
		return op
	}
	put := func(f string, call, elem int64) history.Op {
		return history.Op{Session: "w", F: f, Key: "x", In: history.Int(elem), Call: call, Return: call + 1, Outcome: history.OK}
	}
	for _, c := range []struct {
		level string
		ops   []history.Op
		want  Verdict
	}{
		{"pram", script(0, effectOnly), Holds},
		{"causal-memory", script(0, effectOnly), Violated},
		{"pram", script(0, byOthers), Holds},
		{"causal", script(0, byOthers), Holds},
		{"causal-memory", script(0, byOthers), Violated},
		{"causal", script(0, twoOrders), Holds},
		{"causal-convergent", script(0, twoOrders), Violated},
		{"read-committed", script(0, ownOlder), Holds},
		{"read-atomic", script(0, ownOlder), Violated},
		{"mr", script(0, ownLost), Holds},
		{"mw", script(0, effectOnly), Holds},
		{"serializable", script(0, nobodyOld), Holds},
		{"strict-serializable", script(0, nobodyOld), Violated},
		{"serializable", []history.Op{put(history.Append, 0, 1), put(history.Append, 0, 2), list("a", 5, 1, 2), list("b", 5, 2)}, Violated},
		{"serializable", []history.Op{put(history.Append, 0, 1), put(history.Append, 0, 2), list("a", 5, 1, 2), list("b", 5, 1)}, Holds},
		{"linearizable", []history.Op{put(history.Enqueue, 0, 1), {Session: "a", F: history.Dequeue, Key: "x", Call: 5, Return: 6, Outcome: history.OK}}, Violated},
		{"linearizable", []history.Op{put(history.Enqueue, 0, 1), {Session: "a", F: history.Dequeue, Key: "x", Call: 1, Return: 6, Outcome: history.OK}}, Holds},
	} {
		for i := range c.ops { // the two appends and the enqueue may overlap
			if c.ops[i].F == history.Append {
				c.ops[i].Session = strconv.Itoa(i)
			}
		}
		if r, err := Judge(&history.History{Ops: c.ops}, c.level, Options{}); err != nil || r.Verdict != c.want {
			t.Errorf("%s: %v %v, want %v\n%s", c.level, err, r, c.want, show(c.ops))
		}
	}
}
