package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// TestImplications: what a level implies holds wherever the level does.
func TestImplications(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawWeak(t, 6, rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "steps"))
		for i := range h.Ops { // overlap a little, so that linearizable is not all
			h.Ops[i].Return += rapid.SampledFrom([]int64{0, 10, 100}).Draw(t, "longer")
		}
		sequentialSessions(h)
		verdict := map[string]Verdict{}
		names := append(LevelNames(), "bounded:5ns", "bounded:1s")
		for _, n := range names {
			if slices.Contains([]string{"exactly-once", "set-full", "counter", "bank", "unique-ids", "convergence"}, n) {
				continue
			}
			r, err := Judge(h, n, Options{Model: "kv"})
			if err != nil || r.Level != n {
				t.Fatal(n, err, r)
			}
			verdict[n] = r.Verdict
		}
		for _, a := range names {
			for _, b := range names {
				if implies(a, b) && verdict[a] == Holds && verdict[b] == Violated {
					t.Fatalf("%s holds, and implies %s, which is violated\n%s", a, b, show(h.Ops))
				}
			}
		}
	})
}

// sequentialSessions moves operations so that those of a session do not overlap.
func sequentialSessions(h *history.History) {
	free := map[int64]int64{}
	for i := range h.Ops {
		op := &h.Ops[i]
		length := op.Return - op.Call
		op.Call = max(op.Call, free[op.Process])
		op.Return = op.Call + length
		free[op.Process] = op.Return + 1
	}
}

func TestStrongest(t *testing.T) {
	result := func(level string, v Verdict) Result { return Result{Level: level, Verdict: v} }
	for _, c := range []struct {
		want    string
		results []Result
	}{
		{"", nil},
		{"", []Result{result("causal", Violated), result("ryw", Unknown)}},
		{"causal", []Result{result("linearizable", Violated), result("causal", Holds), result("ryw", Holds)}},
		{"causal-convergent causal-memory", []Result{result("causal-convergent", Holds), result("causal-memory", Holds), result("causal", Holds), result("pram", Holds)}},
		{"linearizable", []Result{result("linearizable", Holds), result("bounded:1s", Holds), result("mw", Holds)}},
		{"bounded:1s", []Result{result("bounded:1s", Holds), result("bounded:2s", Holds)}},
	} {
		if got := strings.Join(Strongest(c.results), " "); got != c.want {
			t.Errorf("%v: got %q, want %q", c.results, got, c.want)
		}
	}
}

func TestJudgeRefusesNonsense(t *testing.T) {
	h := &history.History{Ops: script(0, "a w x 1")}
	for _, level := range []string{"", "serialisable", "bounded:", "bounded:-1s", "bounded"} {
		if _, err := Judge(h, level, Options{}); err == nil {
			t.Errorf("%q was taken", level)
		}
	}
	if _, err := Judge(h, "causal", Options{Model: "x"}); err == nil {
		t.Error("an unknown model was taken")
	}
}

