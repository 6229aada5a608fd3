package front

import (
	"fmt"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// Single is one command without a connection, as it comes over HTTP. What a
// connection would remember comes with it.
type Single struct {
	Keyspace string // name or number; "" for main
	Level    string // "" for the keyspace's own
	Once     string // idempotency id; "" for none
	Token    string // the session's past; "" for none
	Timeout  time.Duration
	Args     [][]byte
	Remote   string // for the slow log
}

// Answer is what became of a Single. Reply is neutral and valid during the call
// only.
type Answer struct {
	Reply   []byte
	Receipt *kv.Receipt // nil if the node was not asked
	Outcome kv.Outcome
	Token   string // the session's past after it
}

// Allowed says whether a password opens this node, to user "default".
func (s *Server) Allowed(user, password []byte) bool {
	return s.config.Password == "" || s.passes(user, password)
}

// Timeout is until when an operation that does not say must be answered.
func (s *Server) Timeout() time.Duration { return s.config.Timeout }

// onConnection are the commands that act on nothing but a connection.
var onConnection = map[string]bool{
	"auth": true, "client": true, "discard": true, "exec": true, "hello": true, "level": true, "multi": true,
	"quit": true, "receipt": true, "reset": true, "select": true, "session": true, "unwatch": true, "watch": true,
}

// Run runs a command for somebody who passed Allowed. done is told once,
// perhaps before Run returns.
func (s *Server) Run(cmd Single, done func(Answer)) {
	now := s.backend.Now()
	c := &Conn{server: s, remote: cmd.Remote, opened: now, used: now}
	c.renew()
	c.authenticated = true
	c.sink = func(reply []byte) {
		s.singles--
		c.closed = true
		done(Answer{Reply: reply, Receipt: c.last, Outcome: outcomeOf(reply), Token: c.token.Encode()})
	}
	s.singles++
	if _, ok := s.backend.Keyspace(cmd.Keyspace); !ok && cmd.Keyspace != "" {
		s.backend.Refresh(cmd.Timeout, func(error) { c.start(&cmd) })
		return
	}
	c.start(&cmd)
}

func (c *Conn) start(cmd *Single) {
	args, err := c.prepare(cmd)
	if err != nil {
		c.sink(appendFailure(nil, err))
		return
	}
	size := 0
	for _, a := range args {
		size += len(a)
	}
	c.run(args, size)
}

// prepare makes the session of a Single, and what is to be run.
func (c *Conn) prepare(cmd *Single) ([][]byte, error) {
	s := c.server
	if s.draining {
		return nil, kv.Errorf(kv.KindUnavailable, "the node is stopping; nothing was done")
	}
	if len(s.conns)+s.singles > s.config.Limits.Clients {
		return nil, kv.Errorf(kv.KindBusy, "max number of clients reached; nothing was done")
	}
	args := cmd.Args
	if err := s.checkSize(args); err != nil {
		return nil, err
	}
	if name := lowerName(args[0]); onConnection[name] {
		return nil, kv.Errorf(kv.KindErr, "'%s' is for connections: give keyspace, level, once and token with the command", name)
	}
	if cmd.Timeout > 0 {
		c.timeout = cmd.Timeout
	}
	if cmd.Keyspace != "" {
		id, ok := s.backend.Keyspace(cmd.Keyspace)
		if !ok {
			return nil, errNoKeyspace(cmd.Keyspace)
		}
		c.keyspace = id
	}
	if cmd.Level != "" {
		var err error
		if c.level, err = kv.ParseLevel(cmd.Level); err == nil {
			err = c.checkLevel(c.level)
		}
		if err != nil {
			return nil, err
		}
	}
	if cmd.Token != "" {
		t, err := kv.DecodeToken(cmd.Token, s.backend.Cluster())
		if err == nil {
			err = s.checkFuture(t)
		}
		if err != nil {
			return nil, err
		}
		c.token.Merge(t)
	}
	if cmd.Once != "" {
		args = append([][]byte{[]byte("once"), []byte(cmd.Once)}, args...)
	}
	return args, nil
}

// checkSize holds a command to the limits that the parser holds others to.
func (s *Server) checkSize(args [][]byte) error {
	l, total := &s.config.Limits.Command, 0
	if len(args) == 0 || len(args) > l.Args {
		return kv.Errorf(kv.KindErr, "a command has from 1 to %d arguments", l.Args)
	}
	for _, a := range args {
		if total += len(a); len(a) > l.Bulk {
			return kv.Errorf(kv.KindErr, "an argument has at most %d bytes", l.Bulk)
		}
	}
	if total > l.Total {
		return kv.Errorf(kv.KindErr, "a command has at most %d bytes", l.Total)
	}
	return nil
}

func lowerName(name []byte) string {
	for command := range onConnection {
		if is(name, command) {
			return command
		}
	}
	return ""
}

// outcomeOf is what a reply says of the operation.
func outcomeOf(reply []byte) kv.Outcome {
	if len(reply) < 3 || reply[0] != '-' {
		return kv.OutcomeOK
	}
	return kv.OutcomeOf(replyError(reply[1 : len(reply)-2]))
}

func errNoKeyspace(name string) error {
	return kv.Errorf(kv.KindErr, "%s", noKeyspace(name))
}

// noKeyspace is Redis' text where a number was given.
func noKeyspace(name string) string {
	for _, b := range []byte(strings.TrimPrefix(name, "-")) {
		if b < '0' || b > '9' {
			return fmt.Sprintf("no such keyspace '%s': KEYSPACE LIST shows those there are", cString([]byte(name), maxKeyspaceName))
		}
	}
	return "DB index is out of range"
}
