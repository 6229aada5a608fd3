package node

import (
	"encoding/json"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/resp"
)

var metaKey = []byte("config")

// metaMachine is group 0's state machine: changes of the configuration.
type metaMachine struct {
	node  *Node
	state *disk.State
}

// Begin implements group.Machine.
func (m *metaMachine) Begin(*group.Entry) {}

// End implements group.Machine.
func (m *metaMachine) End(e *group.Entry) { storeStamp(m.state, e) }

// Execute implements group.Machine.
func (m *metaMachine) Execute(dst []byte, _ *group.Entry, command []byte) []byte {
	var ch meta.Change
	if err := json.Unmarshal(command, &ch); err != nil {
		return resp.AppendError(dst, "ERR change does not read: "+err.Error())
	}
	next, err := m.node.meta.Apply(ch)
	if err != nil {
		return resp.AppendError(dst, "ERR "+err.Error())
	}
	m.node.meta, m.node.reconciled = next, false
	m.state.Set(metaKey, next.Encode())
	return resp.AppendSimple(dst, "OK")
}

func (n *Node) reloadMeta(st *disk.State) error {
	stored, ok := st.Get(metaKey)
	if !ok {
		return nil // nothing was ever changed
	}
	next, err := meta.Decode(stored)
	if err != nil {
		return err
	}
	n.meta, n.reconciled = next, false
	return nil
}

// Change asks group 0 for a change of the configuration; done is told once, and
// not before this node knows of the change, unless the time is over.
func (n *Node) Change(ch meta.Change, timeout time.Duration, done func(error)) {
	command, err := json.Marshal(ch)
	if err != nil {
		done(err)
		return
	}
	if timeout <= 0 {
		timeout = n.cfg.Timeout
	}
	r, deadline := n.groups[kv.MetaGroup], n.mono+timeout
	o := &op{
		node: n, group: kv.MetaGroup, replica: r,
		level: kv.Linearizable, write: true, command: command, deadline: deadline,
	}
	o.req = &Request{Done: changed(func(stamp clock.Timestamp, err error) {
		if err != nil {
			done(err)
			return
		}
		n.await(awaiting{func() bool { return r.Closed() >= stamp }, deadline, nil, done})
	})}
	n.ops.add(o)
	n.dispatch(o)
}

// changed turns a reply of group 0 into an error, with the change's stamp.
type changed func(clock.Timestamp, error)

// Complete implements Completer.
func (f changed) Complete(_ *Request, reply []byte, rc kv.Receipt, err error) {
	if err == nil && len(reply) > 0 && reply[0] == '-' {
		text := string(reply[1 : len(reply)-2])
		err = kv.Errorf(kv.KindErr, "%s", text[len("ERR "):])
	}
	f(rc.Stamp, err)
}
