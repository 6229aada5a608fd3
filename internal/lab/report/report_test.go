package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

func contains(t testing.TB, page string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(page, w) {
			t.Errorf("the page has no %q", w)
		}
	}
}

// TestPage: what was found is told.
func TestPage(t *testing.T) {
	page := write(t, staleRun(t))
	contains(t, page,
		"7 of 10 levels are violated", "Strongest that holds: ryw, mw, wfr",
		"n2 answered x=1 to session 4 at 3.2 s, although the same session had read x=2 at 2.9 s; 2 was written after 1, by the same session 1",
		"breaks sequential, causal-convergent, causal-memory, causal, mr",
		"parley check run.jsonl --level all --report run.html", "partition n2", "n2 cut off", "parley dev, 3 nodes", "line 10",
		"5 (4 ok, 0 failed, 1 unknown)")
	if again := write(t, staleRun(t)); again != page {
		t.Error("two pages of one input")
	}
	if strings.Contains(page, "Not on this page") {
		t.Error("claims to leave something out")
	}
}

func TestHeadlines(t *testing.T) {
	h, v, u := check.Holds, check.Violated, check.Unknown
	for _, c := range []struct {
		verdicts []check.Verdict
		want     headline
	}{
		{nil, headline{"unknown", "Nothing was judged", ""}},
		{[]check.Verdict{h}, headline{"holds", "mr holds", ""}},
		{[]check.Verdict{v}, headline{"violated", "mr is violated", ""}},
		{[]check.Verdict{u}, headline{"unknown", "mr is not decided", ""}},
		{[]check.Verdict{h, h}, headline{"holds", "All 2 levels hold", "Strongest that holds: mr, mw"}},
		{[]check.Verdict{h, v, u}, headline{"violated", "mw is violated", "Strongest that holds: mr"}},
		{[]check.Verdict{v, u, v}, headline{"violated", "mr, wfr are violated", "None of the levels is known to hold"}},
		{[]check.Verdict{h, u}, headline{"unknown", "mw is not decided", "Strongest that holds: mr"}},
		{[]check.Verdict{v, v, v, v, h}, headline{"violated", "4 of 5 levels are violated", "Strongest that holds: bank"}},
	} {
		var rs []check.Result
		for i, x := range c.verdicts {
			rs = append(rs, check.Result{Level: []string{"mr", "mw", "wfr", "ryw", "bank"}[i], Verdict: x})
		}
		if got := headlineOf(rs); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.verdicts, got, c.want)
		}
	}
}

// TestEveryLevelHasAMeaning keeps the table in step with package check.
func TestEveryLevelHasAMeaning(t *testing.T) {
	for _, l := range append(check.LevelNames(), "bounded:1s") {
		if meaning(l) == "" {
			t.Errorf("no meaning of %s", l)
		}
	}
}

// worst is a run with everything in excess.
func worst() Input {
	big := strings.Repeat(`"<&`, 100_000)
	in := Input{Title: big, Command: strings.Repeat("x", 100_000), History: &history.History{}}
	h := in.History
	h.Header.Model = "register"
	for i := range 200_000 {
		v := history.Int(int64(i))
		if i < 2000 {
			v = history.String(big)
		}
		h.Ops = append(h.Ops, history.Op{Process: int64(i % 5000), Session: fmt.Sprint(`"s<`, strings.Repeat("s", i%90), i%5000), Node: fmt.Sprint(`"n<`, i%300), Keyspace: `"`, Key: fmt.Sprint(`"k`, i),
			F: history.Write, In: v, Level: big, Outcome: history.Outcome(i % 3), Call: int64(i) * 1000, Return: int64(i)*1000 + 5e6})
	}
	for i := range 500 {
		in.Facts = append(in.Facts, [2]string{big, big})
		in.Notes = append(in.Notes, big)
		h.Notes = append(h.Notes, history.Note{Time: int64(i), Text: big})
		in.Faults = append(in.Faults, Fault{Name: big, From: int64(i) * 300_000, To: int64(i)*300_000 + 1e6, Nodes: []string{`"n<1`}})
		r := check.Result{Level: fmt.Sprint("level", i), Verdict: check.Violated, Why: big}
		for n := range 8 {
			x := check.Violation{Kind: big, Key: big, Text: fmt.Sprint(n) + big}
			for j := range 1000 * (1 + n%2*99) {
				x.Ops = append(x.Ops, j+n+i)
			}
			r.Violations = append(r.Violations, x)
		}
		if i > 10 {
			r.Violations = r.Violations[:i%2]
		}
		in.Results = append(in.Results, r)
	}
	return in
}

