package sim

import (
	"fmt"
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// Violation is a promise that a run showed to be broken, and the checker that
// found it.
type Violation struct {
	Checker string
	What    string
}

func (v Violation) String() string { return v.Checker + ": " + v.What }

// checker judges one promise by what clients saw.
type checker struct {
	name  string
	about string
	check func(h *history, report func(format string, args ...any))
}

// checkers judge a history, each one promise. What is watched on the nodes
// themselves while they run is in watch.go.
var checkers = []checker{
	{"linearizable", "linearizable operations take effect between call and return (Porcupine for pairs of keys; order of versions for logs and counters)", checkLinearizable},
	{"session", "a session's reads show its own acknowledged writes and never less than its reads before", checkSession},
	{"bounded", "a bounded read shows all that was acknowledged before the bound, and a receipt never states more staleness", checkBounded},
	{"prefix", "every read at any level shows a state that the log went through", checkPrefix},
	{"durability", "no acknowledged write is lost", checkDurability},
	{"exactly-once", "no write takes effect twice, and an id always gets the reply it got first", checkOnce},
	{"outcome", "nothing that was answered as failed, or as never by OUTCOME, took effect", checkOutcome},
	{"expiry", "a key expires by the log's time, at the same point for every reader", checkExpiry},
}

// watchers are the checkers of watch.go and their promises.
var watchers = []checker{
	{name: "leaders", about: "a term has at most one leader"},
	{name: "applied", about: "the applied index never goes back, and is that of the state"},
	{name: "replicas", about: "replicas at the same index hold the same state, and all are equal after healing"},
	{name: "recovery", about: "a node that only crashed starts again, and serves after all is healed"},
	{name: "panic", about: "a node never panics, and stops for injected errors only"},
}

// judge runs all checkers over a history.
func judge(h *history) (found []Violation) {
	for _, r := range h.records {
		if r.outcome == "" { // still under way at the end
			r.outcome = kv.OutcomeUnknown
		}
	}
	for _, ch := range checkers {
		n := 0
		ch.check(h, func(format string, args ...any) {
			if n++; n == 1 { // one example of each is enough
				found = append(found, Violation{ch.name, fmt.Sprintf(format, args...)})
			}
		})
	}
	return found
}

// versioned is an operation on a log or a counter, by how far the object was
// after it: as position in the final log, or as number.
type versioned struct {
	*record
	version int64
	write   bool
}

func (v versioned) String() string {
	return fmt.Sprintf("%s %s by session %d at n%d (%v to %v, version %d)", v.verb, v.key, v.session, v.node, v.call, end(v.ret), v.version)
}

func end(t time.Duration) string {
	if t == never {
		return "no answer"
	}
	return t.String()
}

// versions are the operations on logs and counters whose version is known, by
// object, in the order of their calls.
func (h *history) versions() (objects [][]versioned) {
	keys, byKey := h.of(verbAppend, verbLog, verbIncr, verbCount)
	for _, k := range keys {
		var ops []versioned
		for _, r := range byKey[k] {
			if v, ok := h.version(r); ok {
				ops = append(ops, v)
			}
		}
		objects = append(objects, ops)
	}
	return objects
}

// version finds how far an operation's object was after it.
func (h *history) version(r *record) (v versioned, ok bool) {
	v = versioned{record: r, write: r.verb == verbAppend || r.verb == verbIncr}
	if !r.ok() && r.verb != verbAppend {
		return v, false
	}
	switch r.verb {
	case verbAppend: // also one of unknown outcome, if it is there
		v.version, ok = position(h.final[r.key], r.value)
	case verbLog:
		v.version, ok = int64(len(text(r.reply))), true
	default:
		v.version, ok = number(r.reply)
	}
	return v, ok
}
