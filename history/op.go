package history

import (
	"math"
	"strconv"

	"github.com/parleydb/parley/clock"
)

// Outcome is what is known of an operation.
type Outcome uint8

const (
	// Info is ambiguous: the operation may have taken effect at any time after
	// its call, or may yet, or never. It is the zero value: an operation of
	// which nothing came back.
	Info Outcome = iota
	// OK took effect between call and return, and Out is its result.
	OK
	// Fail certainly did nothing.
	Fail
)

var outcomeNames = [...]string{"info", "ok", "fail"}

func (o Outcome) String() string { return outcomeNames[o] }

// Never is the return time of an operation that has none.
const Never = math.MaxInt64

// The names of operations, as they stand in files. Which of them a checker
// understands is said there.
const (
	Read     = "read"     // Out: the value, or nothing
	Write    = "write"    // In: the value
	CAS      = "cas"      // In: [expected, new], expected may be null; Out: true or false
	Swap     = "swap"     // In: the new value; Out: the old one
	Delete   = "delete"   // Out: how many keys there were (0 or 1), if told
	Incr     = "incr"     // In: by how much (1 if not given); Out: the new number, if told
	Add      = "add"      // In: an element of a set; Out: 1 if it is new, if told
	Remove   = "remove"   // In: an element of a set; Out: 1 if it was there, if told
	Concat   = "concat"   // In: text added at the end of a key's text; Out: the new length, if told
	Append   = "append"   // In: an element, added at a list's end; Out: the new length, if told
	Enqueue  = "enqueue"  // In: an element, added at a queue's end
	Dequeue  = "dequeue"  // Out: the element taken from its front, or null if it was empty
	Transfer = "transfer" // In: [from, to, amount]; Out: true or false
	Acquire  = "acquire"  // takes a mutex; Out: false if it was not free, else anything
	Release  = "release"  // gives a mutex back
	Generate = "generate" // Out: an identifier that must be unique
	Txn      = "txn"      // Op.Txn: steps that take effect together
)

// Step is one step of a transaction: a read, write or append (or another of
// the names above) of one key.
type Step struct {
	F   string
	Key string
	In  Value // what was written or appended
	Out Value // what was read, when the transaction is OK
}

// Op is one operation: its invocation and what came of it.
type Op struct {
	Process  int64  // who called; one operation at a time
	Session  string // the session it belongs to; "" means the process is the session
	Node     string // who answered, or was asked
	Keyspace string
	Key      string
	F        string // the operation's name, one of those above
	In, Out  Value
	Txn      []Step // for F == Txn
	Level    string // the consistency level asked for, or given
	ID       string // the operation's own identity, if it has one (ONCE)
	Outcome  Outcome
	Call     int64     // nanoseconds on a monotonic clock shared by all processes
	Return   int64     // the same; Never if nothing certain came back
	Version  uint64    // the key's version that was written or read, 0 if not told
	Dot      clock.Dot // the write that was made or read, zero if not told
	Line     int       // where the invocation stands in its file, 0 if in none
}

// SessionName is the session, or the process's number where none is named.
func (o *Op) SessionName() string {
	if o.Session != "" {
		return o.Session
	}
	return strconv.FormatInt(o.Process, 10)
}

// Before says that o returned before p was called. Operations that touch at
// one instant are concurrent: clocks that stand still must not order them.
func (o *Op) Before(p *Op) bool { return o.Return < p.Call }
