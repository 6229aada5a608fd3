package node

import (
	"time"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
)

// Call is one command with its arguments; Args[0] is the command's name.
type Call struct {
	Command *data.Command
	Args    [][]byte
}

// Watch is a key of WATCH with the modification version it had.
type Watch struct {
	Key     []byte
	Version uint64
}

// Kind is what a Request asks for.
type Kind uint8

// The kinds of request.
const (
	KindCommand  Kind = iota // Calls[0]
	KindTx                   // all Calls as one step, if Watches still hold; replies an array, or null if they do not
	KindOutcome              // resolve the operation with id Once on key Calls[0].Args[0]; Args[1], if any, is the id's greatest age in ms
	KindVersions             // the modification versions of the keys in Calls[0].Args, for WATCH: an array of integers
)

// Request is one operation that a client asked for. Submit copies what it
// keeps, so arguments may alias a connection's buffer.
type Request struct {
	Kind     Kind
	Keyspace kv.KeyspaceID
	Level    kv.Level // LevelDefault: the keyspace's own
	Calls    []Call
	Watches  []Watch
	Once     []byte        // idempotency id; nil for none
	InLog    bool          // order a read after the writes the connection has in flight
	Timeout  time.Duration // until the operation must be answered; 0: the node's default
	Token    *kv.Token     // the session's causal past; raised when the operation completes
	Done     Completer
}

// Completer is told the outcome of a Request exactly once, perhaps before
// Submit returns.
type Completer interface {
	// Complete gives the neutral reply, valid during the call only, or the
	// error.
	Complete(r *Request, reply []byte, receipt kv.Receipt, err error)
}
