package check

import (
	"strconv"
	"strings"
	"testing"

	"github.com/parleydb/parley/history"
)

// textList is a list of texts, empty for "-".
func textList(text, separator string) history.Value {
	elems := []history.Value{}
	for _, e := range strings.Split(text, separator) {
		if e != "" && e != "-" {
			elems = append(elems, history.String(e))
		}
	}
	return history.List(elems...)
}

// effectScript reads a small history of one object, operations one after the other
// separated by semicolons: "f argument result outcome", with - for nothing, a
// comma making a list, and a:1,b:2 pairs. "2/f" is of process 2 at node n2, or
// else every operation has a process of its own.
func effectScript(text string) *history.History {
	h := &history.History{}
	for i, item := range strings.Split(text, ";") {
		f := strings.Fields(item)
		op := history.Op{Process: int64(i), Key: "x", In: effectValue(f[1]), Out: effectValue(f[2]), Call: int64(10 * i), Return: int64(10*i + 5)}
		name, own := f[0], false
		if _, op.F, own = strings.Cut(name, "/"); own {
			op.Process, _ = strconv.ParseInt(name[:strings.Index(name, "/")], 10, 64)
			op.Node = "n" + strconv.FormatInt(op.Process, 10)
		} else {
			op.F = name
		}
		switch f[3] {
		case "ok":
			op.Outcome = history.OK
		case "fail":
			op.Outcome = history.Fail
		case "info":
			op.Return = history.Never
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

func effectValue(s string) history.Value {
	switch {
	case s == "-":
		return history.Nil
	case !strings.Contains(s, ","):
		return history.String(s)
	case !strings.Contains(s, ":"):
		return textList(s, ",")
	}
	var pairs []history.Value
	for _, p := range strings.Split(s, ",") {
		if p != "" {
			pairs = append(pairs, textList(p, ":"))
		}
	}
	return history.List(pairs...)
}

// effectFaults are, for the checkers of effects, at least five ways to break a
// correct history, each with the name under which it must be found.
var effectFaults = map[string][]string{
	"exactly-once": {
		"lost: add 1 - ok; add 2 - ok; read - 1, ok", "doubled: add 1 - ok; read - 1,1 ok", "unexpected: add 1 - ok; read - 1,7 ok",
		"unexpected: add 1 - fail; read - 1, ok", "unexpected: read - 1, ok; add 1 - ok", "came back: add 1 - ok; remove 1 - ok; read - 1, ok",
		"doubled: enqueue 1 - ok; dequeue - 1 ok; dequeue - 1 ok", "lost: enqueue 1 - ok; dequeue - - ok", "unexpected: dequeue - 7 ok", "lost: append 1 - ok; append 2 - info; read - 2, ok"},
	"set-full": {
		"lost: add 1 - ok; read - 1, ok; read - , ok", "lost: add 1 - ok; read - , ok", "phantom value: add 1 - ok; read - 1,9 ok", "lost: add 1 - info; read - 1, ok; read - , ok",
		"failed write seen: add 1 - fail; add 2 - ok; read - 1,2 ok", "value from the future: read - 1, ok; add 1 - ok", "doubled: add 1 - ok; read - 1,1 ok"},
	"counter": {
		"lost increment: incr 1 - ok; read - 0 ok", "doubled or phantom increment: incr 1 - ok; read - 2 ok", "doubled or phantom increment: incr 1 - fail; read - 1 ok",
		"not a number: incr 1 - ok; read - x ok", "lost increment: incr 2 2 ok; incr 2 2 ok", "doubled or phantom increment: read - 1 ok; incr 1 - ok", "doubled or phantom increment: incr 1 - info; read - 2 ok"},
	"unique-ids": {
		"identifier twice: generate - 1 ok; generate - 1 ok", "identifier twice: generate - 1 ok; generate - 2 ok; generate - 1 ok", "identifier twice: generate - 2 ok; generate - 2 ok; generate - 2 ok",
		"identifier twice: generate - x ok; generate - - fail; generate - x ok", "identifier twice: generate - 1 ok; generate - - info; generate - 1 ok"},
	"bank": {
		"wrong total: transfer a,b,5 true ok; read - a:5,b:10 ok", "wrong total: transfer a,b,5 true ok; read - a:10,b:15 ok", "negative balance: transfer a,b,15 true ok; read - a:-5,b:25 ok",
		"missing account: transfer a,b,10 true ok; read - b:20, ok", "wrong total: read - a:10,b:10,c:1 ok", "wrong total: transfer a,b,5 - info; read - a:5,b:10 ok", "wrong total: transfer a,b,5 - fail; read - a:10,b:15 ok"},
	"convergence": {
		"diverged: 0/write 1 - ok; 1/read - 1 ok; 2/read - - ok", "diverged: 0/write 1 - ok; 0/write 2 - ok; 1/read - 1 ok; 2/read - 2 ok", "diverged: 0/write 1 - ok; 1/read - 1 ok; 2/read - 9 ok",
		"diverged: 0/write 1 - ok; 1/read - 1 ok; 2/read - 1 ok; 3/read - - ok", "diverged: 0/write 1 - ok; 1/read - 1 ok; 2/read - 1 ok; 2/read - - ok", "diverged: 0/write 1 - ok; 0/write 2 - fail; 1/read - 1 ok; 2/read - 2 ok"},
}

// modelFaults are the same for Linearizable by each model.
var modelFaults = map[string][]string{
	"register":     {"write 1 - ok; read - 2 ok", "write 1 - ok; write 2 - ok; read - 1 ok", "write 1 - fail; read - 1 ok", "write 1 - ok; read - - ok", "read - 1 ok; write 1 - ok"},
	"cas-register": {"cas 1,2 true ok", "write 1 - ok; cas 1,2 true ok; cas 1,3 true ok", "write 1 - ok; cas 1,2 false ok", "write 1 - ok; cas 1,2 - fail; read - 2 ok", "write 1 - ok; cas 1,2 true ok; read - 1 ok", "write 1 - ok; cas 2,3 - info; read - 3 ok"},
	"kv":           {"write 1 - ok; delete - 1 ok; read - 1 ok", "delete - 1 ok", "write 1 - ok; delete - 0 ok", "write 1 - ok; swap 2 3 ok", "swap 2 - ok; swap 3 - ok", "write 1 - ok; delete - - fail; read - - ok"},
	"counter":      {"incr 1 1 ok; incr 1 1 ok", "incr 1 - ok; read - 0 ok", "incr 1 - ok; read - 2 ok", "incr 1 - fail; read - 1 ok", "read - 1 ok; incr 1 - ok", "incr 1 3 ok", "incr 1 - info; read - 1 ok; read - 0 ok"},
	"set":          {"add 1 - ok; read - , ok", "add 1 - ok; read - 1,2 ok", "add 1 - ok; remove 1 - ok; read - 1, ok", "add 1 - fail; read - 1, ok", "read - 1, ok; add 1 - ok", "add 1 1 ok; add 1 1 ok", "remove 1 1 ok"},
	"queue":        {"enqueue 1 - ok; enqueue 2 - ok; dequeue - 2 ok", "enqueue 1 - ok; dequeue - 1 ok; dequeue - 1 ok", "enqueue 1 - ok; dequeue - - ok", "dequeue - 7 ok", "enqueue 1 - fail; dequeue - 1 ok", "dequeue - 1 ok; enqueue 1 - ok"},
	"append":       {"append 1 - ok; append 2 - ok; read - 2,1 ok", "append 1 - ok; read - , ok", "append 1 - ok; read - 1,1 ok", "append 1 - ok; read - 1,9 ok", "append 1 - fail; read - 1, ok", "read - 1, ok; append 1 - ok", "append 1 1 ok; append 2 1 ok"},
	"mutex":        {"0/acquire - - ok; 1/acquire - - ok", "0/acquire - - ok; 1/release - - ok", "0/release - - ok", "0/acquire - - ok; 0/release - - ok; 0/release - - ok", "0/acquire - false ok", "0/acquire - - ok; 0/release - - fail; 1/acquire - - ok"},
	"bank": {"transfer a,b,5 true ok; read - a:10,b:10 ok", "transfer a,b,5 true ok; read - a:0,b:20 ok", "transfer a,b,5 true ok; read - a:5,b:10 ok", "transfer a,b,5 - fail; read - a:5,b:15 ok",
		"read - a:5,b:15 ok; transfer a,b,5 true ok", "transfer a,b,5 false ok; read - a:5,b:15 ok"},
}

// listFaults break lists, for the levels that judge these by cycles. The names in
// comments are of Adya, Liskov and O'Neil (ICDE 2000).
const (
	listPhantom   = "a t l:x:9"
	listFailed    = "a t a:x:1 !; b t l:x:1"                                 // G1a
	listHalf      = "a t a:x:1,a:x:2; b t l:x:1"                             // G1b
	listCircle    = "a t a:x:1,l:y:1; b t a:y:1,l:x:1"                       // G1c
	listWrites    = "a t a:x:1,a:y:1; b t a:x:2,a:y:2; c t l:x:1.2,l:y:2.1"  // G0
	listReordered = "a t a:x:1; a t a:x:2; b t l:x:1.2; c t l:x:2.1"         //
	listDoubled   = "a t a:x:1; b t l:x:1.1"                                 //
	listSkewed    = "a t l:x:-,l:y:1; b t a:x:1,a:y:1; c t l:x:1"            // G-single
	listUpdate    = "a t l:x:-,a:x:1; b t l:x:-,a:x:2; c t l:x:1.2"          // lost update
	listSkew      = "a t l:x:-,a:y:1; b t l:y:-,a:x:1; c t l:x:1; c t l:y:1" // G2
	listStale     = "a t a:x:1; b t l:x:-; c t l:x:1"                        // against real time
	listOwn       = "a t a:x:1; a t l:x:-; b t l:x:1"                        // against the session
)

var listFaults = map[string][]string{
	"read-committed":      {listPhantom, listFailed, listHalf, listCircle, listWrites, listReordered, listDoubled},
	"serializable":        {listPhantom, listFailed, listHalf, listCircle, listWrites, listReordered, listDoubled, listSkewed, listUpdate, listSkew},
	"sequential":          {listPhantom, listFailed, listCircle, listWrites, listReordered, listSkewed, listUpdate, listSkew, listOwn},
	"strict-serializable": {listPhantom, listFailed, listHalf, listCircle, listWrites, listReordered, listSkewed, listUpdate, listSkew, listOwn, listStale},
}

// bankOf gives the accounts what they hold at first.
func bankOf(h *history.History, name string) *history.History {
	if name == "bank" {
		h.Header.Initials = map[string]history.Value{"a": history.Int(10), "b": history.Int(10)}
	}
	if name == "counter" {
		h.Header.Initial = history.Int(0)
	}
	return h
}

func TestEffectFaultsAreFound(t *testing.T) {
	for level, texts := range effectFaults {
		for _, text := range texts {
			kind, script, _ := strings.Cut(text, ": ")
			r, err := Judge(bankOf(effectScript(script), level), level, Options{})
			if err != nil || r.Verdict != Violated || r.Violations[0].Kind != kind || r.Violations[0].Text == "" {
				t.Errorf("%s: %q: %v %v", level, text, err, r)
			}
		}
	}
}

func TestModelFaultsAreFound(t *testing.T) {
	for model, texts := range modelFaults {
		for _, text := range texts {
			h := bankOf(effectScript(text), model)
			r, err := Judge(h, "linearizable", Options{Model: model})
			if err != nil || r.Verdict != Violated || len(r.Violations[0].Ops) == 0 || r.Violations[0].Text == "" {
				t.Errorf("%s: %q: %v %v", model, text, err, r)
			}
		}
	}
}

func TestListFaultsAreFound(t *testing.T) {
	for level, texts := range listFaults {
		for _, text := range texts {
			r, err := Judge(&history.History{Ops: script(0, text)}, level, Options{})
			if err != nil || r.Verdict != Violated || len(r.Violations[0].Ops) == 0 || r.Violations[0].Text == "" {
				t.Errorf("%s: %q: %v %v", level, text, err, r)
			}
		}
	}
}

// TestEveryCheckerHasFaults: no checker of the public set has fewer than five
// faults that it must find.
func TestEveryCheckerHasFaults(t *testing.T) {
	const atLeast = 5
	for _, level := range append(LevelNames(), "bounded:1ns") {
		if n := len(faults[level]) + len(effectFaults[level]); n < atLeast {
			t.Errorf("level %s: %d faults", level, n)
		}
	}
	for _, model := range ModelNames() {
		if n := len(modelFaults[model]); n < atLeast {
			t.Errorf("model %s: %d faults", model, n)
		}
	}
	for level, list := range listFaults {
		if len(list) < atLeast {
			t.Errorf("lists by %s: %d faults", level, len(list))
		}
	}
}
