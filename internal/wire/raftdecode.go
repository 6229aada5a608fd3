package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// messageBox is a message together with what its pointers point to, so that
// one allocation serves for all of it.
type messageBox struct {
	m       raftpb.Message
	typ     raftpb.MessageType
	nums    [8]uint64
	reject  bool
	context [16]byte // short contexts, as that of a transfer
}

// entryBox is the same for an entry.
type entryBox struct {
	e           raftpb.Entry
	term, index uint64
	typ         raftpb.EntryType
}

// DecodeRaft reads the payload of a FrameRaft. The message shares nothing
// with b. The data of all its entries lies in one block of memory, and the
// entries in another: keeping one of them keeps all. Damaged input gives a
// *FrameError; memory is taken only for what was found to be in b.
func DecodeRaft(b []byte) (group uint64, m *raftpb.Message, err error) {
	r := reader{b: b, entries: MaxEntries, responses: maxResponses}
	group = r.uvarint()
	m = r.message(1)
	if r.err == nil && len(r.b) > 0 {
		r.fail(fmt.Errorf("%d bytes are left over", len(r.b)))
	}
	if r.err != nil {
		return 0, nil, frameErrorf("raft message does not read: %v", r.err)
	}
	return group, m, nil
}

var errShort = errors.New("it ends early")

