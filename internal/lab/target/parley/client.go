package parley

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/respclient"
	"github.com/parleydb/parley/internal/resp"
)

// client is a session: one connection to one node.
type client struct {
	node  string
	level string
	model model
	conn  *respclient.Conn
}

// open connects to a node and says what level to use, and where the session was.
func open(ctx context.Context, address, node string, s lab.Session) (*client, error) {
	do, ok := models[s.Model]
	if !ok {
		return nil, fmt.Errorf("there is no model %q here", s.Model)
	}
	conn, err := respclient.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	c := &client{node: node, level: s.Level, model: do, conn: conn}
	var hello []command
	if s.Level != "" {
		hello = append(hello, command{"LEVEL", s.Level})
	}
	if s.Token != "" {
		hello = append(hello, command{"SESSION", "RESUME", s.Token})
	}
	if _, err := c.call(ctx, hello...); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: %w", node, err)
	}
	return c, nil
}

// command is a command with its arguments.
type command = []string

// errLost is the end of a connection on which something was sent: nobody knows
// what became of it.
type errLost struct{ error }

func (e errLost) Unwrap() error { return e.error }

// call sends commands in one piece and reads their replies. The first error
// reply is the error, a resp.ReplyError; replies are complete all the same. Any
// other error is an errLost, or respclient.ErrBroken.
func (c *client) call(ctx context.Context, commands ...command) ([]resp.Reply, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	replies, err := c.conn.Do(ctx, commands...)
	if errors.Is(err, respclient.ErrBroken) {
		return nil, err
	}
	if err != nil {
		return nil, errLost{err}
	}
	for _, r := range replies {
		if err := r.Err(); err != nil {
			return replies, err
		}
	}
	return replies, nil
}

// giveUp ends a connection that is in a state in which it is of no more use.
func (c *client) giveUp() { _ = c.conn.Close() }

// Do implements lab.Client.
func (c *client) Do(ctx context.Context, op *history.Op) {
	op.Node = c.node
	if c.level != "" {
		op.Level = c.level
	}
	changed, err := c.model(ctx, c, op)
	op.Outcome = outcomeOf(changed, err)
	if op.Outcome != history.OK {
		op.Out = history.Nil
	}
}

// outcomeOf says what is known of an operation that ended with an error, when
// what was sent last could change something.
func outcomeOf(changed bool, err error) history.Outcome {
	var said resp.ReplyError
	switch {
	case err == nil:
		return history.OK
	case !changed:
		return history.Fail
	case errors.As(err, &said) && said.Code() != "UNKNOWN":
		return history.Fail // Parley's promise: every other error did nothing
	case errors.As(err, &said), errors.As(err, new(errLost)):
		return history.Info
	}
	return history.Fail // found out here, with nothing sent
}

// Broken says that the connection is of no more use.
func (c *client) Broken() bool { return c.conn.Broken() }

// Token implements lab.Carrier.
func (c *client) Token(ctx context.Context) (string, error) {
	r, err := c.call(ctx, command{"SESSION", "TOKEN"})
	if err != nil {
		return "", err
	}
	return r[0].Str, nil
}

// Remembers implements lab.Resolver: half of the ids that a shard keeps.
func (c *client) Remembers() int { return 50_000 }

// Resolve implements lab.Resolver.
func (c *client) Resolve(ctx context.Context, op *history.Op) {
	if op.ID == "" || !hasOnce(op.F) {
		return
	}
	r, err := c.call(ctx, command{"OUTCOME", op.ID, op.Key})
	if err != nil || len(r[0].Elems) == 0 {
		return
	}
	switch e := r[0].Elems; {
	case e[0].Str == "never":
		op.Outcome = history.Fail
	case e[0].Str == "applied" && len(e) == 2 && e[1].Err() == nil:
		op.Outcome, op.Out = history.OK, history.Nil
		if op.F == history.Incr {
			op.Out = valueOf(e[1])
		}
	case e[0].Str == "applied":
		op.Outcome = history.Fail // it ran, and said why it did nothing
	}
}

// Close implements lab.Client.
func (c *client) Close() error {
	if c.conn.Broken() {
		return nil // it is closed
	}
	return c.conn.Close()
}
