package front

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

// setting is a parameter of CONFIG: only what has an effect here, or tells a
// fact that clients ask for.
type setting struct {
	name string
	get  func(c *Config) string
	set  func(c *Config, value string) string // returns what is wrong; nil: cannot be changed
}

var settings = []setting{
	{"appendonly", func(*Config) string { return "yes" }, nil},
	{"maxclients", func(c *Config) string { return strconv.Itoa(c.Limits.Clients) },
		func(c *Config, v string) string {
			return setInt(v, 1, 1<<20, func(n int64) { c.Limits.Clients = int(n) })
		}},
	{"maxmemory", func(*Config) string { return "0" }, nil},
	{"maxmemory-clients", func(c *Config) string { return strconv.Itoa(c.ClientMemory) }, nil},
	{"maxmemory-policy", func(*Config) string { return "noeviction" }, nil},
	{"proto-max-bulk-len", func(c *Config) string { return strconv.Itoa(c.Limits.Command.Bulk) }, nil},
	{"request-timeout", func(c *Config) string { return strconv.FormatInt(c.Timeout.Milliseconds(), 10) },
		func(c *Config, v string) string {
			return setInt(v, 1, node.MaxTimeout.Milliseconds(), func(n int64) { c.Timeout = time.Duration(n) * time.Millisecond })
		}},
	{"requirepass", func(c *Config) string { return c.Password },
		func(c *Config, v string) string { c.Password = v; return "" }},
	{"save", func(*Config) string { return "" }, nil},
	{"slowlog-log-slower-than", slowerThan,
		func(c *Config, v string) string {
			return setInt(v, -1, 1<<50, func(n int64) { c.SlowLog = time.Duration(n) * time.Microsecond })
		}},
	{"slowlog-max-len", func(c *Config) string { return strconv.Itoa(c.SlowLogLength) },
		func(c *Config, v string) string {
			return setInt(v, 0, 1<<16, func(n int64) { c.SlowLogLength = int(n) })
		}},
	{"timeout", idleSeconds, nil},
}

func idleSeconds(c *Config) string {
	return strconv.FormatInt(int64((c.IdleTimeout+time.Second-1)/time.Second), 10)
}

func slowerThan(c *Config) string {
	if c.SlowLog < 0 {
		return "-1"
	}
	return strconv.FormatInt(c.SlowLog.Microseconds(), 10)
}

func setInt(value string, lo, hi int64, set func(int64)) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "argument couldn't be parsed into an integer"
	}
	if n < lo || n > hi {
		return "argument must be between " + strconv.FormatInt(lo, 10) + " and " + strconv.FormatInt(hi, 10) + " inclusive"
	}
	set(n)
	return ""
}

func runConfigGet(c *Conn, dst []byte, args [][]byte) []byte {
	var found []string
	for _, s := range settings {
		for _, pattern := range args[2:] {
			if ok, err := path.Match(strings.ToLower(string(pattern)), s.name); ok && err == nil {
				found = append(found, s.name, s.get(&c.server.config))
				break
			}
		}
	}
	dst = resp.AppendMap(dst, len(found)/2)
	for _, f := range found {
		dst = resp.AppendBulkString(dst, f)
	}
	return dst
}

// runConfigSet changes all the parameters given, or none. New values hold for
// connections that are open, except the deadline, which is the connection's.
func runConfigSet(c *Conn, dst []byte, args [][]byte) []byte {
	if len(args)%2 != 0 {
		return resp.AppendError(dst, errSyntax)
	}
	next := c.server.config
	for i := 2; i < len(args); i += 2 {
		name := string(args[i])
		wrong := "-"
		for _, s := range settings {
			if !is(args[i], s.name) {
				continue
			}
			wrong = "can't set immutable config"
			if s.set != nil {
				wrong = s.set(&next, string(args[i+1]))
			}
		}
		if wrong == "-" {
			return resp.AppendError(dst, "ERR Unknown option or number of arguments for CONFIG SET - '"+name+"'")
		}
		if wrong != "" {
			return resp.AppendError(dst, "ERR CONFIG SET failed (possibly related to argument '"+name+"') - "+wrong)
		}
	}
	c.server.config = next
	c.server.slow.trim(next.SlowLogLength)
	return appendOK(dst)
}
