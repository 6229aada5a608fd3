package front

import (
	"strconv"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/resp"
)

// checkLevel refuses a level that the keyspace does not give.
func (c *Conn) checkLevel(l kv.Level) error {
	if kv.CheckStrong(l) == nil || c.server.keyspaceModel(c.keyspace) != kv.ModelStrong {
		return nil // what a keyspace that is not strong gives, the node knows
	}
	return kv.CheckStrong(l)
}

func runLevel(c *Conn, dst []byte, args [][]byte) []byte {
	switch {
	case len(args) > 2:
		return resp.AppendError(dst, wrongArity("level"))
	case len(args) == 1:
		return resp.AppendBulkString(dst, c.effectiveLevel().String())
	case is(args[1], "default"):
		c.level = kv.Level{}
		return appendOK(dst)
	}
	l, text := c.levelOf(args[1])
	if text != "" {
		return resp.AppendError(dst, text)
	}
	c.level = l
	return appendOK(dst)
}

func (c *Conn) effectiveLevel() kv.Level {
	switch {
	case c.level.Kind != kv.LevelDefault:
		return c.level
	case c.server.keyspaceModel(c.keyspace) == kv.ModelCausal:
		return kv.Level{Kind: kv.LevelCausal}
	}
	return kv.Linearizable
}

func runToken(c *Conn, dst []byte, _ [][]byte) []byte {
	return resp.AppendBulkString(dst, c.token.Encode())
}

func runSessionReset(c *Conn, dst []byte, _ [][]byte) []byte {
	c.token = &kv.Token{Cluster: c.server.backend.Cluster()}
	return appendOK(dst)
}

// runResume is SESSION RESUME <token> [<ms>]: the connection's past is raised
// to the token's. With a time it answers when this node has reached it, so
// that reads need not wait; the token holds also when that takes too long.
func runResume(c *Conn, dst []byte, args [][]byte) []byte {
	s := c.server
	var ms int64
	if len(args) > 4 {
		return resp.AppendError(dst, wrongArity("session|resume"))
	}
	if len(args) == 4 {
		var err error
		if ms, err = strconv.ParseInt(string(args[3]), 10, 32); err != nil || ms < 0 {
			return resp.AppendError(dst, "ERR timeout is not an integer or out of range")
		}
	}
	t, err := kv.DecodeToken(string(args[2]), s.backend.Cluster())
	if err == nil {
		err = s.checkFuture(t)
	}
	if err != nil {
		return appendFailure(dst, err)
	}
	c.token.Merge(t)
	if ms == 0 {
		return appendOK(dst)
	}
	s.backend.Await(t, time.Duration(ms)*time.Millisecond, c.later())
	return nil
}

// checkFuture refuses a token with a stamp that no node can have given.
func (s *Server) checkFuture(t kv.Token) error {
	latest := t.Strong
	for _, stamp := range t.Sites {
		latest = max(latest, stamp)
	}
	ahead := latest.Millis() - s.backend.Now()
	if ahead <= s.config.MaxOffset.Milliseconds() {
		return nil
	}
	return kv.Errorf(kv.KindToken, "token is %d ms in the future of this node's clock; the bound is %d ms",
		ahead, s.config.MaxOffset.Milliseconds())
}

// later takes no command until the function that it returns is called, which
// answers the one being run. It answers OK if there is no error.
func (c *Conn) later() func(error) { return c.laterAs(appendOK) }

// laterAs is later, with another reply where there is no error.
func (c *Conn) laterAs(reply func([]byte) []byte) func(error) {
	o := c.push(0)
	c.alone = true
	return func(err error) {
		c.alone = false
		if err != nil {
			c.finish(o, appendFailure(nil, err))
			return
		}
		c.finish(o, reply(nil))
	}
}

func receiptSwitch(on bool) func(*Conn, []byte, [][]byte) []byte {
	return func(c *Conn, dst []byte, _ [][]byte) []byte {
		c.receipts = on
		return appendOK(dst)
	}
}

func runReceiptLast(c *Conn, dst []byte, _ [][]byte) []byte {
	if c.last == nil {
		return resp.AppendNull(dst)
	}
	return c.server.appendReceipt(dst, '%', c.last)
}

// appendReceipt appends a receipt as a map ('%') or as an attribute ('|').
func (s *Server) appendReceipt(dst []byte, kind byte, r *kv.Receipt) []byte {
	if kind == '|' {
		dst = resp.AppendAttribute(dst, 6)
	} else {
		dst = resp.AppendMap(dst, 6)
	}
	dst = resp.AppendBulkString(dst, "level")
	dst = resp.AppendBulkString(dst, r.Level.String())
	dst = resp.AppendBulkString(dst, "node")
	dst = resp.AppendInt(dst, int64(r.Node))
	dst = resp.AppendBulkString(dst, "site")
	dst = resp.AppendBulkString(dst, s.backend.Site(r.Node))
	dst = resp.AppendBulkString(dst, "staleness_ms")
	dst = resp.AppendInt(dst, roundUp(r.Staleness))
	dst = resp.AppendBulkString(dst, "stamp")
	dst = resp.AppendBulkString(dst, r.Stamp.String())
	dst = resp.AppendBulkString(dst, "outcome")
	return resp.AppendBulkString(dst, string(r.Outcome))
}

// roundUp is d in milliseconds, never less: it states an upper bound.
func roundUp(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
