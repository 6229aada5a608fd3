// Package respclient is a connection to a server that speaks the Redis
// protocol, for those who must know exactly what came of a command. It never
// sends anything twice, never connects again by itself, and tells what was
// answered from what was not.
package respclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/parleydb/parley/internal/resp"
)

// Conn is a connection. It belongs to one goroutine.
type Conn struct {
	conn   net.Conn
	read   *bufio.Reader
	limits resp.Limits
	out    []byte // what is sent; kept for its room
	broken bool
}

// ErrBroken is for commands that were not sent, because the connection broke
// before.
var ErrBroken = errors.New("the connection is broken")

// Dial connects.
func Dial(ctx context.Context, address string) (*Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: c, read: bufio.NewReader(c), limits: resp.DefaultLimits()}, nil
}

// Close ends the connection.
func (c *Conn) Close() error {
	c.broken = true
	return c.conn.Close()
}

// Broken says that the connection is of no more use.
func (c *Conn) Broken() bool { return c.broken }

// Do sends commands in one piece and reads as many replies. An error reply is a
// reply. With an error there are fewer replies than commands, and of the
// commands without one nothing is known, except after ErrBroken: then nothing
// was sent. The context's end breaks the connection, for a late reply would be
// taken for that of a later command.
func (c *Conn) Do(ctx context.Context, commands ...[]string) (replies []resp.Reply, err error) {
	if c.broken {
		return nil, ErrBroken
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = c.Close()
		}
	}()
	c.out = c.out[:0]
	for _, args := range commands {
		c.out = resp.AppendCommand(c.out, args...)
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	replies = make([]resp.Reply, 0, len(commands))
	for range commands {
		r, err := resp.ReadReply(c.read, c.limits)
		if err != nil {
			return replies, err
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// One sends one command. An error reply is an error here: a resp.ReplyError.
func (c *Conn) One(ctx context.Context, args ...string) (resp.Reply, error) {
	rs, err := c.Do(ctx, args)
	if err != nil {
		return resp.Reply{}, fmt.Errorf("%s: %w", args[0], err)
	}
	return rs[0], rs[0].Err()
}
