package lab

import (
	"context"

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

// Session is one client's view of a database.
type Session struct {
	Name    string // as in history.Op
	Process int64
	Node    int    // which node to talk to
	Level   string // one of Target.Levels; "" is the default
}

// Client is an open session. It belongs to one goroutine.
type Client interface {
	// Do performs op, of which Process, Session, F, Key, In, Txn and ID are
	// set. It sets Outcome, and as far as the database tells, Out (or the Out
	// of the steps), Node, Level and Version. Times are the caller's. It never
	// repeats an operation by itself. After an operation whose outcome is
	// Info the session may be broken; the caller opens another.
	//
	// The context's deadline ends the wait with Info for writes and Fail for
	// reads.
	Do(ctx context.Context, op *history.Op)
	// Close ends the session.
	Close() error
}
