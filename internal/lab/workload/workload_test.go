package workload

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// draw are the first operations of a client, all of which succeed and change
// nothing that the client could learn from.
func draw(w Workload, seed uint64, number, of, n int) (ops []history.Op) {
	c := w.Client(seed, number, of)
	for range n {
		op := c.Next()
		op.Outcome = history.OK
		ops = append(ops, op)
		c.Done(&op)
	}
	return ops
}

// What a client does comes from the seed and its number alone.
func TestSeeds(t *testing.T) {
	for _, w := range All() {
		first := draw(w, 1, 0, 3, 200)
		if !reflect.DeepEqual(first, draw(w, 1, 0, 3, 200)) {
			t.Errorf("%s: the same client does something else", w.Name)
		}
		if reflect.DeepEqual(first, draw(w, 2, 0, 3, 200)) || reflect.DeepEqual(first, draw(w, 1, 1, 3, 200)) {
			t.Errorf("%s: other seeds and other clients do the same", w.Name)
		}
	}
}

// A value that is read tells which operation wrote it: no two write the same.
func TestValuesAreUnique(t *testing.T) {
	for _, w := range All() {
		if w.Name == counter.Name || w.Name == bank.Name || w.Name == cart.Name {
			continue // sums; and what a cart takes out is what was put in
		}
		wrote := map[history.Value]bool{}
		see := func(f string, v history.Value) {
			if f == history.CAS {
				v = v.Elems()[1]
			}
			if f == history.Read || f == history.Dequeue {
				return
			}
			if wrote[v] || v.IsNil() {
				t.Fatalf("%s: %s %s twice", w.Name, f, v)
			}
			wrote[v] = true
		}
		for number := range 4 {
			for _, op := range draw(w, 7, number, 4, 500) {
				for _, s := range op.Txn {
					see(s.F, s.In)
				}
				if op.F != history.Txn {
					see(op.F, op.In)
				}
			}
		}
		if len(wrote) < 300 {
			t.Errorf("%s: %d values in 2000 operations", w.Name, len(wrote))
		}
	}
}

// Keys tells every key that was used, and so what is to be read in the end; keys
// of other runs have other names; sets and lists are left behind before they grow
// long.
func TestKeys(t *testing.T) {
	for _, w := range All() {
		w = w.Tagged(".t1")
		c := w.Client(3, 1, 4)
		used := map[string]int{}
		for range 3000 {
			op := c.Next()
			op.Outcome = history.OK
			for _, s := range op.Txn {
				used[s.Key]++
			}
			used[op.Key]++
			c.Done(&op)
		}
		delete(used, "") // of transactions, and of what is about several accounts
		keys := c.Keys()
		for k, n := range used {
			if !slices.Contains(keys, k) || !strings.HasSuffix(k, ".t1") {
				t.Errorf("%s: key %q of %q", w.Name, k, keys)
			}
			if w.rotate > 0 && n > 3*w.rotate {
				t.Errorf("%s: %d operations on %s", w.Name, n, k)
			}
		}
		if w.rotate > 0 && len(used) <= w.keys {
			t.Errorf("%s: no key was left behind: %d", w.Name, len(used))
		}
	}
}

// A cart's items are taken out by who put them in, once, and only if they are
// known to be there.
func TestCartTakesOutWhatIsThere(t *testing.T) {
	c := cart.Client(5, 0, 2)
	there := map[history.Value]bool{}
	removed := 0
	for i := range 2000 {
		op := c.Next()
		op.Outcome = history.OK
		if i%3 == 0 {
			op.Outcome = history.Info
		}
		switch op.F {
		case history.Add:
			there[op.In] = op.Outcome == history.OK
		case history.Remove:
			if !there[op.In] {
				t.Fatalf("took out %s", op.In)
			}
			delete(there, op.In)
			removed++
		}
		c.Done(&op)
	}
	if removed < 100 {
		t.Errorf("%d of 2000 operations took something out", removed)
	}
}

// What a client knows of a register is what a compare-and-set expects; what failed
// or is unknown teaches nothing.
func TestRegisterRemembers(t *testing.T) {
	c := register.Client(1, 0, 1)
	one, two, three := history.Int(1), history.Int(2), history.Int(3)
	for _, s := range []struct {
		op   history.Op
		want history.Value
	}{
		{history.Op{F: history.Write, In: one, Outcome: history.OK}, one},
		{history.Op{F: history.Write, In: two, Outcome: history.Info}, one},
		{history.Op{F: history.Read, Out: two, Outcome: history.OK}, two},
		{history.Op{F: history.CAS, In: history.List(two, three), Out: history.Bool(false), Outcome: history.OK}, two},
		{history.Op{F: history.CAS, In: history.List(two, three), Out: history.Bool(true), Outcome: history.OK}, three},
		{history.Op{F: history.Read, Out: history.Nil, Outcome: history.Fail}, three},
	} {
		s.op.Key = "k"
		if c.Done(&s.op); c.seen["k"] != s.want {
			t.Errorf("after %s %s: %s", s.op.F, s.op.Outcome, c.seen["k"])
		}
	}
}

func TestOnlySessionsMove(t *testing.T) {
	for _, w := range All() {
		c, moves := w.Client(1, 0, 1), 0
		for range 300 {
			if c.Move() {
				moves++
			}
		}
		if (moves > 50 && moves < 150) != w.Moves || !w.Moves && moves > 0 {
			t.Errorf("%s moves %d times", w.Name, moves)
		}
	}
}

// Every workload is judged by levels that there are, and nothing is wrong with last
// operations that find what was there at first. (That it catches what is wrong is
// tested where it runs, in package verify.)
func TestLevelsApply(t *testing.T) {
	for _, w := range All() {
		setup, initials := w.Setup()
		rec := history.NewRecorder(history.Header{Model: w.Model, Initials: initials})
		c := w.Client(1, 0, 1)
		c.Next()
		at := int64(0)
		for _, k := range c.Keys() {
			op := w.Final(k)
			op.Process, op.Call, op.Return, op.Outcome = 1, at, at+1, history.OK
			at += 2
			if op.F == history.Read && w.Model != "register" && w.Model != "cas-register" && w.Model != "counter" {
				op.Out = history.List()
			}
			if w.Name == bank.Name {
				var all []history.Value
				for _, a := range op.In.Elems() {
					all = append(all, history.List(a, initials[a.Text()]))
				}
				op.Out = history.List(all...)
			}
			i := rec.Invoke(op)
			*rec.Op(i) = op
		}
		for _, level := range w.Levels {
			r, err := check.Judge(rec.History(), level, check.Options{})
			if err != nil || r.Verdict == check.Violated {
				t.Errorf("%s by %s: %v, %v", w.Name, level, r, err)
			}
		}
		if (len(setup) > 0) != (w.Name == bank.Name) || len(setup) != len(initials) {
			t.Errorf("%s begins with %d operations for %d values", w.Name, len(setup), len(initials))
		}
	}
}

func TestNamed(t *testing.T) {
	for _, name := range Names() {
		if w, err := Named(name); err != nil || w.Name != name || w.About == "" || len(w.Levels) == 0 {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	if _, err := Named("x"); err == nil || !strings.Contains(err.Error(), "register") {
		t.Errorf("got %v", err)
	}
}
