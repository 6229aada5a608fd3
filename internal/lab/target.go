package lab

import (
	"context"
	"io"

	"github.com/parleydb/parley/history"
)

// Target is a running database under test. Its methods may be called from
// several goroutines.
type Target interface {
	// Name is the database with its version, as a report shows it.
	Name() string
	// Nodes are the names of its nodes. Indices into it name nodes elsewhere.
	Nodes() []string
	// Levels are the consistency levels that a session may ask for, the
	// default first. Their names are the target's own.
	Levels() []string
	// Open starts a session. It fails if the node cannot be reached.
	Open(ctx context.Context, s Session) (Client, error)
	// Faults are the kinds that Inject can make here.
	Faults() []FaultKind
	// Inject makes a fault and returns what ends it. Both are done when they
	// return. Healing twice does no harm.
	Inject(ctx context.Context, f Fault) (heal func(context.Context) error, err error)
	// Close stops what the target started, and removes its data.
	Close() error
}

// Led is a Target that knows which node leads: who takes the writes, or orders
// them. It is an error that none does.
type Led interface {
	Leader(ctx context.Context) (int, error)
}

// Session is one client's view of a database.
type Session struct {
	Name    string // as in history.Op
	Process int64
	Node    int    // which node to talk to
	Level   string // one of Target.Levels; "" is the default
	Model   string // what the keys hold, as in history.Header; see Client.Do
	Token   string // of an earlier client of the same session, see Carrier
}

// Opener opens a target by what `--target` says of it: the rest of the URL
// after "scheme://", or "" if there is only a scheme. What the target starts
// itself says on out how it comes along.
type Opener func(ctx context.Context, spec string, out io.Writer) (Target, error)

// Client is an open session. It belongs to one goroutine.
type Client interface {
	// Do performs op, of which Process, Session, F, Key, In, Txn and ID are
	// set. It sets Outcome, and as far as the database tells, Out (or the Out
	// of the steps), Node, Level and Version. Times are the caller's. It never
	// repeats an operation by itself. After an operation whose outcome is
	// Info the session may be broken; the caller opens another.
	//
	// The context's deadline ends the wait with Info for writes and Fail for
	// reads. An operation that the target cannot do fails.
	//
	// The session's model says what operations there are and what a read
	// returns:
	//   - register: Read, Write, CAS (In [expected, new], expected may be null)
	//   - counter: Incr, Read (null or a number)
	//   - set: Add, Remove, Read (a list, in any order)
	//   - append: Append, Read, Txn of these (lists, in order)
	//   - queue: Enqueue, Dequeue
	//   - bank: Write (In: the balance of account Key, before all else),
	//     Transfer (refused, OK with Out false, if it would leave less than
	//     nothing), Read without a key (In: the accounts; Out: a list of
	//     [account, balance], all of one moment)
	Do(ctx context.Context, op *history.Op)
	// Close ends the session.
	Close() error
}

// Carrier is a Client whose session can go on at another node: Token is what it
// must bring along in Session.Token. With targets that have none, a session that
// moves brings nothing.
type Carrier interface {
	Token(ctx context.Context) (string, error)
}

// Breaker is a Client that knows whether it can go on: Broken says that its
// connection is lost or out of step, and every further operation will fail
// without being sent. A client that cannot tell is replaced after every operation
// that is not OK.
type Breaker interface {
	Broken() bool
}

// Resolver is a Client that can settle an operation of before, of any session,
// that had an ID and whose outcome is Info.
type Resolver interface {
	// Resolve sets op's Outcome, and Out, if the database can tell. Then what it
	// says stays true: an operation that is Fail will never happen.
	Resolve(ctx context.Context, op *history.Op)
	// Remembers is for how many later operations with an ID it can tell.
	Remembers() int
}
