package sim

import (
	"math"
	"strconv"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// verb is what an operation does.
type verb string

// The verbs. Logs are strings that only grow, by one unique word at a time, so
// that the last state of one shows what every append did, and when. Counters
// are numbers that only grow. Pairs are two keys that transactions change
// together. Leases are keys that are set once, to expire.
const (
	verbAppend verb = "append" // to a log
	verbFill   verb = "fill"   // writes something long
	verbLog    verb = "read"   // of a log
	verbIncr   verb = "incr"   // of a counter
	verbCount  verb = "count"  // reads a counter
	verbGet    verb = "get"    // of a pair's key
	verbSet    verb = "set"
	verbDel    verb = "del"
	verbCAS    verb = "cas"   // WATCH, GET, then EXEC if it still holds
	verbBoth   verb = "both"  // a transaction that sets both keys of a pair
	verbPair   verb = "pair"  // a transaction that reads both
	verbLease  verb = "lease" // SET with PX
	verbLook   verb = "look"  // reads a lease
)

// never is when an operation of unknown outcome ended: it may still happen.
const never = time.Duration(math.MaxInt64)

// record is one operation as its client saw it.
type record struct {
	session   int // operations of one session follow each other
	verb      verb
	key       string
	value     string // what a write wrote; unique
	old       string // what a cas expects; "" for no key
	level     kv.Level
	node      kv.NodeID // asked first
	call, ret time.Duration
	outcome   kv.Outcome
	reply     string // the neutral reply
	stamp     clock.Timestamp
	staleness time.Duration
	ttl       time.Duration // of a lease

	id      string   // of ONCE
	again   []string // replies to later attempts with the same id that were answered
	outcast bool     // OUTCOME said never
}

func (r *record) ok() bool { return r.outcome == kv.OutcomeOK }

// history is what all clients saw, and the last state after healing.
type history struct {
	records []*record
	final   map[string]string // values of all logs and counters
	// unjudged says that Porcupine took too long.
	unjudged bool
	skew     time.Duration // the largest difference of two clocks in the run
}

// judged says whether what became of an operation is known: not so for a log or
// counter that could not be read in the end.
func (h *history) judged(r *record) bool {
	switch r.verb {
	case verbAppend, verbLog, verbIncr, verbCount:
		_, known := h.final[r.key]
		return known
	}
	return true
}

// count is the last value of a counter.
func (h *history) count(key string) int64 {
	n, _ := strconv.ParseInt(h.final[key], 10, 64) // no key is 0
	return n
}

// of are the records of some verbs by key, in the order of their calls.
func (h *history) of(verbs ...verb) (keys []string, byKey map[string][]*record) {
	byKey = map[string][]*record{}
	for _, r := range h.records {
		if !h.judged(r) {
			continue
		}
		for _, v := range verbs {
			if r.verb != v {
				continue
			}
			if byKey[r.key] == nil {
				keys = append(keys, r.key)
			}
			byKey[r.key] = append(byKey[r.key], r)
		}
	}
	return keys, byKey
}
