package front

import (
	"fmt"
	"strconv"
	"time"

	"github.com/parleydb/parley/internal/resp"
)

// As in Redis, long commands are kept in part.
const (
	slowArgs     = 32  // arguments
	slowArgBytes = 128 // of each
)

// slowLog keeps the last operations that took long, oldest first.
type slowLog struct {
	entries []slowEntry
	next    int64
}

type slowEntry struct {
	id, at, millis int64
	args           []byte // a neutral array
	remote, name   string
}

// trim drops the oldest entries beyond n. When everything is slow it is called
// for every operation: what is dropped is let go of when the next append grows
// the list.
func (l *slowLog) trim(n int) {
	if over := len(l.entries) - n; over > 0 {
		clear(l.entries[:over])
		l.entries = l.entries[over:]
	}
}

// submitTimed submits o, and keeps for the slow log what may be needed of its
// arguments, which do not outlive the call, if o is not complete on return.
func (c *Conn) submitTimed(o *op, args [][]byte) {
	s := c.server
	if s.config.SlowLog < 0 {
		c.send(o)
		return
	}
	o.start = s.backend.Now()
	o.args = args
	outer := s.submitting
	s.submitting = o
	c.send(o)
	if s.submitting == o {
		o.trace, o.args = appendTrace(o.trace[:0], args), nil
	}
	s.submitting = outer
}

func appendTrace(dst []byte, args [][]byte) []byte {
	shown := args
	if len(args) > slowArgs {
		shown = args[:slowArgs-1]
	}
	dst = resp.AppendArray(dst, min(len(args), slowArgs))
	for _, a := range shown {
		if len(a) > slowArgBytes {
			a = fmt.Appendf(append([]byte(nil), a[:slowArgBytes]...), "... (%d more bytes)", len(a)-slowArgBytes)
		}
		dst = resp.AppendBulk(dst, a)
	}
	if len(shown) < len(args) {
		dst = resp.AppendBulkString(dst, fmt.Sprintf("... (%d more arguments)", len(args)-len(shown)))
	}
	return dst
}

func (s *Server) noteSlow(o *op) {
	if s.submitting == o {
		s.submitting = nil
	}
	if len(o.trace) == 0 && o.args == nil || s.config.SlowLog < 0 {
		return
	}
	took := s.backend.Now() - o.start + s.backend.Elapsed().Milliseconds()
	if time.Duration(took)*time.Millisecond < s.config.SlowLog {
		return
	}
	if o.args != nil {
		o.trace = appendTrace(o.trace[:0], o.args)
	}
	s.slow.entries = append(s.slow.entries, slowEntry{
		id: s.slow.next, at: o.start / 1000, millis: took,
		args: append([]byte(nil), o.trace...), remote: o.conn.remote, name: o.conn.name,
	})
	s.slow.next++
	s.slow.trim(s.config.SlowLogLength)
}

func runSlowGet(c *Conn, dst []byte, args [][]byte) []byte {
	count := int64(10)
	if len(args) > 3 {
		return resp.AppendError(dst, errSyntax)
	}
	if len(args) == 3 {
		var err error
		if count, err = strconv.ParseInt(string(args[2]), 10, 64); err != nil || count < -1 {
			return resp.AppendError(dst, "ERR count should be greater than or equal to -1")
		}
	}
	list := c.server.slow.entries
	if count >= 0 && int64(len(list)) > count {
		list = list[int64(len(list))-count:]
	}
	dst = resp.AppendArray(dst, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		e := &list[i]
		dst = resp.AppendArray(dst, 6)
		dst = resp.AppendInt(dst, e.id)
		dst = resp.AppendInt(dst, e.at)
		dst = resp.AppendInt(dst, e.millis*1000)
		dst = append(dst, e.args...)
		dst = resp.AppendBulkString(dst, e.remote)
		dst = resp.AppendBulkString(dst, e.name)
	}
	return dst
}

func runSlowLen(c *Conn, dst []byte, _ [][]byte) []byte {
	return resp.AppendInt(dst, int64(len(c.server.slow.entries)))
}

func runSlowReset(c *Conn, dst []byte, _ [][]byte) []byte {
	c.server.slow.entries = nil
	return appendOK(dst)
}