// TestBounded: whatever a run holds, its page is below 5 MB and says what it
// left out.
func TestBounded(t *testing.T) {
	page := write(t, worst())
	if len(page) > MaxSize {
		t.Errorf("%d bytes", len(page))
	}
	contains(t, page, "440 of 500 levels", "460 of 500 facts", "900 of 1,000 notes", "400 of 500 faults", "The command that repeats the run: it has 100,000 bytes",
		"A row of the overview for each session: there are", "of 1000 operations, those in the middle, are not listed", "Pictures and operations of", "more than 100,000")
}

// TestCountsAll: every operation is in the charts and in the overview once, and
// quantiles are those of the sorted latencies within 3 percent.
func TestCountsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history.History
		var latencies []uint64
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			op := history.Op{Process: rapid.Int64Range(-2, 120).Draw(t, "process"), Outcome: history.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome")),
				Call: rapid.OneOf(rapid.Int64Range(0, 1e9), rapid.Int64()).Draw(t, "call")}
			if rapid.Bool().Draw(t, "named") {
				op.Session = rapid.SampledFrom([]string{"1", "a", "s2", "s10", "-2", "07"}).Draw(t, "session")
			}
			op.Return = history.Never
			if op.Outcome != history.Info {
				op.Return = rapid.OneOf(rapid.Int64Range(0, 1e9), rapid.Int64()).Draw(t, "return")
			}
			if op.Outcome == history.OK {
				latencies = append(latencies, uint64(ended(&op))-uint64(op.Call))
			}
			h.Ops = append(h.Ops, op)
		}
		s := newSurvey(&h)
		if len(s.buckets) > 2*mostBuckets || len(s.rows) > mostRows {
			t.Fatal(len(s.buckets), len(s.rows))
		}
		var inBuckets, inRows [3]int
		var all histogram
		for i := range s.buckets {
			for o, n := range s.buckets[i].done {
				inBuckets[o] += int(n)
			}
			if s.begin(i) > s.end(i) {
				t.Fatalf("bucket %d ends before it begins", i)
			}
		}
		for _, row := range s.rows {
			for _, c := range row {
				for o, n := range c {
					inRows[o] += int(n)
				}
			}
		}
		if inBuckets != s.outcomes || inRows != s.outcomes {
			t.Fatal(inBuckets, inRows, s.outcomes)
		}
		for _, l := range latencies {
			all.add(l)
		}
		slices.Sort(latencies)
		for _, q := range []float64{0.5, 0.99, 1} {
			if len(latencies) > 0 {
				want := latencies[int(math.Ceil(q*float64(len(latencies))))-1]
				if got := all.quantile(q); got < want || float64(got) > float64(want)*1.04 {
					t.Fatalf("quantile %v: %d, want %d", q, got, want)
				}
			}
		}
		write2(t, Input{History: &h, Faults: []Fault{{"f", h.Ops[0].Call, math.MinInt64, nil}}})
	})
}

func write2(t *rapid.T, in Input) {
	if err := Write(discard{}, in); err != nil {
		t.Fatal(err)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) {
	if s := string(b); strings.Contains(s, "NaN") || strings.Contains(s, "Inf ") {
		return 0, errors.New("a number that is none is on the page")
	}
	return len(b), nil
}

// TestEmpty: no operations, no results, no clock: there is a page that says so.
func TestEmpty(t *testing.T) {
	contains(t, write(t, Input{}), "Nothing was judged", "0 (0 ok, 0 failed, 0 unknown)")
	in := staleRun(t)
	in.History.Header.Timeless = true
	page := write(t, in)
	contains(t, page, "Rate and latency: the history has no clock.")
	if strings.Contains(page, `class="st-axis"`) || strings.Contains(page, `class="plot"`) {
		t.Error("a history without a clock has an axis of time")
	}
	in.Results[0].Violations[0].Ops = []int{-1, 99, 3} // from another history
	contains(t, write(t, in), "line 10")
}

func TestOrderOfNames(t *testing.T) {
	names := []string{"n10", "n2", "10", "9", "-1", "b", "a1x", "a2"}
	slices.SortFunc(names, byNumber)
	if got := strings.Join(names, " "); got != "9 10 -1 a2 a1x b n2 n10" {
		t.Error(got)
	}
}

func BenchmarkWrite(b *testing.B) {
	in := Input{History: load(1_000_000, 200), Results: []check.Result{{Level: "linearizable", Verdict: check.Holds}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(discard{}, in); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCommandLine(t *testing.T) {
	got := CommandLine("parley", "check", "my run.jsonl", "--level", "bounded:200ms,ryw", "", "it's", "$HOME")
	if got != `parley check 'my run.jsonl' --level bounded:200ms,ryw '' 'it'\''s' '$HOME'` {
		t.Error(got)
	}
}
