package front

import (
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

// Backend is what the front needs of a node. All calls come on the loop's
// goroutine, and so must all answers. A done function is called exactly once,
// perhaps before the call returns; timeouts count from the call.
type Backend interface {
	// Submit starts an operation. It copies what it keeps of the arguments,
	// completes r exactly once, and does not touch r after that.
	Submit(r *node.Request)
	// Ahead says whether Prefetch, of the keys of reads that are submitted right
	// after it, would make them faster. Prefetch keeps nothing.
	Ahead(id kv.KeyspaceID) bool
	Prefetch(id kv.KeyspaceID, keys [][]byte)
	// Cluster is the cluster's id, which tokens carry.
	Cluster() uint64
	// Site is the name of a node's site, or "" if the node is not known.
	Site(id kv.NodeID) string
	// Keyspace finds a keyspace by its name or its number in decimal.
	Keyspace(nameOrNumber string) (kv.KeyspaceID, bool)
	// EachKeyspace calls fn for every keyspace, by ascending number.
	EachKeyspace(fn func(id kv.KeyspaceID, name string, model kv.Model, shards, replicas int))
	// CreateKeyspace makes a keyspace. Zero replicas means the node's default.
	CreateKeyspace(name string, model kv.Model, shards, replicas int, timeout time.Duration, done func(error))
	// DropKeyspace deletes a keyspace and all in it.
	DropKeyspace(name string, timeout time.Duration, done func(error))
	// Refresh waits until this node knows all keyspaces that were made before
	// now.
	Refresh(timeout time.Duration, done func(error))
	// Await waits until this node's copies have reached a session's past.
	Await(token kv.Token, timeout time.Duration, done func(error))
	// Acknowledged is the number of copies, besides the leader's, that are
	// certain to hold every acknowledged write of a keyspace: for WAIT.
	Acknowledged(id kv.KeyspaceID) int
	// Info is the text of a section of INFO, or of the usual ones if section
	// is "".
	Info(section string) string
	// Now is the node's clock in Unix milliseconds. It stands still while a
	// round of the event loop lasts.
	Now() int64
	// Elapsed is how long the round had lasted when the operation ended that is
	// being completed.
	Elapsed() time.Duration
}

// Output is a connection's other half, owned by the event loop.
type Output interface {
	Write(b []byte)   // copies b to the output buffer
	Close()           // at once; Conn.Closed may be called before it returns
	CloseAfterFlush() // when the output buffer is empty; nothing is read any more
	Pause()           // show no bytes until Resume
	Resume()          // show the unconsumed bytes again: at once or later
	Buffered() int    // bytes in the output buffer
	// Charge says how many bytes the session keeps beside the buffers.
	Charge(n int)
	// SetDeadline closes the connection when d has passed; 0 takes it back.
	SetDeadline(d time.Duration)
}

// Limits bound what one connection can cost. The zero value is not valid: begin
// with DefaultLimits.
type Limits struct {
	Command       resp.Limits // of clients that may do everything
	PreAuth       resp.Limits // of clients that still have to authenticate
	Clients       int         // connections
	InFlight      int         // commands of a connection not answered yet
	InFlightBytes int         // bytes of those commands; a single one may have more
	Output        int         // bytes of replies that a client does not read; beyond, it is closed
	PreAuthOutput int         // the same of clients that still have to authenticate
	TxCommands    int         // commands queued by MULTI
	TxBytes       int         // bytes of those commands
	Watches       int         // keys watched by a connection
}

// DefaultLimits are the limits of a node that was told nothing else.
func DefaultLimits() Limits {
	return Limits{
		Command:       resp.DefaultLimits(),
		PreAuth:       resp.PreAuthLimits(),
		Clients:       10000,
		InFlight:      1024,
		InFlightBytes: 64 << 20,
		Output:        256 << 20,
		PreAuthOutput: 64 << 10,
		TxCommands:    16 << 10,
		TxBytes:       64 << 20,
		Watches:       4096,
	}
}

// Config is how a Server behaves.
type Config struct {
	Password string // of user "default"; "" for none
	Limits   Limits // the zero value stands for DefaultLimits
	// Timeout is until when an operation must be answered; 0 stands for 5 s.
	Timeout time.Duration
	// AuthTimeout is how long a client may take to authenticate; 0: for ever.
	AuthTimeout time.Duration
	// What the owner of the connections holds them to, for CONFIG GET: bytes
	// of all clients together, and how long one may be silent.
	ClientMemory int
	IdleTimeout  time.Duration
	// SlowLog is how long an operation takes to be kept in the slow log. 0
	// stands for 10 ms; negative keeps none. It is told apart in milliseconds,
	// the resolution of Backend.Now.
	SlowLog time.Duration
	// SlowLogLength is how many operations are kept; 0 stands for 128.
	SlowLogLength int
	// MaxOffset is how far in the future a token's stamp may be; 0 stands for
	// 500 ms.
	MaxOffset time.Duration
}

func (c Config) withDefaults() Config {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.SlowLog == 0 {
		c.SlowLog = 10 * time.Millisecond
	}
	if c.SlowLogLength == 0 {
		c.SlowLogLength = 128
	}
	if c.MaxOffset == 0 {
		c.MaxOffset = 500 * time.Millisecond
	}
	return c
}
