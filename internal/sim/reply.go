package sim

import (
	"strconv"
	"strings"
)

// number is an integer reply, or a bulk string that holds one; 0 for null.
func number(reply string) (int64, bool) {
	if strings.HasPrefix(reply, ":") {
		n, err := strconv.ParseInt(strings.TrimSuffix(reply[1:], "\r\n"), 10, 64)
		return n, err == nil
	}
	s, _, ok := bulk(reply)
	if !ok || s == "" {
		return 0, ok
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// bulk takes a bulk string off a reply; null is the empty string, which no
// operation here writes.
func bulk(reply string) (s, rest string, ok bool) {
	if rest, ok = strings.CutPrefix(reply, "_\r\n"); ok {
		return "", rest, true
	}
	head, rest, ok := strings.Cut(reply, "\r\n")
	if !ok || !strings.HasPrefix(head, "$") {
		return "", "", false
	}
	n, err := strconv.Atoi(head[1:])
	if err != nil || n < 0 || len(rest) < n+2 {
		return "", "", false
	}
	return rest[:n], rest[n+2:], true
}

// text is a bulk string reply's text.
func text(reply string) string {
	s, _, _ := bulk(reply)
	return s
}

// parseVersion reads the answer to a request for one key's version.
func parseVersion(got answer) (uint64, bool) {
	rest, ok := strings.CutPrefix(got.reply, "*1\r\n:")
	if got.outcome != "ok" || !ok {
		return 0, false
	}
	v, err := strconv.ParseUint(strings.TrimSuffix(rest, "\r\n"), 10, 64)
	return v, err == nil
}
