package idea

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/resp"
)

// conn is a client's connection. It sends what it is told to, once: a story
// about what a caller knows needs a client that does nothing by itself.
type conn struct {
	c    net.Conn
	in   *bufio.Reader
	stop func() bool
}

// answer is what came of a call.
type answer struct {
	reply resp.Reply
	took  time.Duration
	err   error // nothing came
}

// dial connects to a node. The context's end closes the connection.
func (c *cluster) dial(ctx context.Context, node int) (*conn, error) {
	return c.dialTo(ctx, c.nodes[node].RESP)
}

func (c *cluster) dialTo(ctx context.Context, address string) (*conn, error) {
	n, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	k := &conn{c: n, in: bufio.NewReader(n)}
	k.stop = context.AfterFunc(ctx, func() { _ = n.Close() })
	c.conns = append(c.conns, k)
	return k, nil
}

// dialAll connects to several nodes.
func (c *cluster) dialAll(ctx context.Context, nodes ...int) (conns []*conn, err error) {
	for _, n := range nodes {
		k, err := c.dial(ctx, n)
		if err != nil {
			return nil, err
		}
		conns = append(conns, k)
	}
	return conns, nil
}

func (k *conn) close() {
	k.stop()
	_ = k.c.Close()
}

// longest is how long a call waits that is not about waiting. A node answers
// within its own deadline of 5 s.
const longest = 15 * time.Second

// do calls and waits for the answer.
func (k *conn) do(args ...string) answer {
	start := time.Now()
	if err := k.send(args...); err != nil {
		return answer{err: err}
	}
	a := k.receive(longest)
	a.took = time.Since(start)
	return a
}

// call is do with the command in one text, in words.
func (k *conn) call(format string, args ...any) answer {
	return k.do(strings.Fields(fmt.Sprintf(format, args...))...)
}

// send sends a command.
func (k *conn) send(args ...string) error {
	_, err := k.c.Write(resp.AppendCommand(nil, args...))
	return err
}

// receive waits for the next answer.
func (k *conn) receive(timeout time.Duration) answer {
	start := time.Now()
	if err := k.c.SetReadDeadline(start.Add(timeout)); err != nil {
		return answer{err: err}
	}
	reply, err := resp.ReadReply(k.in, resp.DefaultLimits())
	return answer{reply: reply, took: time.Since(start), err: err}
}

// timedOut says that nothing came in time.
func (a answer) timedOut() bool { return errors.Is(a.err, os.ErrDeadlineExceeded) }

// failed is the error of a call that did not end with ok.
func (a answer) failed() error {
	if a.err != nil {
		return a.err
	}
	return a.reply.Err()
}

// code is the first word of an error reply: UNKNOWN, UNAVAILABLE.
func (a answer) code() string {
	if a.err != nil || a.reply.Kind != resp.KindError {
		return ""
	}
	word, _, _ := strings.Cut(a.reply.Str, " ")
	return word
}

// text is the answer as redis-cli shows it.
func (a answer) text() string {
	switch {
	case a.timedOut():
		return "no answer"
	case a.err != nil:
		return "no answer: " + a.err.Error()
	}
	return replyText(a.reply)
}

func replyText(r resp.Reply) string {
	switch r.Kind {
	case resp.KindNull:
		return "(nil)"
	case resp.KindInt:
		return strconv.FormatInt(r.Int, 10)
	case resp.KindArray, resp.KindMap:
		var parts []string
		for _, e := range r.Elems {
			parts = append(parts, replyText(e))
		}
		return strings.Join(parts, " ")
	case resp.KindError:
		return "-" + r.Str
	}
	return r.Str
}

// field is a value of a reply that is a map, or an array of names and values.
func (a answer) field(name string) string {
	for i := 0; i+1 < len(a.reply.Elems); i += 2 {
		if a.reply.Elems[i].Str == name {
			return replyText(a.reply.Elems[i+1])
		}
	}
	return ""
}
