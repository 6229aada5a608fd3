package front

import (
	"bytes"
	"strconv"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

const notInTransaction = "ERR Command not allowed inside a transaction"

// transaction is what MULTI and WATCH have gathered.
type transaction struct {
	open  bool
	dirty bool // a command was refused: EXEC will be
	calls []queuedCall
	bytes int

	watches []node.Watch
	watched int           // bytes that they take, about
	in      kv.KeyspaceID // of the watches
	broken  bool          // a WATCH failed: what it should guard must not run
}

type queuedCall struct {
	verb *verb // nil if the node runs it
	call node.Call
}

// argCost is what an argument that is kept takes besides its bytes.
const argCost = 24

// enqueue keeps a command for EXEC.
func (c *Conn) enqueue(k *call, size int) {
	t, l := &c.tx, &c.server.config.Limits
	switch {
	case k.verb != nil && !k.verb.queued:
		c.reject(notInTransaction)
	case len(t.calls) >= l.TxCommands || t.bytes+size > l.TxBytes:
		c.reject("BUSY the transaction is larger than this node takes")
	default:
		t.bytes += size + argCost*len(k.args)
		t.calls = append(t.calls, queuedCall{k.verb, node.Call{Command: k.cmd, Args: cloneArgs(k.args)}})
		c.reply(resp.AppendSimple(nil, "QUEUED"))
	}
}

func cloneArgs(args [][]byte) [][]byte {
	n := 0
	for _, a := range args {
		n += len(a)
	}
	buf, out := make([]byte, 0, n), make([][]byte, len(args))
	for i, a := range args {
		from := len(buf)
		buf = append(buf, a...)
		out[i] = buf[from:len(buf):len(buf)]
	}
	return out
}

func runMulti(c *Conn, dst []byte, _ [][]byte) []byte {
	if c.tx.open {
		return resp.AppendError(dst, "ERR MULTI calls can not be nested")
	}
	c.tx.open = true
	return appendOK(dst)
}

func runDiscard(c *Conn, dst []byte, _ [][]byte) []byte {
	if !c.tx.open {
		return resp.AppendError(dst, "ERR DISCARD without MULTI")
	}
	c.tx = transaction{}
	return appendOK(dst)
}

func runUnwatch(c *Conn, dst []byte, _ [][]byte) []byte {
	c.tx.watches, c.tx.watched, c.tx.broken = nil, 0, false
	return appendOK(dst)
}

func runExec(c *Conn, dst []byte, _ [][]byte) []byte {
	t := c.tx
	if !t.open {
		return resp.AppendError(dst, "ERR EXEC without MULTI")
	}
	c.tx = transaction{}
	switch {
	case t.dirty:
		return resp.AppendError(dst, "EXECABORT Transaction discarded because of previous errors.")
	case t.broken:
		return resp.AppendNullArray(dst)
	case len(t.watches) > 0 && t.in != c.keyspace:
		return resp.AppendError(dst, "EXECABORT Transaction discarded because the watched keys are in another keyspace.")
	}
	var calls []node.Call
	write := false
	for i := range t.calls {
		if q := &t.calls[i]; q.verb == nil {
			calls = append(calls, q.call)
			write = write || q.call.Command.Flags&data.Write != 0
		}
	}
	if len(calls) == 0 && len(t.watches) == 0 {
		return c.splice(dst, t.calls, nil)
	}
	o := c.push(t.bytes)
	o.class = classWrite // later reads must not overtake it, whatever is in it
	o.req = node.Request{
		Kind: node.KindTx, Keyspace: c.keyspace, Level: c.level, Calls: calls, Watches: t.watches,
		InLog: !write && c.writes > 0, Timeout: c.timeout, Token: c.token, Done: o,
	}
	if len(calls) < len(t.calls) {
		o.after = func(reply []byte, err error) []byte {
			if err != nil || len(reply) == 0 || reply[0] != '*' || bytes.HasPrefix(reply, []byte("*-1")) {
				return reply
			}
			return c.splice(nil, t.calls, reply[bytes.IndexByte(reply, '\n')+1:])
		}
	}
	c.submitTimed(o, [][]byte{[]byte("exec")})
	return nil
}

// splice appends the reply of EXEC: values are the replies of the commands
// that the node ran; the others are run now.
func (c *Conn) splice(dst []byte, calls []queuedCall, values []byte) []byte {
	dst = resp.AppendArray(dst, len(calls))
	for _, q := range calls {
		if q.verb != nil {
			dst = q.verb.run(c, dst, q.call.Args)
			continue
		}
		n := valueLen(values)
		dst = append(dst, values[:n]...)
		values = values[n:]
	}
	return dst
}

// valueLen is the length of the first value of a neutral reply: all that is
// left where none ends.
func valueLen(b []byte) int {
	at := 0
	for left := 1; left > 0; left-- {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 2 {
			return len(b)
		}
		kind := b[at]
		n, _ := strconv.Atoi(string(b[at+1 : at+end-1]))
		at += end + 1
		switch kind {
		case '$', '=':
			at += n + 2
		case '*', '~', '>':
			left += max(n, 0)
		case '%':
			left += 2 * n
		case '|':
			left += 2*n + 1
		}
		if at > len(b) {
			return len(b)
		}
	}
	return at
}

// runWatch asks for the versions that the keys have. Nothing else is taken
// until they are known.
func runWatch(c *Conn, dst []byte, args [][]byte) []byte {
	if c.tx.open {
		return resp.AppendError(dst, "ERR WATCH inside MULTI is not allowed")
	}
	if len(c.tx.watches) > 0 && c.tx.in != c.keyspace {
		return resp.AppendError(dst, "ERR keys of another keyspace are watched already")
	}
	if len(c.tx.watches)+len(args)-1 > c.server.config.Limits.Watches {
		c.tx.broken = true
		return resp.AppendError(dst, "BUSY more keys are watched than this node takes")
	}
	keys := cloneArgs(args[1:])
	o := c.push(0)
	o.class = classRead
	o.call[0] = node.Call{Args: keys}
	o.req = node.Request{
		Kind: node.KindVersions, Keyspace: c.keyspace, Level: c.level, Calls: o.call[:],
		Timeout: c.timeout, Token: c.token, Done: o,
	}
	o.after = func(reply []byte, err error) []byte {
		c.alone = false
		if err == nil && c.watch(keys, reply) {
			return appendOK(nil)
		}
		c.tx.broken = true
		if err == nil && (len(reply) == 0 || reply[0] != '-') {
			return resp.AppendError(nil, "ERR the node did not tell the keys' versions")
		}
		return reply
	}
	c.alone = true
	c.send(o)
	return nil
}

// watchCost is what a watched key takes besides its bytes, about.
const watchCost = 64

// watch remembers the versions in a reply of KindVersions. A key that is
// watched already keeps the version it had.
func (c *Conn) watch(keys [][]byte, reply []byte) bool {
	versions, ok := readIntegers(reply, len(keys))
	if !ok {
		return false
	}
	t := &c.tx
	t.in = c.keyspace
	seen := make(map[string]bool, len(t.watches)+len(keys))
	for _, w := range t.watches {
		seen[string(w.Key)] = true
	}
	for i, key := range keys {
		if !seen[string(key)] {
			seen[string(key)] = true
			t.watches = append(t.watches, node.Watch{Key: key, Version: versions[i]})
			t.watched += len(key) + watchCost
		}
	}
	return true
}

// readIntegers reads a neutral array of n integers.
func readIntegers(reply []byte, n int) ([]uint64, bool) {
	lines := bytes.Split(reply, []byte("\r\n"))
	if len(lines) != n+2 || string(lines[0]) != "*"+strconv.Itoa(n) {
		return nil, false
	}
	out := make([]uint64, n)
	for i, l := range lines[1 : n+1] {
		if len(l) < 2 || l[0] != ':' {
			return nil, false
		}
		v, err := strconv.ParseInt(string(l[1:]), 10, 64)
		if err != nil {
			return nil, false
		}
		out[i] = uint64(v)
	}
	return out, true
}