// reader takes values from the front of b. After its first error, which
// stays, everything reads as zero.
type reader struct {
	b                  []byte
	err                error
	entries, responses int // how many more are allowed
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// enum reads a value that must be below bound.
func (r *reader) enum(what string, bound int) int32 {
	v := r.uvarint()
	if v >= uint64(bound) {
		r.fail(fmt.Errorf("%s %d is not known", what, v))
		return 0
	}
	return int32(v)
}

// flags reads n bytes of flags, of which only those in allowed may be set.
func (r *reader) flags(n int, allowed uint16) uint16 {
	var v uint16
	for i, c := range r.bytes(uint64(n)) {
		v |= uint16(c) << (8 * i)
	}
	if v&^allowed != 0 {
		r.fail(fmt.Errorf("flags %#x are not known", v&^allowed))
		return 0
	}
	return v
}

// bytes is the next n bytes; they alias the input.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail(errShort)
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// count reads how many things follow: at most limit, and each takes at least
// one byte.
func (r *reader) count(what string, limit int) int {
	n := r.uvarint()
	switch {
	case n > uint64(limit):
		r.fail(fmt.Errorf("%d %s are too many", n, what))
	case n > uint64(len(r.b)):
		r.fail(errShort)
	default:
		return int(n)
	}
	return 0
}

func (r *reader) message(depth int) *raftpb.Message {
	flags := r.flags(2, messageFlags)
	box := &messageBox{}
	m := &box.m
	if flags&hasType != 0 {
		box.typ = raftpb.MessageType(r.enum("message type", len(raftpb.MessageType_name)))
		m.Type = &box.typ
	}
	for i, p := range [...]**uint64{&m.To, &m.From, &m.Term, &m.LogTerm, &m.Index, &m.Commit, &m.Vote, &m.RejectHint} {
		if flags&(hasTo<<i) != 0 {
			box.nums[i] = r.uvarint()
			*p = &box.nums[i]
		}
	}
	if flags&hasContext != 0 {
		m.Context = append(box.context[:0:len(box.context)], r.bytes(r.uvarint())...)
	}
	if flags&hasEntries != 0 {
		m.Entries = r.entryList(m.GetLogTerm(), m.GetIndex())
	}
	if flags&hasSnapshot != 0 {
		m.Snapshot = r.snapshot()
	}
	if flags&hasResponses != 0 {
		m.Responses = r.responseList(depth)
	}
	if flags&hasReject != 0 {
		box.reject = flags&isReject != 0
		m.Reject = &box.reject
	}
	return m
}

func (r *reader) responseList(depth int) []*raftpb.Message {
	if depth == maxDepth {
		r.fail(fmt.Errorf("responses are nested deeper than %d", maxDepth))
		return nil
	}
	n := r.count("responses", r.responses)
	r.responses -= n
	var list []*raftpb.Message
	for i := 0; i < n && r.err == nil; i++ {
		list = append(list, r.message(depth+1))
	}
	return list
}

// entryHead is the header of one entry, as read.
type entryHead struct {
	flags            uint16
	term, index, len uint64
	typ              int32
}

// entryHead reads the header of an entry that follows one of the given term
// and index.
func (r *reader) entryHead(term, index uint64) (h entryHead) {
	h.flags = r.flags(1, entryFlags)
	if h.flags&entrySuccessor != 0 {
		if h.flags&(entryTerm|entryIndex) != 0 {
			r.fail(fmt.Errorf("entry flags %#x contradict each other", h.flags))
		}
		h.flags |= entryTerm | entryIndex
		h.term, h.index = term, index+1
	} else {
		if h.flags&entryTerm != 0 {
			h.term = r.uvarint()
		}
		if h.flags&entryIndex != 0 {
			h.index = r.uvarint()
		}
	}
	if h.flags&entryType != 0 {
		h.typ = r.enum("entry type", len(raftpb.EntryType_name))
	}
	if h.flags&entryData != 0 {
		h.len = r.uvarint()
	}
	return h
}

// entryList reads the headers twice: once to learn that they and the data are
// there, and then, with memory taken for that much, to fill the entries in.
func (r *reader) entryList(term, index uint64) []*raftpb.Entry {
	n := r.count("entries", r.entries)
	r.entries -= n
	heads := r.b
	var total uint64
	for range n {
		h := r.entryHead(0, 0)
		if h.len > uint64(len(r.b)) { // before it is added up, which could overflow
			r.fail(errShort)
		}
		total += h.len
		if r.err != nil {
			return nil
		}
	}
	block := r.bytes(total)
	if r.err != nil {
		return nil
	}
	rest := r.b
	r.b = heads
	list := r.fillEntries(make([]entryBox, n), append([]byte(nil), block...), term, index)
	r.b = rest
	return list
}

func (r *reader) fillEntries(boxes []entryBox, data []byte, term, index uint64) []*raftpb.Entry {
	list := make([]*raftpb.Entry, len(boxes))
	for i := range boxes {
		h, box := r.entryHead(term, index), &boxes[i]
		term, index = h.term, h.index
		if h.flags&entryTerm != 0 {
			box.term = h.term
			box.e.Term = &box.term
		}
		if h.flags&entryIndex != 0 {
			box.index = h.index
			box.e.Index = &box.index
		}
		if h.flags&entryType != 0 {
			box.typ = raftpb.EntryType(h.typ)
			box.e.Type = &box.typ
		}
		if h.flags&entryData != 0 {
			box.e.Data = sliceOf(data, h.len)
			data = data[h.len:]
		}
		list[i] = &box.e
	}
	return list
}

// sliceOf is the first n bytes of data. It is never nil, for an empty value
// is not an absent one, and appending to it does not reach what comes after.
func sliceOf(data []byte, n uint64) []byte {
	if n == 0 {
		return []byte{}
	}
	return data[:n:n]
}

func (r *reader) snapshot() *raftpb.Snapshot {
	s := &raftpb.Snapshot{}
	flags := r.flags(1, snapFlags)
	if flags&snapData != 0 {
		s.Data = append([]byte{}, r.bytes(r.uvarint())...)
	}
	if flags&snapMeta == 0 {
		return s
	}
	s.Metadata = &raftpb.SnapshotMetadata{}
	if flags&snapIndex != 0 {
		s.Metadata.Index = new(r.uvarint())
	}
	if flags&snapTerm != 0 {
		s.Metadata.Term = new(r.uvarint())
	}
	if flags&snapConf != 0 {
		c := &raftpb.ConfState{}
		if flags&confAutoLeave != 0 {
			c.AutoLeave = new(flags&confIsAutoLeave != 0)
		}
		for _, list := range [...]*[]uint64{&c.Voters, &c.Learners, &c.VotersOutgoing, &c.LearnersNext} {
			*list = r.members()
		}
		s.Metadata.ConfState = c
	}
	return s
}

func (r *reader) members() []uint64 {
	n := r.count("members", maxMembers)
	if n == 0 {
		return nil
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = r.uvarint()
	}
	return list
}