func TestModelsAndLevelsBySight(t *testing.T) {
	for text, want := range map[string]string{
		"a w x 1":    "kv linearizable",
		"a incr x 1": "counter counter",
		"a t w:x:1":  "kv strict-serializable",
	} {
		h := &history.History{Ops: script(0, text)}
		if got := ModelOf(h) + " " + LevelsFor(h)[0]; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for f, want := range map[string]string{
		history.Add: "set set-full", history.Enqueue: "queue exactly-once", history.Append: "append strict-serializable",
		history.Acquire: "mutex linearizable", history.Transfer: "bank bank", history.Generate: "kv unique-ids",
	} {
		h := &history.History{Ops: []history.Op{{F: f, In: history.Int(1)}}}
		if got := ModelOf(h) + " " + LevelsFor(h)[0]; got != want {
			t.Errorf("%s: %s, want %s", f, got, want)
		}
	}
	for text, want := range map[string]string{ // reads alone
		"read - , ok": "set", "read - 1,2 ok; read - 1,2 info": "set", "read - a:10,b:10 ok": "bank", "read - 1 ok": "kv", "read - - info": "kv", "write 1,2 - ok; read - 1,2 ok": "kv",
	} {
		if got := ModelOf(effectScript(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	h := &history.History{Header: history.Header{Timeless: true}, Ops: script(0, "a w x 1")}
	if got := LevelsFor(h)[0]; got != "sequential" {
		t.Error(got)
	}
	for _, level := range []string{"linearizable", "bounded:1s", "convergence"} {
		if r, _ := Judge(h, level, Options{}); r.Verdict != Unknown {
			t.Errorf("%s of a history without a clock: %v", level, r)
		}
	}
}

// TestAmbiguous: what nobody saw is not held against anybody; what somebody saw
// has happened.
func TestAmbiguous(t *testing.T) {
	for _, c := range []struct {
		level, text string
		want        Verdict
	}{
		{"ryw", "a w x 1 ?; a r x -", Holds},
		{"ryw", "a w x 1 ?; b r x 1; a r x -", Holds}, // it may have come late
		{"mr", "b w x 1 ?; a r x 1; a r x -", Violated},
		{"causal", "b w x 1 ?; a r x 1; a r x -", Violated},
		{"causal", "b w x 1 ?; b w x 2; a r x 2; a r x 1", Holds}, // the first may have come after the second
		{"pram", "b w x 1 ?; b w x 2; a r x 2; a r x 1", Holds},
		{"linearizable", "b w x 1 ?; b w x 2; a r x 2; a r x 1", Holds},
		{"linearizable", "b w x 1 ?; a r x 1; a r x -", Violated},
		{"linearizable", "a incr x 1; b incr x - ?; a incr x 2; a incr x 4", Holds},
		{"linearizable", "a incr x 1; b incr x - ?; a incr x 2; a incr x 5", Violated},
		{"linearizable", "a cas x - 1 ?; b r x 1; c cas x 1 2 ?; b r x 2", Holds},
		{"linearizable", "a cas x - 1 ?; b cas x - 2; b r x 1", Violated},
		{"causal", "a r x -; a r x -", Holds},
	} {
		r, err := Judge(&history.History{Ops: script(0, c.text)}, c.level, Options{})
		if err != nil || r.Verdict != c.want {
			t.Errorf("%s of %q: %v, want %v (%v)", c.level, c.text, r, c.want, err)
		}
	}
}

// TestManyAmbiguous: beyond maxAmbiguous nothing is concluded, and nothing is
// refused.
func TestManyAmbiguous(t *testing.T) {
	h := &history.History{}
	for i := range int64(3 * maxAmbiguous) {
		h.Ops = append(h.Ops, history.Op{Process: 1000 + i, F: history.Write, Key: "x", In: history.Int(i + 1), Call: 2 * i, Return: history.Never},
			history.Op{Process: 1, F: history.Read, Key: "x", Out: history.Int(i + 1), Call: 2*i + 1, Return: 2*i + 1, Outcome: history.OK})
	}
	for _, level := range []string{"causal", "causal-convergent", "causal-memory", "pram", "mr"} {
		if r, _ := Judge(h, level, Options{}); r.Verdict != Holds {
			t.Errorf("%s: %v", level, r)
		}
	}
}

func TestUnknownIsNeverHolds(t *testing.T) {
	// Many ambiguous increments and a sum that needs all orders tried.
	var ops []history.Op
	for i := range int64(40) {
		ops = append(ops, history.Op{Process: i, F: history.Incr, Key: "x", In: history.Int(1 << min(i, 30)), Call: 0, Return: history.Never})
	}
	ops = append(ops, history.Op{Process: 99, F: history.Read, Key: "x", Out: history.Int(-1), Call: 5, Return: 6, Outcome: history.OK})
	r := Linearizable(ops, KV(), Budget{Steps: 10_000})
	if r.Verdict != Unknown || r.Why == "" || r.Steps > 20_000 {
		t.Fatalf("%v after %d steps", r, r.Steps)
	}
	asked := 0
	r = Linearizable(ops, KV(), Budget{Stop: func() bool { asked++; return asked > 3 }})
	if r.Verdict != Unknown || !strings.Contains(r.Why, "stopped") {
		t.Fatalf("%v", r)
	}
	// An easy violation is found behind a hard key.
	ops = append(ops, script(0, "a w y 1; a incr y 7; a r y 2")...)
	if r = Linearizable(ops, KV(), Budget{Steps: 1_000_000}); r.Verdict != Violated {
		t.Fatalf("%v", r)
	}
	for level, text := range map[string]string{"causal": "a w x 1; b w x 1; a r x 1", "ryw": "a incr x 1"} {
		if r, _ := Judge(&history.History{Ops: script(0, text)}, level, Options{}); r.Verdict != Unknown || r.Why == "" {
			t.Errorf("%s of %q: %v", level, text, r)
		}
	}
	overlap := script(0, "a w x 1; a w x 2")
	overlap[1].Call = 2
	if r := Causal(&history.History{Ops: overlap}); r.Verdict != Unknown || !strings.Contains(r.Why, "overlap") {
		t.Errorf("%v", r)
	}
}

// TestVersionsTellEqualValuesApart: with versions or dots, the same value may be
// written twice.
func TestVersionsTellEqualValuesApart(t *testing.T) {
	for text, want := range map[string]Verdict{
		"a w x 1 @1; a w x 2 @2; a w x 1 @3; b r x 2 @2; b r x 1 @3": Holds,
		"a w x 1 @1; a w x 2 @2; a w x 1 @3; b r x 2 @2; b r x 1 @1": Violated,
	} {
		if r := MonotonicReads(&history.History{Ops: script(0, text)}); r.Verdict != want {
			t.Errorf("%q: %v", text, r)
		}
		if r := Causal(&history.History{Ops: script(0, text)}); r.Verdict != want {
			t.Errorf("%q: %v", text, r)
		}
	}
}

func TestBoundedStaleness(t *testing.T) {
	// 1 was overwritten from 10 to 15; the read is called at 1030.
	ops := script(0, "a w x 1; a w x 2; b r x 1")
	ops[2].Call, ops[2].Return = 1030, 1040
	for delta, want := range map[time.Duration]Verdict{0: Violated, 1000: Violated, 1014: Violated, 1015: Holds, 2000: Holds} {
		r := BoundedStaleness(ops, Register(history.Nil), delta, Budget{})
		if r.Verdict != want || r.Level != "bounded:"+delta.String() {
			t.Errorf("%d: %v", delta, r)
		}
	}
	if ops[2].Call != 1030 {
		t.Error("the history was changed")
	}
}

// TestBoundedStalenessAgainstBruteForce compares with the definition: some
// linearization in which reads were called delta earlier.
func TestBoundedStalenessAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := drawOps(t, []string{history.Read, history.Read, history.Write}, true)
		delta := rapid.Int64Range(0, 6).Draw(t, "delta")
		early := slices.Clone(ops)
		for i := range early {
			if early[i].F == history.Read {
				early[i].Call -= delta
			}
		}
		want := bruteLinearizable(early, history.Nil)
		if got := BoundedStaleness(ops, KV(), time.Duration(delta), Budget{}); (got.Verdict == Holds) != want {
			t.Fatalf("delta %d: %v, brute force says %v\n%s", delta, got, want, show(ops))
		}
	})
}

func TestConverged(t *testing.T) {
	at := func(node, out string, call int64) history.Op {
		return history.Op{Session: node, Node: node, F: history.Read, Key: "x", Out: history.String(out), Call: call, Return: call + 5, Outcome: history.OK}
	}
	write := history.Op{F: history.Write, Key: "x", In: history.String("2"), Call: 10, Return: 20, Outcome: history.OK}
	open := history.Op{F: history.Write, Key: "x", In: history.String("3"), Call: 10, Return: history.Never}
	for name, c := range map[string]struct {
		ops  []history.Op
		want Verdict
	}{
		"equal":               {[]history.Op{write, at("n1", "2", 30), at("n2", "2", 30)}, Holds},
		"differs":             {[]history.Op{write, at("n1", "2", 30), at("n2", "1", 30)}, Violated},
		"a third differs":     {[]history.Op{write, at("n1", "2", 30), at("n2", "2", 30), at("n3", "9", 40)}, Violated},
		"differed before":     {[]history.Op{write, at("n1", "1", 30), at("n1", "2", 40), at("n2", "2", 30)}, Holds},
		"changed back":        {[]history.Op{write, at("n1", "2", 30), at("n1", "1", 40), at("n2", "2", 30)}, Violated},
		"during the write":    {[]history.Op{write, at("n1", "1", 15), at("n2", "2", 15)}, Unknown},
		"one node":            {[]history.Op{write, at("n1", "2", 30)}, Unknown},
		"may be on its way":   {[]history.Op{write, open, at("n1", "2", 30), at("n2", "3", 30)}, Unknown},
		"open, yet equal":     {[]history.Op{write, open, at("n1", "3", 30), at("n2", "3", 30)}, Holds},
		"never written, lost": {[]history.Op{write, at("n1", "2", 30), {Node: "n2", F: history.Read, Key: "x", Call: 30, Return: 35, Outcome: history.OK}}, Violated},
	} {
		if r := Converged(&history.History{Ops: c.ops}); r.Verdict != c.want {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// TestBankNeedsItsBeginning: without initial balances any read may be right.
func TestBankNeedsItsBeginning(t *testing.T) {
	h := effectScript("read - a:10,b:10 ok; transfer a,b,5 true ok; read - a:5,b:15 ok")
	for initial, want := range map[history.Value]Verdict{history.Nil: Unknown, history.Int(10): Holds, history.Int(9): Violated} {
		h.Header.Initial = initial
		if r, err := Judge(h, "linearizable", Options{}); err != nil || r.Verdict != want || want == Unknown && !strings.Contains(r.Why, "initials") {
			t.Errorf("%v: %v %v", initial, err, r)
		}
	}
}

func TestBankFaults(t *testing.T) {
	header := history.Header{Initials: map[string]history.Value{"a": history.Int(10), "b": history.Int(0)}}
	read := func(vs ...int64) history.Op {
		return history.Op{F: history.Read, Out: accounts([]string{"a", "b", "c"}[:len(vs)], vs), Call: 1, Return: 2, Outcome: history.OK}
	}
	for name, c := range map[string]struct {
		op   history.Op
		kind string
	}{
		"good": {read(4, 6), ""}, "too much": {read(10, 6), "wrong total"}, "too little": {read(4, 0), "wrong total"},
		"below zero": {read(-1, 11), "negative balance"}, "missing": {read(10), "missing account"},
	} {
		r := Bank(&history.History{Header: header, Ops: []history.Op{c.op}}, nil, false)
		if c.kind == "" && r.Verdict != Holds || c.kind != "" && (r.Verdict != Violated || r.Violations[0].Kind != c.kind) {
			t.Errorf("%s: %v", name, r)
		}
	}
	if r := Bank(&history.History{Header: header, Ops: []history.Op{read(-1, 11)}}, nil, true); r.Verdict != Holds {
		t.Errorf("overdraft is allowed: %v", r)
	}
	total := int64(3)
	if r := Bank(&history.History{Ops: []history.Op{read(1, 2)}}, &total, false); r.Verdict != Holds {
		t.Error(r)
	}
	if r := Bank(&history.History{Ops: []history.Op{read(2, 2)}}, &total, false); r.Verdict != Violated {
		t.Error(r)
	}
}

func TestUniqueIDs(t *testing.T) {
	id := func(p int64, v int64, o history.Outcome) history.Op {
		return history.Op{Process: p, F: history.Generate, Out: history.Int(v), Call: p, Return: p, Outcome: o}
	}
	if r := UniqueIDs(&history.History{Ops: []history.Op{id(1, 7, history.OK), id(2, 8, history.OK), id(3, 7, history.OK)}}); r.Verdict != Violated || len(r.Violations[0].Ops) != 2 {
		t.Error(r)
	}
	if r := UniqueIDs(&history.History{Ops: []history.Op{id(1, 7, history.OK), id(3, 7, history.Fail)}}); r.Verdict != Holds {
		t.Error(r)
	}
}

// TestMutex: one holder at a time; an ambiguous release may have come or not.
func TestMutex(t *testing.T) {
	op := func(p int64, f string, call int64, outcome history.Outcome) history.Op {
		o := history.Op{Process: p, F: f, Key: "m", Call: call, Return: call + 1, Outcome: outcome}
		if outcome == history.Info {
			o.Return = history.Never
		}
		return o
	}
	m, _ := ModelNamed("mutex", &history.Header{})
	for name, c := range map[string]struct {
		ops  []history.Op
		want Verdict
	}{
		"in turn":           {[]history.Op{op(1, "acquire", 0, history.OK), op(1, "release", 2, history.OK), op(2, "acquire", 4, history.OK)}, Holds},
		"two holders":       {[]history.Op{op(1, "acquire", 0, history.OK), op(2, "acquire", 4, history.OK)}, Violated},
		"release by other":  {[]history.Op{op(1, "acquire", 0, history.OK), op(2, "release", 4, history.OK)}, Violated},
		"ambiguous release": {[]history.Op{op(1, "acquire", 0, history.OK), op(1, "release", 2, history.Info), op(2, "acquire", 4, history.OK)}, Holds},
		"ambiguous acquire": {[]history.Op{op(1, "acquire", 0, history.Info), op(2, "acquire", 4, history.OK)}, Holds},
		"failed acquire":    {[]history.Op{op(1, "acquire", 0, history.Fail), op(2, "acquire", 4, history.OK)}, Holds},
	} {
		if r := Linearizable(c.ops, m, Budget{}); r.Verdict != c.want {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// TestEqualInputEqualOutput: results do not depend on map order.
func TestEqualInputEqualOutput(t *testing.T) {
	h := &history.History{Ops: append(causalRun(200, 4, 5).Ops, script(1_000_000, twoOrders+"; e w y 1; e r y -; f w z 1; f w z 2; f r z 1; a t w:q:1,w:p:1; b t r:q:1,r:p:-")...)}
	for _, level := range []string{"causal", "causal-convergent", "causal-memory", "pram", "read-atomic", "read-committed", "strict-serializable", "ryw"} {
		first, _ := Judge(h, level, Options{})
		for range 5 {
			if again, _ := Judge(h, level, Options{}); again.String() != first.String() {
				t.Fatalf("%s:\n%v\n%v", level, first, again)
			}
		}
	}
}

func TestShortestCycle(t *testing.T) {
	p := prepare(&history.History{Ops: script(0, "a w x 1; b w y 2; c w z 3")}, "causal")
	a, b, c := int32(0), int32(1), int32(2)
	long := []edge{{from: a, to: b}, {from: b, to: c}, {from: c, to: b}, {from: b, to: a}}
	if got := p.shorten(long); len(got) != 2 {
		t.Fatalf("%v", got)
	}
}
