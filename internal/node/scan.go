package node

import (
	"strconv"
	"time"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/resp"
)

// A cursor of SCAN begins with a slot (14 of 62 bits), and shards are ranges of
// slots: so it says in which shard to go on, at any replica and after any
// failover, and the end of one shard is followed by the first slot of the next.

// cursorSlot is how far left of a cursor's end its slot is, in bits.
const cursorSlot = 48

func (n *Node) scan(r *Request, ks *meta.Keyspace) {
	shard := 0
	if args := r.Calls[0].Args; len(args) > 1 {
		if c, err := strconv.ParseUint(string(args[1]), 10, 64); err == nil {
			shard = ks.Shard(uint16(min(c>>cursorSlot, data.Slots-1)))
		} // else any shard tells what is wrong
	}
	part := *r
	if shard < len(ks.Groups)-1 {
		first := shard + 1
		slot := (first*data.Slots + len(ks.Groups) - 1) / len(ks.Groups)
		part.Done = scanStep{r, uint64(slot) << cursorSlot}
	}
	n.submitTo(&part, shard)
}

// scanStep is a step in a shard that is not the last.
type scanStep struct {
	req  *Request
	next uint64 // the cursor of the next shard's start
}

// Complete implements Completer.
func (s scanStep) Complete(_ *Request, reply []byte, rc kv.Receipt, err error) {
	if rest, ok := endOfScan(reply); ok && err == nil {
		var digits [20]byte
		next := resp.AppendBulk(resp.AppendArray(nil, 2), strconv.AppendUint(digits[:0], s.next, 10))
		reply = append(next, rest...)
	}
	s.req.Done.Complete(s.req, reply, rc, err)
}

// endOfScan finds the keys in a reply of SCAN whose cursor is 0.
func endOfScan(reply []byte) (keys []byte, ok bool) {
	const end = "*2\r\n$1\r\n0\r\n"
	if len(reply) < len(end) || string(reply[:len(end)]) != end {
		return nil, false
	}
	return reply[len(end):], true
}

// randomKey draws a shard by the number of its keys, and a key of it.
func (n *Node) randomKey(r *Request, shards int) {
	d := &draw{node: n, req: r, began: n.mono}
	count := *r
	count.Done = d
	n.fanOut(&count, bare("dbsize"), shards, d.count)
}

// bare is a call without arguments.
func bare(name string) []Call {
	arg := []byte(name)
	return []Call{{data.Lookup(arg), [][]byte{arg}}}
}

// draw is a RANDOMKEY under way: first all shards tell their sizes, then one of
// them is asked for a key.
type draw struct {
	node  *Node
	req   *Request
	began time.Duration
	sizes []uint64
	total uint64
}

func (d *draw) count(dst []byte, replies [][]byte) []byte {
	for _, r := range replies {
		v, _, _ := header(r, ':')
		d.sizes = append(d.sizes, uint64(max(v, 0)))
		d.total += uint64(max(v, 0))
	}
	return resp.AppendNull(dst)
}

// Complete implements Completer: of the sizes, and then of each shard asked.
func (d *draw) Complete(_ *Request, reply []byte, rc kv.Receipt, err error) {
	n, r := d.node, d.req
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = n.cfg.Timeout
	}
	// A shard that was emptied since it told its size does not count.
	if empty := len(reply) > 0 && reply[0] == '_'; err != nil || !empty || d.total == 0 || n.mono-d.began >= timeout {
		r.Done.Complete(r, reply, rc, err)
		return
	}
	at, shard := n.cfg.Seed()%d.total, 0
	for at >= d.sizes[shard] {
		at -= d.sizes[shard]
		shard++
	}
	d.total -= d.sizes[shard]
	d.sizes[shard] = 0
	part := *r
	part.Calls = bare("randomkey") // the request's own arguments are gone by now
	part.Done, part.Timeout = d, timeout-(n.mono-d.began)
	n.submitTo(&part, shard)
}
