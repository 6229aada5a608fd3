package redis

import (
	"context"
	"errors"
	"strconv"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/respclient"
	"github.com/parleydb/parley/internal/resp"
)

// client is a session. Its connections are made when they are needed, and made
// anew, to whoever is primary then, by the operation after they broke.
type client struct {
	t     *Target
	node  int
	level string
	model string

	writes, reads *respclient.Conn
	writesAt      int
}

// Do performs an operation; see lab.Client.
func (c *client) Do(ctx context.Context, op *history.Op) {
	op.Level, op.Out, op.Outcome = c.level, history.Nil, history.Fail
	commands, read, err := compile(op, c.model)
	if err != nil {
		return
	}
	conn, node, err := c.conn(ctx, op.F == history.Read || read && op.F == history.Txn)
	op.Node = c.t.names[node]
	if err != nil {
		return
	}
	waits := c.level == Wait && !read
	if waits {
		commands = append(commands, []string{"WAIT", strconv.Itoa(c.t.majority()), strconv.FormatInt(c.t.patience.Milliseconds(), 10)})
	}
	replies, err := conn.Do(ctx, commands...)
	op.Outcome = c.outcome(op, commands, replies, err, waits, read)
}

// outcome reads what came back. An error reply is a refusal: nothing happened.
func (c *client) outcome(op *history.Op, commands [][]string, replies []resp.Reply, err error, waits, read bool) history.Outcome {
	last := len(commands) - 1 // the command that acts
	if waits {
		last--
	}
	for i, r := range replies {
		if e := r.Err(); e != nil && i <= last {
			c.forget(e)
			return history.Fail
		}
	}
	switch {
	case errors.Is(err, respclient.ErrBroken), err != nil && read:
		return history.Fail
	case len(replies) <= last:
		return history.Info
	case !take(op, replies[last]):
		return history.Info // a transaction with a step that failed: others took effect
	case waits && (err != nil || replies[last+1].Err() != nil || replies[last+1].Int < int64(c.t.majority())):
		return history.Info
	}
	return history.OK
}

// forget gives a connection up whose server says that it is not the primary.
func (c *client) forget(err error) {
	var refused resp.ReplyError
	if errors.As(err, &refused) && refused.Code() == "READONLY" && c.writes != nil {
		_ = c.writes.Close()
	}
}

// conn is the connection for a read, or for everything else.
func (c *client) conn(ctx context.Context, read bool) (*respclient.Conn, int, error) {
	if read && c.level == Replica {
		if c.reads == nil || c.reads.Broken() {
			conn, err := c.t.dial(ctx, c.node)
			if err != nil {
				return nil, c.node, err
			}
			c.reads = conn
		}
		return c.reads, c.node, nil
	}
	if c.writes == nil || c.writes.Broken() {
		primary, err := c.t.Primary(ctx)
		if err != nil {
			return nil, c.writesAt, err
		}
		c.writesAt = primary
		conn, err := c.t.dial(ctx, primary)
		if err != nil {
			return nil, primary, err
		}
		c.writes = conn
	}
	return c.writes, c.writesAt, nil
}

// Broken says that the connection that was used last is lost.
func (c *client) Broken() bool {
	return c.writes != nil && c.writes.Broken() || c.reads != nil && c.reads.Broken()
}

// Close ends the session.
func (c *client) Close() (err error) {
	for _, conn := range []*respclient.Conn{c.writes, c.reads} {
		if conn != nil && !conn.Broken() {
			err = errors.Join(err, conn.Close())
		}
	}
	return err
}
