package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

const ms = int64(1_000_000)

// staleRun is a session that reads 2, and then 1 from n2, judged at some levels.
func staleRun(t testing.TB) Input {
	h, err := history.ReadFrom(strings.NewReader(`{"history":"parley/1","model":"register"}
{"type":"invoke","process":1,"time":1000000000,"key":"x","op":"write","value":1,"node":"n1"}
{"type":"ok","process":1,"time":1100000000}
{"type":"invoke","process":1,"time":2000000000,"key":"x","op":"write","value":2,"node":"n1"}
{"type":"ok","process":1,"time":2100000000}
{"type":"note","time":2500000000,"text":"n2 cut off"}
{"type":"invoke","process":4,"time":2800000000,"key":"x","op":"read","node":"n1"}
{"type":"ok","process":4,"time":2900000000,"value":2}
{"type":"invoke","process":7,"time":2950000000,"key":"x","op":"write","value":3,"node":"n1"}
{"type":"invoke","process":4,"time":3100000000,"key":"x","op":"read","node":"n2"}
{"type":"ok","process":4,"time":3200000000,"value":1}
`), history.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return Input{
		Title: "A register on three nodes", Command: "parley check run.jsonl --level all --report run.html",
		History: h, Results: judged(t, h, check.LevelsFor(h)...),
		Faults: []Fault{{Name: "partition n2", From: 2500 * ms, To: history.Never, Nodes: []string{"n2"}}},
		Facts:  [][2]string{{"target", "parley dev, 3 nodes"}, {"seed", "7"}},
	}
}

func judged(t testing.TB, h *history.History, levels ...string) (results []check.Result) {
	for _, l := range levels {
		r, err := check.Judge(h, l, check.Options{})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	return results
}

// load is a run of n operations by some sessions on three nodes: registers that
// are read and written one after the other, so that all levels hold; with a time
// of faults in which some operations fail and some stay unknown.
func load(n, sessions int) *history.History {
	r := rand.New(rand.NewPCG(1, 2))
	h := &history.History{Header: history.Header{Model: "register"}, Ops: make([]history.Op, 0, n)}
	value := make([]int64, 100)
	for i := range n {
		at := int64(i) * 60_000 * ms / int64(n)
		key := r.IntN(len(value))
		op := history.Op{Process: int64(i % sessions), Node: fmt.Sprint("n", i%3+1), Key: fmt.Sprint("key-", key), F: history.Read, Level: "linearizable",
			Call: at, Return: at + 1 + int64(r.ExpFloat64()*float64(60_000*ms/int64(n))/4), Outcome: history.OK}
		if op.Return > at+60_000*ms/int64(n)*3/4 {
			op.Return = at + 60_000*ms/int64(n)*3/4
		}
		bad := at > 20_000*ms && at < 26_000*ms && r.IntN(3) == 0
		switch {
		case bad && r.IntN(2) == 0:
			op.Outcome = history.Fail
		case bad:
			op.Outcome, op.Return = history.Info, history.Never
		case r.IntN(2) == 0:
			value[key] = int64(i + 1)
			op.F, op.In = history.Write, history.Int(value[key])
		default:
			op.Out = history.Int(value[key])
			if value[key] == 0 {
				op.Out = history.Nil
			}
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

// loadRun is a load with one stale read in it.
func loadRun(t testing.TB, n, sessions int) Input {
	h := load(n, sessions)
	writes := 0
	for i := range h.Ops {
		if op := &h.Ops[i]; op.Key == "key-7" && op.F == history.Write && op.Outcome == history.OK {
			if writes++; writes == 3 {
				h.Ops = append(h.Ops, history.Op{Process: int64(sessions), Node: "n3", Key: "key-7", F: history.Read, Outcome: history.OK, Out: history.Nil, Call: 25_000 * ms, Return: 25_004 * ms})
				break
			}
		}
	}
	return Input{
		Title: "Registers under partitions", Command: "parley verify --target dev --workload register --seed 7", History: h,
		Results: judged(t, h, "linearizable", "causal", "ryw", "mr"),
		Faults:  []Fault{{Name: "partition halves n1", From: 20_000 * ms, To: 26_000 * ms}, {Name: "pause n2", From: 40_000 * ms, To: 41_000 * ms, Nodes: []string{"n2"}}},
		Facts:   [][2]string{{"target", "parley dev, 3 nodes"}, {"workload", "register"}, {"seed", "7"}, {"version", "1"}},
	}
}

func write(t testing.TB, in Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
