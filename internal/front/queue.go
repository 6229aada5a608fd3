package front

import (
	"errors"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

// op is a command whose reply has not been written yet. Those of the usual
// commands are pooled.
type op struct {
	req  node.Request
	call [1]node.Call
	conn *Conn

	size    int   // bytes of the command
	class   class // how it counts until it completes
	proto   int   // what the client spoke when it sent the command
	silent  bool
	receipt bool // show what the operation was given
	closes  bool // the connection ends after the reply
	done    bool

	reply []byte     // neutral, when it had to wait for its turn
	given kv.Receipt // valid if asked
	asked bool       // the node was asked
	after afterReply // changes the reply of unusual commands; may be nil
	start int64      // Unix ms
	args  [][]byte   // the arguments while the command is being submitted, and then
	trace []byte     // a part of them, for the slow log; empty if there is none
}

type afterReply func(reply []byte, err error) []byte

type class uint8

const (
	classNone class = iota
	classRead
	classWrite
)

// queue holds a connection's operations in the order of the commands.
type queue struct {
	ops  []*op
	head int
}

func (q *queue) len() int { return len(q.ops) - q.head }

func (q *queue) push(o *op) {
	if q.head > 64 && q.head*2 >= len(q.ops) {
		n := copy(q.ops, q.ops[q.head:])
		clear(q.ops[n:])
		q.ops, q.head = q.ops[:n], 0
	}
	q.ops = append(q.ops, o)
}

func (q *queue) first() *op {
	if q.len() == 0 {
		return nil
	}
	return q.ops[q.head]
}

func (q *queue) last() *op {
	if q.len() == 0 {
		return nil
	}
	return q.ops[len(q.ops)-1]
}

func (q *queue) pop() *op {
	o := q.first()
	if o == nil {
		return nil
	}
	q.ops[q.head] = nil
	q.head++
	if q.head == len(q.ops) {
		q.ops, q.head = q.ops[:0], 0
	}
	return o
}

// push puts a command that will be answered later into the queue.
func (c *Conn) push(size int) *op {
	s := c.server
	var o *op
	if n := len(s.free); n > 0 {
		o, s.free = s.free[n-1], s.free[:n-1]
	} else {
		o = new(op)
	}
	o.conn, o.size, o.proto, o.silent, o.receipt = c, size, c.proto, c.silent, c.receipts
	c.bytes += size
	c.queue.push(o)
	return o
}

func (s *Server) recycle(o *op) {
	reply, trace := o.reply[:0], o.trace[:0]
	*o = op{}
	if cap(reply) <= keepReply {
		o.reply = reply
	}
	if cap(trace) <= keepReply {
		o.trace = trace
	}
	if len(s.free) < keepOps {
		s.free = append(s.free, o)
	}
}

// reply answers the command being run. If the connection is closing, this is
// its last reply.
func (c *Conn) reply(neutral []byte) {
	if c.queue.len() > 0 {
		o := c.push(0)
		o.receipt = false
		o.closes = c.closing
		c.finish(o, neutral)
		return
	}
	c.emit(neutral, c.proto, c.silent)
	if c.closing && !c.closed {
		c.out.CloseAfterFlush()
	}
}

func (c *Conn) emit(neutral []byte, proto int, silent bool) {
	if c.sink != nil {
		c.sink(neutral)
		return
	}
	if silent || c.closed {
		return
	}
	if resp.Same(neutral) {
		c.out.Write(neutral)
	} else {
		s := c.server
		b := resp.Render(s.out, neutral, proto)
		c.out.Write(b)
		s.out = trimmed(b)
	}
	c.checkOutput()
}

// checkOutput closes a client that asks for more than it reads.
func (c *Conn) checkOutput() {
	l := &c.server.config.Limits
	most := l.Output
	if !c.authenticated {
		most = min(most, l.PreAuthOutput)
	}
	if !c.closed && c.held+c.out.Buffered() > most {
		c.kill()
	}
}

// Complete implements node.Completer.
func (o *op) Complete(_ *node.Request, reply []byte, receipt kv.Receipt, err error) {
	c, s := o.conn, o.conn.server
	switch o.class {
	case classRead:
		c.reads--
	case classWrite:
		c.writes--
	}
	if err != nil {
		reply = appendFailure(s.neutral[:0], err)
		s.neutral = trimmed(reply)
	}
	if o.after != nil {
		reply = o.after(reply, err)
	}
	if receipt.Outcome == "" {
		receipt.Outcome = kv.OutcomeOf(err)
	}
	o.given, o.asked = receipt, true
	s.noteSlow(o)
	c.finish(o, reply)
}

// finish answers o: at once if it is its turn, and then those behind it that
// only waited for that.
func (c *Conn) finish(o *op, neutral []byte) {
	if c.closed {
		c.server.recycle(o)
		return
	}
	o.done = true
	if c.queue.first() != o {
		o.reply = append(o.reply[:0], neutral...)
		c.held += len(neutral)
		c.charge()
		c.checkOutput()
	} else {
		c.queue.pop()
		c.deliver(o, neutral)
		for o = c.queue.first(); o != nil && o.done; o = c.queue.first() {
			c.queue.pop()
			c.held -= len(o.reply)
			c.deliver(o, o.reply)
		}
		c.charge()
	}
	c.wake()
}

func (c *Conn) deliver(o *op, neutral []byte) {
	c.bytes -= o.size
	if o.asked {
		if c.last == nil {
			c.last = new(kv.Receipt)
		}
		*c.last = o.given
		if o.receipt && o.proto == 3 {
			c.emit(c.server.appendReceipt(nil, '|', &o.given), 3, o.silent)
		}
	}
	c.emit(neutral, o.proto, o.silent)
	if o.closes && !c.closed {
		c.out.CloseAfterFlush()
	}
	c.server.recycle(o)
}

// appendFailure appends the error reply that tells err's kind.
func appendFailure(dst []byte, err error) []byte {
	var e *kv.Error
	if errors.As(err, &e) {
		return resp.AppendError(dst, e.Error())
	}
	return resp.AppendError(dst, "ERR "+err.Error())
}
