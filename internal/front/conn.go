package front

import (
	"time"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/resp"
)

// Conn is one client's connection and session. All methods are for the loop's
// goroutine.
type Conn struct {
	server *Server
	out    Output
	sink   func(reply []byte) // takes the reply of a Single, which has no out
	parser resp.Parser

	id           uint64
	remote       string
	opened, used int64 // Unix ms
	lastCommand  *data.Command

	name, libName, libVersion string
	authenticated             bool
	proto                     int
	keyspace                  kv.KeyspaceID
	level                     kv.Level
	timeout                   time.Duration
	token                     *kv.Token // shared with requests in flight, which raise it
	receipts                  bool
	last                      *kv.Receipt
	tx                        transaction

	muted   bool // CLIENT REPLY OFF
	skipOne bool // CLIENT REPLY SKIP: of the next command
	silent  bool // the command being run gets no reply

	queue  queue
	bytes  int // of the commands in queue
	held   int // bytes of replies in queue that wait for their turn
	reads  int // in flight, outside the log
	writes int // in flight
	alone  bool

	reading bool // Data is on the stack
	wait    wait
	closing bool // no more commands are taken
	closed  bool
}

// wait is what a connection waits for before it takes more commands.
type wait uint8

const (
	waitNone  wait = iota
	waitReads      // for the reads in flight
	waitAll        // for everything in flight
	waitRoom       // for the number or bytes of commands in flight to fall
)

// renew makes the session as that of a new connection.
func (c *Conn) renew() {
	s := c.server
	c.name = ""
	c.proto = 2
	c.keyspace = kv.MainKeyspace
	c.level = kv.Level{}
	c.timeout = s.config.Timeout
	c.token = &kv.Token{Cluster: s.backend.Cluster()}
	c.receipts, c.last = false, nil
	c.muted, c.skipOne = false, false
	c.tx = transaction{}
	c.setAuthenticated(s.config.Password == "")
}

func (c *Conn) setAuthenticated(yes bool) {
	c.authenticated = yes
	c.parser.Limits = c.server.config.Limits.PreAuth
	wait := c.server.config.AuthTimeout
	if yes {
		c.parser.Limits = c.server.config.Limits.Command
		wait = 0
	}
	if c.out != nil {
		c.out.SetDeadline(wait)
	}
}

// charge tells what the session keeps in memory for its client.
func (c *Conn) charge() {
	if c.out != nil && !c.closed {
		c.out.Charge(c.held + c.tx.bytes + c.tx.watched)
	}
}

// Evicted says why the connection is closed, where that cannot be taken for the
// answer to a command.
func (c *Conn) Evicted() {
	if c.queue.len() > 0 || c.closing || c.closed {
		c.kill()
		return
	}
	c.tx = transaction{}
	c.closing, c.silent = true, false
	c.reply(resp.AppendError(nil, "BUSY the clients of this node use all the memory that they may (--max-client-memory), and this one the most; what was not answered was not done"))
}

// Data takes the commands at the front of b and runs them. It returns how many
// bytes it is done with; the others are to be shown again when there are more,
// or when the connection calls Resume.
func (c *Conn) Data(b []byte) (consumed int) {
	if c.closing || c.closed {
		return len(b)
	}
	c.used = c.server.backend.Now()
	c.reading = true
	seen := 0
	for !c.closing && !c.closed {
		if c.full() {
			break
		}
		if consumed >= seen {
			seen = consumed + c.ahead(b[consumed:])
		}
		args, n, err := c.parser.Next(b[consumed:])
		if err != nil {
			c.silent, c.closing = false, true
			c.reply(resp.AppendError(nil, err.Error()))
			break
		}
		if n == 0 {
			break
		}
		if len(args) > 0 && !c.take(args, n) {
			c.parser.Next(nil) // lets go of b
			break
		}
		consumed += n
	}
	c.reading = false
	c.charge()
	if c.closing || c.closed {
		return len(b)
	}
	return consumed
}

// take runs a command, or returns false if it must be shown again later.
func (c *Conn) take(args [][]byte, size int) bool {
	skip := c.skipOne
	c.silent, c.skipOne = c.muted || skip, false
	if !c.run(args, size) {
		c.skipOne = skip
		return false
	}
	c.server.commands++
	return true
}

// full stops reading when no other command may be in flight.
func (c *Conn) full() bool {
	l := &c.server.config.Limits
	switch {
	case c.alone:
		c.hold(waitAll)
	case c.queue.len() >= l.InFlight || c.bytes >= l.InFlightBytes:
		c.hold(waitRoom)
	default:
		return false
	}
	return true
}

// hold stops reading. It returns false: the command is not taken.
func (c *Conn) hold(w wait) bool {
	if c.wait == waitNone {
		c.out.Pause()
	}
	c.wait = w
	return false
}

// wake goes on reading when what was waited for has come. The caller must be
// done: Resume may run commands.
func (c *Conn) wake() {
	l := &c.server.config.Limits
	var come bool
	switch c.wait {
	case waitReads:
		come = c.reads == 0
	case waitAll:
		come = c.queue.len() == 0
	case waitRoom: // halfway, so that commands gather again
		come = c.queue.len() <= l.InFlight/2 && c.bytes <= l.InFlightBytes/2
	}
	if come && !c.reading && !c.closed {
		c.wait = waitNone
		c.out.Resume()
	}
}

// Closed ends the connection, when the event loop has closed it. Operations in
// flight go on; their replies are dropped. Calling it again does nothing.
func (c *Conn) Closed() {
	if c.closed {
		return
	}
	c.closed, c.closing = true, true
	if c.server.conns[c.id] == c {
		delete(c.server.conns, c.id)
	}
	for o := c.queue.pop(); o != nil; o = c.queue.pop() {
		if o.done {
			c.server.recycle(o)
		}
	}
	c.tx = transaction{}
	c.parser.Next(nil)
}

// drain takes no more commands, and closes when those under way are answered.
func (c *Conn) drain() {
	c.closing = true
	if last := c.queue.last(); last != nil {
		last.closes = true
		return
	}
	c.out.CloseAfterFlush()
}

// kill closes the connection at once.
func (c *Conn) kill() {
	c.Closed()
	c.out.Close()
}
