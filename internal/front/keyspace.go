package front

import (
	"strconv"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

const (
	maxKeyspaceName = 64
	maxReplicas     = 1024
)

// validKeyspaceName refuses names that SELECT would take for a number, and
// what would need quoting somewhere.
func validKeyspaceName(name []byte) bool {
	digits := true
	for _, b := range name {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '-' || b == '.'
		digit := b >= '0' && b <= '9'
		if !letter && !digit {
			return false
		}
		digits = digits && digit
	}
	return len(name) > 0 && len(name) <= maxKeyspaceName && !digits
}

// runKeyspaceCreate is KEYSPACE CREATE <name> [MODEL <model>] [SHARDS <n>]
// [REPLICATION <n>].
func runKeyspaceCreate(c *Conn, dst []byte, args [][]byte) []byte {
	if !validKeyspaceName(args[2]) {
		return resp.AppendError(dst, "ERR a keyspace's name has 1 to 64 letters, digits, '-', '_' and '.', and not only digits")
	}
	model, shards, replicas := kv.ModelStrong, 1, 0
	if len(args)%2 == 0 {
		return resp.AppendError(dst, errSyntax)
	}
	for i := 3; i < len(args); i += 2 {
		text := ""
		switch value := args[i+1]; {
		case is(args[i], "model"):
			text = checkModel(value)
		case is(args[i], "shards"):
			shards, text = between(value, "SHARDS", data.Slots)
		case is(args[i], "replication"):
			replicas, text = between(value, "REPLICATION", maxReplicas)
		default:
			text = errSyntax
		}
		if text != "" {
			return resp.AppendError(dst, text)
		}
	}
	c.server.backend.CreateKeyspace(string(args[2]), model, shards, replicas, c.timeout, c.later())
	return nil
}

func checkModel(name []byte) string {
	switch {
	case is(name, string(kv.ModelStrong)):
		return ""
	case is(name, string(kv.ModelCausal)):
		return "ERR this version has no causal keyspaces; MODEL is strong"
	}
	return "ERR unknown model; MODEL is strong"
}

func between(value []byte, option string, most int) (int, string) {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 1 || n > most {
		return 0, "ERR " + option + " is a number from 1 to " + strconv.Itoa(most)
	}
	return n, ""
}

func runKeyspaceDrop(c *Conn, dst []byte, args [][]byte) []byte {
	name := string(args[2])
	if id, ok := c.server.backend.Keyspace(name); ok && id == kv.MainKeyspace {
		return resp.AppendError(dst, "ERR keyspace main cannot be dropped")
	}
	c.server.backend.DropKeyspace(name, c.timeout, c.later())
	return nil
}

// refreshed answers a question about the keyspaces when this node knows all
// that were made before it.
func refreshed(run func(*Conn, []byte, [][]byte) []byte) func(*Conn, []byte, [][]byte) []byte {
	return func(c *Conn, _ []byte, args [][]byte) []byte {
		kept := make([][]byte, len(args))
		for i, a := range args {
			kept[i] = append([]byte(nil), a...)
		}
		c.server.backend.Refresh(c.timeout, c.laterAs(func(dst []byte) []byte { return run(c, dst, kept) }))
		return nil
	}
}

func runKeyspaceList(c *Conn, dst []byte, _ [][]byte) []byte {
	n := 0
	c.server.backend.EachKeyspace(func(kv.KeyspaceID, string, kv.Model, int, int) { n++ })
	dst = resp.AppendArray(dst, n)
	c.server.backend.EachKeyspace(func(id kv.KeyspaceID, name string, model kv.Model, shards, replicas int) {
		dst = appendKeyspace(dst, id, name, model, shards, replicas)
	})
	return dst
}

func runKeyspaceInfo(c *Conn, dst []byte, args [][]byte) []byte {
	want, ok := c.server.backend.Keyspace(string(args[2]))
	if !ok {
		return resp.AppendError(dst, "ERR no such keyspace")
	}
	c.server.backend.EachKeyspace(func(id kv.KeyspaceID, name string, model kv.Model, shards, replicas int) {
		if id == want {
			dst = appendKeyspace(dst, id, name, model, shards, replicas)
		}
	})
	return dst
}

func appendKeyspace(dst []byte, id kv.KeyspaceID, name string, model kv.Model, shards, replicas int) []byte {
	dst = resp.AppendMap(dst, 5)
	dst = resp.AppendBulkString(dst, "id")
	dst = resp.AppendInt(dst, int64(id))
	dst = resp.AppendBulkString(dst, "name")
	dst = resp.AppendBulkString(dst, name)
	dst = resp.AppendBulkString(dst, "model")
	dst = resp.AppendBulkString(dst, string(model))
	dst = resp.AppendBulkString(dst, "shards")
	dst = resp.AppendInt(dst, int64(shards))
	dst = resp.AppendBulkString(dst, "replication")
	return resp.AppendInt(dst, int64(replicas))
}

// flush is a FLUSHALL in progress: a FLUSHDB for each keyspace.
type flush struct {
	left    int
	done    func(error)
	failure error
}

// Complete implements node.Completer.
func (f *flush) Complete(_ *node.Request, reply []byte, _ kv.Receipt, err error) {
	if err == nil && len(reply) > 3 && reply[0] == '-' {
		err = replyError(reply[1 : len(reply)-2])
	}
	// An unknown outcome says more than a certain failure.
	if err != nil && (f.failure == nil || kv.OutcomeOf(err) == kv.OutcomeUnknown) {
		f.failure = err
	}
	f.left--
	if f.left == 0 {
		f.done(f.failure)
	}
}

// replyError makes an error of an error reply, so that its first word stays
// what it is.
func replyError(text []byte) error {
	for i, b := range text {
		if b == ' ' {
			return kv.Errorf(kv.Kind(text[:i]), "%s", text[i+1:])
		}
	}
	return kv.Errorf(kv.KindErr, "%s", text)
}

func runFlushAll(c *Conn, dst []byte, args [][]byte) []byte {
	if len(args) > 2 || len(args) == 2 && !is(args[1], "async") && !is(args[1], "sync") {
		return resp.AppendError(dst, errSyntax)
	}
	var ids []kv.KeyspaceID
	c.server.backend.EachKeyspace(func(id kv.KeyspaceID, _ string, _ kv.Model, _, _ int) { ids = append(ids, id) })
	if len(ids) == 0 {
		return appendOK(dst)
	}
	name := []byte("flushdb")
	call := node.Call{Command: data.Lookup(name), Args: [][]byte{name}}
	f := &flush{left: len(ids), done: c.later()}
	for _, id := range ids {
		c.server.backend.Submit(&node.Request{
			Kind: node.KindCommand, Keyspace: id, Calls: []node.Call{call},
			Timeout: c.timeout, Token: c.token, Done: f,
		})
	}
	return nil
}
