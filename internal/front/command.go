package front

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

// call is a command as it is to be run, without AT and ONCE before it.
type call struct {
	cmd   *data.Command
	verb  *verb // what to do here; nil if the node runs it
	args  [][]byte
	level kv.Level
	once  []byte
}

// run takes a command, or returns false if it must wait.
func (c *Conn) run(args [][]byte, size int) bool {
	var k call
	if text := c.resolve(&k, args); text != "" {
		c.reject(text)
		return true
	}
	c.lastCommand = k.cmd
	switch {
	case c.tx.open && (k.verb == nil || !k.verb.now):
		c.enqueue(&k, size)
		return true
	case k.verb == nil:
		return c.submit(&k, size)
	case k.verb.barrier && c.queue.len() > 0:
		return c.hold(waitAll)
	case k.verb.ordered && c.reads > 0:
		return c.hold(waitReads)
	}
	if reply := k.verb.run(c, c.server.neutral[:0], k.args); reply != nil {
		c.server.neutral = trimmed(reply)
		c.reply(reply)
	}
	return true
}

// reject answers a command that is not even queued by MULTI.
func (c *Conn) reject(text string) {
	if c.tx.open {
		c.tx.dirty = true
	}
	c.reply(resp.AppendError(nil, text))
}

// resolve finds out what a command is. It returns the text of an error, or "".
func (c *Conn) resolve(k *call, args [][]byte) string {
	k.level = c.level
	at := false
	for {
		cmd := data.Lookup(args[0])
		if cmd == nil && (is(args[0], "post") || is(args[0], "host:")) {
			c.closing = true // a browser that was made to speak to this port
			return "ERR this port speaks the Redis protocol, not HTTP"
		}
		if cmd == nil {
			return unknownCommand(args)
		}
		if !cmd.CheckArity(len(args)) {
			return wrongArity(cmd.Name)
		}
		if !c.authenticated && cmd.Flags&data.NoAuth == 0 {
			return "NOAUTH Authentication required."
		}
		k.cmd, k.args = cmd, args
		if cmd.Flags&data.Front == 0 {
			if k.once != nil && cmd.Flags&data.Write == 0 {
				return "ERR ONCE is for writes, and '" + cmd.Name + "' is none"
			}
			return ""
		}
		v := c.server.table[cmd]
		switch {
		case v == nil:
			return unknownCommand(args)
		case !v.prefix && (at || k.once != nil):
			return "ERR AT and ONCE are for commands on keys, and '" + cmd.Name + "' is none"
		case !v.prefix:
			var text string
			k.verb, text = v.sub(args)
			return text
		case cmd.Name == "at" && at || cmd.Name == "once" && k.once != nil:
			return "ERR '" + cmd.Name + "' may be given only once"
		case c.tx.open:
			return notInTransaction
		}
		text := ""
		if cmd.Name == "at" {
			at = true
			k.level, text = c.levelOf(args[1])
		} else {
			k.once = args[1]
			text = checkOnceID(args[1])
		}
		if text != "" {
			return text
		}
		args = args[2:]
	}
}

// levelOf reads a level for the connection's keyspace, or tells what is wrong.
func (c *Conn) levelOf(name []byte) (kv.Level, string) {
	l, err := kv.ParseLevel(string(name))
	if err == nil {
		err = c.checkLevel(l)
	}
	if err != nil {
		return kv.Level{}, err.Error()
	}
	return l, ""
}

func checkOnceID(id []byte) string {
	if len(id) == 0 || len(id) > node.OnceIDMax {
		return fmt.Sprintf("ERR an operation's id has 1 to %d bytes", node.OnceIDMax)
	}
	return ""
}

// submit hands a command on keys to the node, or returns false if it must wait
// for the reads before it.
func (c *Conn) submit(k *call, size int) bool {
	write := k.cmd.Flags&data.Write != 0
	if write && c.reads > 0 {
		return c.hold(waitReads)
	}
	o := c.push(size)
	o.call[0] = node.Call{Command: k.cmd, Args: k.args}
	r := &o.req // which is empty
	r.Kind, r.Keyspace, r.Level, r.Calls = node.KindCommand, c.keyspace, k.level, o.call[:]
	r.Once, r.Timeout, r.Token, r.Done = k.once, c.timeout, c.token, o
	if write {
		o.class = classWrite
	} else {
		o.req.InLog = c.writes > 0
		if !o.req.InLog || !ordersInLog(k.level) {
			o.class = classRead
		}
	}
	c.submitTimed(o, k.args)
	return true
}

// ordersInLog says whether a read of the level, sent with InLog, is certain to
// come before the connection's later writes. Weak levels may be answered
// beside the log.
func ordersInLog(l kv.Level) bool {
	return l.Kind == kv.LevelDefault || l.Kind == kv.LevelLinearizable
}

// send counts o and submits it. o may be in the pool again afterwards.
func (c *Conn) send(o *op) {
	switch o.class {
	case classRead:
		c.reads++
	case classWrite:
		c.writes++
	}
	c.server.backend.Submit(&o.req)
}

// maxAge is the greatest age of an id that OUTCOME takes, in milliseconds: 100
// years, so that no sum with it overflows.
const maxAge = 100 * 365 * 24 * 3600 * 1000

// runOutcome is OUTCOME <id> <key> [<ms>]. It fences the id, so it is a write.
func runOutcome(c *Conn, dst []byte, args [][]byte) []byte {
	if len(args) > 4 {
		return resp.AppendError(dst, wrongArity("outcome"))
	}
	if len(args) == 4 {
		if ms, err := strconv.ParseInt(string(args[3]), 10, 64); err != nil || ms < 1 || ms > maxAge {
			return resp.AppendError(dst, "ERR an id's age is a number of milliseconds from 1 to "+strconv.Itoa(maxAge))
		}
	}
	if text := checkOnceID(args[1]); text != "" {
		return resp.AppendError(dst, text)
	}
	o := c.push(0)
	o.class = classWrite
	o.call[0] = node.Call{Args: args[2:]}
	o.req = node.Request{
		Kind: node.KindOutcome, Keyspace: c.keyspace, Level: c.level, Calls: o.call[:],
		Once: args[1], Timeout: c.timeout, Token: c.token, Done: o,
	}
	c.send(o)
	return nil
}

// cString is b up to the first NUL and at most n bytes, as C's %.*s prints it.
func cString(b []byte, n int) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return b[:max(0, min(n, len(b)))]
}

func unknownCommand(args [][]byte) string {
	text := fmt.Appendf(nil, "ERR unknown command '%s', with args beginning with: ", cString(args[0], 128))
	from := len(text)
	for _, a := range args[1:] {
		if len(text)-from >= 128 {
			break
		}
		text = fmt.Appendf(text, "'%s' ", cString(a, 128-(len(text)-from)))
	}
	return string(text)
}

func wrongArity(name string) string {
	return "ERR wrong number of arguments for '" + name + "' command"
}
