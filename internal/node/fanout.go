package node

import (
	"bytes"
	"strconv"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/resp"
)

// Commands without a key concern a whole keyspace. With several shards each
// shard runs the command by itself, and the replies are joined; there is no
// moment at which all shards are seen together. Of a scan's steps each visits
// one shard (scan.go).

// joiners says how the replies of the shards become one.
var joiners = map[string]func(dst []byte, replies [][]byte) []byte{
	"dbsize":  joinSum,
	"flushdb": joinFirst,
	"keys":    joinArrays,
}

// gather collects the shards' answers to one request.
type gather struct {
	node    *Node
	req     *Request
	join    func(dst []byte, replies [][]byte) []byte
	replies [][]byte
	left    int
	bytes   int  // of replies
	changed bool // the command writes, and some shard has done it
	receipt kv.Receipt
	err     error
}

// wholeKeyspace runs a request that names no key on a keyspace of several
// shards. It reports whether the command is one that can be run so.
func (n *Node) wholeKeyspace(r *Request, ks *meta.Keyspace) bool {
	if r.Kind != KindCommand || len(r.Once) > 0 || r.Calls[0].Command == nil {
		return false
	}
	switch name := r.Calls[0].Command.Name; name {
	case "scan":
		n.scan(r, ks)
	case "randomkey":
		n.randomKey(r, len(ks.Groups))
	default:
		join := joiners[name]
		if join == nil {
			return false
		}
		n.fanOut(r, r.Calls, len(ks.Groups), join)
	}
	return true
}

// fanOut runs calls, for a request, on every shard of its keyspace.
func (n *Node) fanOut(r *Request, calls []Call, shards int, join func(dst []byte, replies [][]byte) []byte) {
	g := &gather{node: n, req: r, join: join, replies: make([][]byte, shards), left: shards}
	for shard := range shards {
		part := *r
		part.Calls, part.Done = calls, gathered{g, shard}
		n.submitTo(&part, shard)
	}
}

// gathered is one shard's place in a gather.
type gathered struct {
	*gather
	shard int
}

// Complete implements Completer.
func (g gathered) Complete(r *Request, reply []byte, rc kv.Receipt, err error) {
	if g.bytes += len(reply); g.bytes <= MaxReply {
		g.replies[g.shard] = append([]byte(nil), reply...)
	} else if err == nil {
		err = kv.Errorf(kv.KindErr, "the reply of all shards would be longer than %d bytes: use SCAN", MaxReply)
	}
	g.left--
	if err == nil {
		g.receipt = rc
		g.changed = g.changed || writes(r.Calls)
	} else if g.err == nil || kv.KindOf(err) == kv.KindUnknown {
		g.err = err
	}
	if g.left > 0 {
		return
	}
	if g.err != nil {
		if g.changed && kv.KindOf(g.err) != kv.KindUnknown {
			g.err = kv.Errorf(kv.KindUnknown, "some shards have done it, not all (%v): run it again", g.err)
		}
		g.req.Done.Complete(g.req, nil, kv.Receipt{Node: g.node.cfg.ID, Outcome: kv.OutcomeOf(g.err)}, g.err)
		return
	}
	g.req.Done.Complete(g.req, g.join(nil, g.replies), g.receipt, nil)
}

func joinFirst(dst []byte, replies [][]byte) []byte { return append(dst, replies[0]...) }

func joinSum(dst []byte, replies [][]byte) []byte {
	sum := int64(0)
	for _, r := range replies {
		v, _, ok := header(r, ':')
		if !ok {
			return append(dst, r...)
		}
		sum += v
	}
	return resp.AppendInt(dst, sum)
}

func joinArrays(dst []byte, replies [][]byte) []byte {
	total := int64(0)
	var items []byte
	for _, r := range replies {
		n, rest, ok := header(r, '*')
		if !ok {
			return append(dst, r...)
		}
		total += n
		items = append(items, rest...)
	}
	return append(resp.AppendArray(dst, int(total)), items...)
}

// header reads a reply's type and number, and what follows them.
func header(reply []byte, kind byte) (v int64, rest []byte, ok bool) {
	end := bytes.Index(reply, []byte("\r\n"))
	if end < 1 || reply[0] != kind {
		return 0, nil, false
	}
	v, err := strconv.ParseInt(string(reply[1:end]), 10, 64)
	return v, reply[end+2:], err == nil
}
