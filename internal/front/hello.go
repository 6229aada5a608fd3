package front

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strconv"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/resp"
)

// RedisVersion is the release whose behaviour clients may expect.
const RedisVersion = "7.0.15"

const (
	errSyntax    = "ERR syntax error"
	errInteger   = "ERR value is not an integer or out of range"
	errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPass    = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
	errHelloAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errName      = "ERR Client names cannot contain spaces, newlines or special characters."
)

// passes checks a password in a time that does not depend on it.
func (s *Server) passes(user, password []byte) bool {
	want := s.config.Password
	given, kept := sha256.Sum256(password), sha256.Sum256([]byte(want))
	same := subtle.ConstantTimeCompare(given[:], kept[:]) == 1
	return string(user) == "default" && (same || want == "")
}

func (c *Conn) login(user, password []byte) bool {
	if !c.server.passes(user, password) {
		return false
	}
	c.setAuthenticated(true)
	return true
}

func runAuth(c *Conn, dst []byte, args [][]byte) []byte {
	user := []byte("default")
	switch {
	case len(args) > 3:
		return resp.AppendError(dst, errSyntax)
	case len(args) == 3:
		user = args[1]
	case c.server.config.Password == "":
		return resp.AppendError(dst, errNoPass)
	}
	if !c.login(user, args[len(args)-1]) {
		return resp.AppendError(dst, errWrongPass)
	}
	return appendOK(dst)
}

func runHello(c *Conn, dst []byte, args [][]byte) []byte {
	proto := c.proto
	if len(args) > 1 {
		v, err := strconv.ParseInt(string(args[1]), 10, 64)
		if err != nil {
			return resp.AppendError(dst, "ERR Protocol version is not an integer or out of range")
		}
		if v != 2 && v != 3 {
			return resp.AppendError(dst, "NOPROTO unsupported protocol version")
		}
		proto = int(v)
	}
	for i := 2; i < len(args); {
		left := len(args) - 1 - i
		switch {
		case is(args[i], "auth") && left >= 2:
			if !c.login(args[i+1], args[i+2]) {
				return resp.AppendError(dst, errWrongPass)
			}
			i += 3
		case is(args[i], "setname") && left >= 1:
			if !validName(args[i+1]) {
				return resp.AppendError(dst, errName)
			}
			c.name = string(args[i+1])
			i += 2
		default:
			return resp.AppendError(dst, fmt.Sprintf("ERR Syntax error in HELLO option '%s'", cString(args[i], len(args[i]))))
		}
	}
	if !c.authenticated {
		return resp.AppendError(dst, errHelloAuth)
	}
	c.proto = proto
	return c.appendHello(dst)
}

func (c *Conn) appendHello(dst []byte) []byte {
	dst = resp.AppendMap(dst, 7)
	for _, f := range [...]string{"server", "redis", "version", RedisVersion, "proto"} {
		dst = resp.AppendBulkString(dst, f)
	}
	dst = resp.AppendInt(dst, int64(c.proto))
	dst = resp.AppendBulkString(dst, "id")
	dst = resp.AppendInt(dst, int64(c.id))
	for _, f := range [...]string{"mode", "standalone", "role", "master", "modules"} {
		dst = resp.AppendBulkString(dst, f)
	}
	return resp.AppendArray(dst, 0)
}

func runPing(_ *Conn, dst []byte, args [][]byte) []byte {
	switch len(args) {
	case 1:
		return resp.AppendSimple(dst, "PONG")
	case 2:
		return resp.AppendBulk(dst, args[1])
	}
	return resp.AppendError(dst, wrongArity("ping"))
}

func runEcho(_ *Conn, dst []byte, args [][]byte) []byte { return resp.AppendBulk(dst, args[1]) }

func runQuit(c *Conn, dst []byte, _ [][]byte) []byte {
	c.closing = true
	return appendOK(dst)
}

func runReset(c *Conn, dst []byte, _ [][]byte) []byte {
	c.renew()
	c.silent = false
	return resp.AppendSimple(dst, "RESET")
}

// runSelect looks at what this node knows, and asks the others only for a
// keyspace that it does not know: it may have been made a moment ago.
func runSelect(c *Conn, dst []byte, args [][]byte) []byte {
	name := string(args[1])
	choose := func(dst []byte) []byte {
		id, ok := c.server.backend.Keyspace(name)
		if !ok {
			return resp.AppendError(dst, "ERR "+noKeyspace(name))
		}
		c.keyspace = id
		return appendOK(dst)
	}
	if _, ok := c.server.backend.Keyspace(name); ok {
		return choose(dst)
	}
	c.server.backend.Refresh(c.timeout, c.laterAs(choose))
	return nil
}

func runCommand(_ *Conn, dst []byte, args [][]byte) []byte {
	return data.AppendCommandReply(dst, args)
}

func runInfo(c *Conn, dst []byte, args [][]byte) []byte {
	text := ""
	if len(args) == 1 {
		text = c.server.backend.Info("")
	}
	for _, section := range args[1:] {
		text += c.server.backend.Info(string(section))
	}
	return resp.AppendVerbatim(dst, "txt", text)
}

func runTime(c *Conn, dst []byte, _ [][]byte) []byte {
	now := c.server.backend.Now()
	dst = resp.AppendArray(dst, 2)
	dst = resp.AppendBulkString(dst, strconv.FormatInt(now/1000, 10))
	return resp.AppendBulkString(dst, strconv.FormatInt(now%1000*1000, 10))
}

// runWait needs not wait: a write is acknowledged when its copies hold it, and
// all before were answered.
func runWait(c *Conn, dst []byte, args [][]byte) []byte {
	if _, err := strconv.ParseInt(string(args[1]), 10, 64); err != nil {
		return resp.AppendError(dst, errInteger)
	}
	ms, err := strconv.ParseInt(string(args[2]), 10, 64)
	if err != nil {
		return resp.AppendError(dst, "ERR timeout is not an integer or out of range")
	}
	if ms < 0 {
		return resp.AppendError(dst, "ERR timeout is negative")
	}
	return resp.AppendInt(dst, int64(c.server.backend.Acknowledged(c.keyspace)))
}
