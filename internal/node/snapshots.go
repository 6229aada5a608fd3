package node

import (
	"encoding/binary"
	"errors"
	"io"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// snapshotBacklog is how much of a snapshot may wait to be sent, in bytes.
const snapshotBacklog = 4 << 20

// A snapshot frame is: group 8 bytes | index 8 | number 4 | last 1 | chunk, or
// in the last frame the Raft message that installs it.
const snapshotHead = 8 + 8 + 4 + 1

type outgoing struct {
	r      *replica
	to     kv.NodeID
	msg    *raftpb.Message
	reader *disk.SnapshotReader
	number uint32
}

type incoming struct {
	from    kv.NodeID
	index   uint64
	number  uint32
	writer  *disk.SnapshotWriter
	msg     *raftpb.Message // set when all has come
	stepped bool
}

// snapshotTable holds the snapshots under way in both directions.
type snapshotTable struct {
	out []*outgoing
	in  map[kv.GroupID]*incoming
}

func (t *snapshotTable) init() { t.in = map[kv.GroupID]*incoming{} }

// start begins to send what Raft asks for: the state as it is now, which may
// be further on than when Raft asked.
func (t *snapshotTable) start(n *Node, r *replica, m *raftpb.Message) {
	to := kv.NodeID(m.GetTo())
	for _, s := range t.out {
		if s.r == r && s.to == to {
			return
		}
	}
	reader, err := n.disk.Snapshot(uint64(r.id))
	if err != nil {
		n.cfg.Log.Error("a snapshot cannot be taken", "group", r.id.String(), "error", err)
		r.ReportSnapshot(to, false)
		return
	}
	m = proto.Clone(m).(*raftpb.Message)
	index, term := reader.Index(), reader.Term()
	m.Snapshot.Metadata.Index, m.Snapshot.Metadata.Term = &index, &term
	t.out = append(t.out, &outgoing{r: r, to: to, msg: m, reader: reader})
}

// pump sends more of what goes out and installs what has come in.
func (t *snapshotTable) pump(n *Node) {
	kept := t.out[:0]
	for _, s := range t.out {
		done, err := s.pump(n)
		if !done && err == nil {
			kept = append(kept, s)
			continue
		}
		_ = s.reader.Close()
		s.r.ReportSnapshot(s.to, err == nil)
	}
	t.out = kept
	for _, r := range n.order {
		in := t.in[r.id]
		switch {
		case in == nil:
		case in.stepped: // Raft had no use for it
			in.writer.Abort()
			delete(t.in, r.id)
		case in.msg != nil && in.writer.Done():
			in.stepped = true
			_ = r.Step(in.msg)
		}
	}
}

var errNotConnected = errors.New("not connected")

func (s *outgoing) pump(n *Node) (done bool, err error) {
	for n.net.Backlog(s.to) < snapshotBacklog {
		chunk, err := s.reader.Next()
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return false, err
		}
		b := binary.BigEndian.AppendUint64(n.scratch[:0], uint64(s.r.id))
		b = binary.BigEndian.AppendUint64(b, s.reader.Index())
		b = binary.BigEndian.AppendUint32(b, s.number)
		b = append(b, flag(last))
		if last {
			b = wire.AppendRaft(b, uint64(s.r.id), s.msg)
		} else {
			b = append(b, chunk...)
		}
		n.scratch = b
		s.number++
		if !n.net.Send(s.to, wire.FrameSnapshot, b) {
			return false, errNotConnected
		}
		if last {
			return true, nil
		}
	}
	return false, nil
}

// take stores a piece of a snapshot. One that is out of order ends it; the
// leader will send another.
func (t *snapshotTable) take(n *Node, from kv.NodeID, p []byte) {
	if len(p) < snapshotHead {
		return
	}
	id := kv.GroupID(binary.BigEndian.Uint64(p))
	index, number := binary.BigEndian.Uint64(p[8:]), binary.BigEndian.Uint32(p[16:])
	r, in := n.groups[id], t.in[id]
	if r == nil {
		return
	}
	if number == 0 {
		t.drop(id)
		w, err := n.disk.Receive(uint64(id))
		if err != nil {
			n.cfg.Log.Error("a snapshot cannot be received", "group", id.String(), "error", err)
			return
		}
		in = &incoming{from: from, index: index, writer: w}
		t.in[id] = in
	}
	if in == nil || in.from != from || in.index != index || in.number != number || in.msg != nil {
		return
	}
	in.number++
	if err := in.store(p[20] == 1, p[snapshotHead:]); err != nil {
		n.cfg.Log.Error("a snapshot is given up", "group", id.String(), "from", from.String(), "error", err)
		t.drop(id)
	}
}

func (in *incoming) store(last bool, chunk []byte) error {
	if !last {
		return in.writer.Write(chunk)
	}
	_, m, err := wire.DecodeRaft(chunk)
	if err != nil {
		return err
	}
	md := m.GetSnapshot().GetMetadata()
	if err := in.writer.Finish(md.GetIndex(), md.GetTerm(), md.GetConfState()); err != nil {
		return err
	}
	in.msg = m
	return nil
}

func (t *snapshotTable) drop(id kv.GroupID) {
	if in := t.in[id]; in != nil {
		in.writer.Abort()
		delete(t.in, id)
	}
}

// install makes a received snapshot the replica's state, when Raft says so.
func (t *snapshotTable) install(n *Node, r *replica) error {
	in := t.in[r.id]
	if in == nil || !in.stepped {
		return errors.New("a snapshot is to be installed that was not received")
	}
	delete(t.in, r.id)
	if err := n.disk.Install(in.writer); err != nil {
		return err
	}
	r.SetClosed(storedStamp(r.state))
	if r.machine != nil {
		r.machine.reload()
		return nil
	}
	return n.reloadMeta(r.state)
}
