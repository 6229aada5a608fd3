package check_test

import (
	"fmt"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// A session reads 2 from one node and 1 from another.
func Example() {
	r := history.NewRecorder(history.Header{})
	second := int64(1_000_000_000)
	do := func(op history.Op, seconds float64, out history.Value) {
		op.Call = int64(seconds * float64(second))
		i := r.Invoke(op)
		r.OK(i, op.Call+second/10, out)
	}
	do(history.Op{Process: 1, F: history.Write, Key: "x", In: history.Int(1)}, 1, history.Nil)
	do(history.Op{Process: 1, F: history.Write, Key: "x", In: history.Int(2)}, 2, history.Nil)
	do(history.Op{Process: 4, F: history.Read, Key: "x", Node: "n1"}, 2.8, history.Int(2))
	do(history.Op{Process: 4, F: history.Read, Key: "x", Node: "n2"}, 3.1, history.Int(1))
	h := r.History()
	fmt.Println(check.Linearizable(h.Ops, check.KV(), check.Budget{}))
	fmt.Println(check.ReadYourWrites(h))
	fmt.Println(check.MonotonicReads(h))
	// Output:
	// linearizable: violated
	//   stale read: n2 answered x=1 to session 4 at 3.2 s, although the same session had read x=2 at 2.9 s; 2 was written after 1: session 1 wrote x=1 (1 s to 1.1 s), then session 1 wrote x=2 (2 s to 2.1 s)
	// ryw: holds
	// mr: violated
	//   stale read: n2 answered x=1 to session 4 at 3.2 s, although the same session had read x=2 at 2.9 s; 2 was written after 1, by the same session 1
}
