package front

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

func clientVerbs() []verb {
	return []verb{
		{name: "id", arity: 2, run: runClientID},
		{name: "setname", arity: 3, run: runSetName},
		{name: "getname", arity: 2, run: runGetName},
		{name: "list", arity: -2, run: runClientList},
		{name: "info", arity: 2, run: runClientInfo},
		{name: "kill", arity: -3, run: runClientKill},
		{name: "setinfo", arity: 4, run: runSetInfo},
		{name: "no-evict", arity: 3, run: runNoEffect},
		{name: "no-touch", arity: 3, run: runNoEffect},
		{name: "reply", arity: 3, run: runClientReply},
		{name: "deadline", arity: -2, run: runDeadline},
	}
}

func validName(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

func runClientID(c *Conn, dst []byte, _ [][]byte) []byte { return resp.AppendInt(dst, int64(c.id)) }

func runSetName(c *Conn, dst []byte, args [][]byte) []byte {
	if !validName(args[2]) {
		return resp.AppendError(dst, errName)
	}
	c.name = string(args[2])
	return appendOK(dst)
}

func runGetName(c *Conn, dst []byte, _ [][]byte) []byte {
	if c.name == "" {
		return resp.AppendNull(dst)
	}
	return resp.AppendBulkString(dst, c.name)
}

func runSetInfo(c *Conn, dst []byte, args [][]byte) []byte {
	field := &c.libName
	switch {
	case is(args[2], "lib-ver"):
		field = &c.libVersion
	case !is(args[2], "lib-name"):
		return resp.AppendError(dst, "ERR Unrecognized option '"+string(args[2])+"'")
	}
	if !validName(args[3]) {
		return resp.AppendError(dst, "ERR "+string(args[2])+" cannot contain spaces, newlines or special characters.")
	}
	*field = string(args[3])
	return appendOK(dst)
}

// runNoEffect is for switches that have nothing to switch here: no client is
// evicted, and keys have no time of last use.
func runNoEffect(_ *Conn, dst []byte, args [][]byte) []byte {
	if !is(args[2], "on") && !is(args[2], "off") {
		return resp.AppendError(dst, errSyntax)
	}
	return appendOK(dst)
}

func runClientReply(c *Conn, dst []byte, args [][]byte) []byte {
	switch {
	case is(args[2], "on"):
		c.muted, c.silent = false, false
		return appendOK(dst)
	case is(args[2], "off"):
		c.muted = true
		return nil
	case is(args[2], "skip"):
		c.skipOne = !c.muted
		return nil
	}
	return resp.AppendError(dst, errSyntax)
}

// runDeadline is CLIENT DEADLINE [<ms>]: until when this connection's
// operations must be answered. With no argument it shows it.
func runDeadline(c *Conn, dst []byte, args [][]byte) []byte {
	if len(args) == 2 {
		return resp.AppendInt(dst, c.timeout.Milliseconds())
	}
	ms, err := strconv.ParseInt(string(args[2]), 10, 32)
	if len(args) > 3 || err != nil || ms <= 0 || ms > node.MaxTimeout.Milliseconds() {
		return resp.AppendError(dst, fmt.Sprintf("ERR a deadline is a number of milliseconds from 1 to %d", node.MaxTimeout.Milliseconds()))
	}
	c.timeout = time.Duration(ms) * time.Millisecond
	return appendOK(dst)
}

// describe is a connection's line in CLIENT LIST.
func (c *Conn) describe() string {
	flags, multi, last := "N", -1, "NULL"
	if c.tx.open {
		flags, multi = "x", len(c.tx.calls)
	}
	if c.lastCommand != nil {
		last = c.lastCommand.Name
	}
	now := c.server.backend.Now()
	return fmt.Sprintf("id=%d addr=%s name=%s age=%d idle=%d flags=%s db=%d multi=%d watch=%d inflight=%d obl=%d cmd=%s user=default lib-name=%s lib-ver=%s resp=%d\n",
		c.id, c.remote, c.name, (now-c.opened)/1000, (now-c.used)/1000, flags, c.keyspace, multi,
		len(c.tx.watches), c.queue.len(), c.out.Buffered(), last, c.libName, c.libVersion, c.proto)
}

func runClientInfo(c *Conn, dst []byte, _ [][]byte) []byte {
	return resp.AppendVerbatim(dst, "txt", c.describe())
}

func runClientList(c *Conn, dst []byte, args [][]byte) []byte {
	keep := func(*Conn) bool { return true }
	switch {
	case len(args) == 2:
	case len(args) == 4 && is(args[2], "type"):
		if text := checkType(args[3]); text != "" {
			return resp.AppendError(dst, text)
		}
		normal := is(args[3], "normal")
		keep = func(*Conn) bool { return normal }
	case len(args) > 3 && is(args[2], "id"):
		ids := map[uint64]bool{}
		for _, a := range args[3:] {
			id, err := strconv.ParseUint(string(a), 10, 63)
			if err != nil {
				return resp.AppendError(dst, "ERR Invalid client ID")
			}
			ids[id] = true
		}
		keep = func(o *Conn) bool { return ids[o.id] }
	default:
		return resp.AppendError(dst, errSyntax)
	}
	var text strings.Builder
	for _, o := range c.server.byID() {
		if keep(o) {
			text.WriteString(o.describe())
		}
	}
	return resp.AppendVerbatim(dst, "txt", text.String())
}

func checkType(name []byte) string {
	for _, t := range [...]string{"normal", "master", "replica", "slave", "pubsub"} {
		if is(name, t) {
			return ""
		}
	}
	return "ERR Unknown client type '" + string(name) + "'"
}

// runClientKill is CLIENT KILL <addr>, and the form with filters.
func runClientKill(c *Conn, dst []byte, args [][]byte) []byte {
	if len(args) == 3 {
		n := c.killWhere(false, func(o *Conn) bool { return o.remote == string(args[2]) })
		if n == 0 {
			return resp.AppendError(dst, "ERR No such client")
		}
		return appendOK(dst)
	}
	skipMe := true
	var filters []func(*Conn) bool
	if len(args)%2 != 0 {
		return resp.AppendError(dst, errSyntax)
	}
	for i := 2; i < len(args); i += 2 {
		value := args[i+1]
		switch {
		case is(args[i], "id"):
			id, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || id < 1 {
				return resp.AppendError(dst, "ERR client-id should be greater than 0")
			}
			filters = append(filters, func(o *Conn) bool { return o.id == uint64(id) })
		case is(args[i], "addr"):
			filters = append(filters, func(o *Conn) bool { return o.remote == string(value) })
		case is(args[i], "type"):
			if text := checkType(value); text != "" {
				return resp.AppendError(dst, text)
			}
			filters = append(filters, func(*Conn) bool { return is(value, "normal") })
		case is(args[i], "user"):
			if string(value) != "default" {
				return resp.AppendError(dst, "ERR No such user '"+string(value)+"'")
			}
		case is(args[i], "skipme") && (is(value, "yes") || is(value, "no")):
			skipMe = is(value, "yes")
		default:
			return resp.AppendError(dst, errSyntax)
		}
	}
	n := c.killWhere(skipMe, func(o *Conn) bool {
		for _, f := range filters {
			if !f(o) {
				return false
			}
		}
		return true
	})
	return resp.AppendInt(dst, int64(n))
}

// killWhere closes the connections that match; this one after its reply.
func (c *Conn) killWhere(skipMe bool, match func(*Conn) bool) (n int) {
	for _, o := range c.server.byID() {
		switch {
		case !match(o) || o == c && skipMe:
			continue
		case o == c:
			c.closing = true
		default:
			o.kill()
		}
		n++
	}
	return n
}
