package script

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// Script is what some sessions did, and records it. It belongs to one goroutine.
type Script struct {
	target lab.Target
	rec    *history.Recorder
	start  time.Time
	next   int64
}

// New begins an empty history, whose clock began at start.
func New(target lab.Target, header history.Header, start time.Time) *Script {
	return &Script{target: target, rec: history.NewRecorder(header), start: start}
}

// History is what was recorded so far.
func (s *Script) History() *history.History { return s.rec.History() }

// Note records what the sessions did not do, such as a fault.
func (s *Script) Note(text string) { s.rec.Note(int64(time.Since(s.start)), text) }

// Session is a session of a script.
type Session struct {
	s       *Script
	as      lab.Session
	name    string // as a history tells it, if the session has one
	lives   int
	client  lab.Client
	process int64
}

// Open opens a session, whose process it numbers.
func (s *Script) Open(ctx context.Context, as lab.Session) (*Session, error) {
	s.next++
	as.Process = s.next
	c, err := s.target.Open(ctx, as)
	if err != nil {
		return nil, err
	}
	return &Session{s: s, as: as, name: as.Name, lives: 1, client: c, process: s.next}, nil
}

// Do performs an operation and records it. After one of unknown outcome, which
// may still be under way, the session goes on as another process, and under
// another name: ann, ann2.
func (c *Session) Do(ctx context.Context, op history.Op) history.Op {
	s := c.s
	op.Process, op.Session, op.Level, op.Call = c.process, c.name, c.as.Level, int64(time.Since(s.start))
	op.Node = s.target.Nodes()[c.as.Node]
	i := s.rec.Invoke(op)
	if c.client == nil {
		op.Outcome = history.Fail // it has moved to where nobody is
	} else {
		c.client.Do(ctx, &op)
	}
	if op.Return = history.Never; op.Outcome != history.Info {
		op.Return = int64(time.Since(s.start))
	} else {
		s.next++
		c.process = s.next
		if c.lives++; c.name != "" {
			c.name = c.as.Name + strconv.Itoa(c.lives)
		}
	}
	*s.rec.Op(i) = op
	return op
}

// Until repeats an operation until it gives a value. It is not recorded: it only
// waits until the database is in a state.
func (c *Session) Until(ctx context.Context, f, key string, want history.Value) error {
	for {
		op := history.Op{F: f, Key: key}
		if c.client.Do(ctx, &op); op.Outcome == history.OK && op.Out == want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s %s: last %s %s, want %s", f, key, op.Outcome, op.Out, want)
		case <-time.After(time.Millisecond):
		}
	}
}

// Remember takes note of the session's token, if it has one, for a later Move
// from a node that does not answer then.
func (c *Session) Remember(ctx context.Context) {
	if carrier, ok := c.client.(lab.Carrier); ok {
		if token, err := carrier.Token(ctx); err == nil {
			c.as.Token = token
		}
	}
}

// Move goes on at another node, with what the session must bring along. If
// nobody answers there, its operations fail until it moves again.
func (c *Session) Move(ctx context.Context, node int) {
	if c.client != nil {
		c.Remember(ctx)
		_ = c.client.Close() // it is left
		c.client = nil
	}
	c.as.Node = node
	if client, err := c.s.target.Open(ctx, c.as); err == nil {
		c.client = client
	}
}

// Close ends the session.
func (c *Session) Close() error {
	if c.client == nil {
		return nil
	}
	return c.client.Close()
}
