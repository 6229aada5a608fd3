package disk

import (
	"encoding/binary"
	"errors"

	"go.etcd.io/raft/v3/raftpb"
)

// Records are what frames hold: a kind, a group, and numbers as varints.
const (
	recHard     = 1 // term, vote, commit
	recEntries  = 2 // first index, count, then term, type, length and data of each
	recTruncate = 3 // index, term: the entries up to there are no longer needed
	recReset    = 4 // index, term: the log is empty and begins after there
	recInstall  = 5 // index, term, epoch: as recReset, and the state is that epoch's
	recDrop     = 6 // the group is gone
	recGroup    = 7 // in a checkpoint: all of a group but its entries
)

// groupMark is a group's part of a checkpoint.
type groupMark struct {
	hard           hardState
	base, baseTerm uint64 // truncation point
	last, lastTerm uint64
	installed      installMark
}

// installMark says which snapshot the state came from, and under which epoch.
type installMark struct {
	index, term uint64
	epoch       uint32
}

type hardState struct{ term, vote, commit uint64 }

var errRecord = errors.New("a record is malformed")

func appendHead(b []byte, kind byte, group uint64) []byte {
	return binary.AppendUvarint(append(b, kind), group)
}

func appendNumbers(b []byte, ns ...uint64) []byte {
	for _, n := range ns {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func appendHard(b []byte, group uint64, h hardState) []byte {
	return appendNumbers(appendHead(b, recHard, group), h.term, h.vote, h.commit)
}

func appendPoint(b []byte, kind byte, group, index, term uint64) []byte {
	return appendNumbers(appendHead(b, kind, group), index, term)
}

func appendInstall(b []byte, group uint64, m installMark) []byte {
	return appendNumbers(appendHead(b, recInstall, group), m.index, m.term, uint64(m.epoch))
}

func appendGroup(b []byte, group uint64, m groupMark) []byte {
	return appendNumbers(appendHead(b, recGroup, group),
		m.hard.term, m.hard.vote, m.hard.commit, m.base, m.baseTerm, m.last, m.lastTerm,
		m.installed.index, m.installed.term, uint64(m.installed.epoch))
}

// appendEntries copies the entries' data once, into b.
func appendEntries(b []byte, group uint64, ents []*raftpb.Entry) []byte {
	b = appendNumbers(appendHead(b, recEntries, group), ents[0].GetIndex(), uint64(len(ents)))
	for _, e := range ents {
		data := e.GetData()
		b = appendNumbers(b, e.GetTerm(), uint64(e.GetType()), uint64(len(data)))
		b = append(b, data...)
	}
	return b
}

// recordReader takes a frame's records apart. After a malformed one every
// method returns zero and bad is set.
type recordReader struct {
	b   []byte
	bad bool
}

func (r *recordReader) more() bool { return len(r.b) > 0 && !r.bad }

func (r *recordReader) number() uint64 {
	n, w := binary.Uvarint(r.b)
	if w <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[w:]
	return n
}

func (r *recordReader) head() (kind byte, group uint64) {
	if len(r.b) == 0 {
		r.bad = true
		return 0, 0
	}
	kind, r.b = r.b[0], r.b[1:]
	return kind, r.number()
}

// bytes is a part of the reader's own memory; nil when n is 0.
func (r *recordReader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	d := r.b[:n:n]
	r.b = r.b[n:]
	return d
}

func (r *recordReader) hard() hardState {
	return hardState{term: r.number(), vote: r.number(), commit: r.number()}
}

func (r *recordReader) install() installMark {
	m := installMark{index: r.number(), term: r.number()}
	e := r.number()
	if e > 1<<32-1 {
		r.bad = true
	}
	m.epoch = uint32(e)
	return m
}

func (r *recordReader) group() groupMark {
	return groupMark{
		hard: r.hard(),
		base: r.number(), baseTerm: r.number(), last: r.number(), lastTerm: r.number(),
		installed: r.install(),
	}
}

// entryCell keeps an entry and what its fields point to in one allocation.
type entryCell struct {
	e           raftpb.Entry
	term, index uint64
	typ         raftpb.EntryType
}

func newEntry(term, index uint64, typ raftpb.EntryType, data []byte) *raftpb.Entry {
	c := &entryCell{term: term, index: index, typ: typ}
	c.e.Term, c.e.Index, c.e.Data = &c.term, &c.index, data
	if typ != raftpb.EntryNormal {
		c.e.Type = &c.typ
	}
	return &c.e
}

// entries reads entries whose data stay in the reader's memory. A declared
// count beyond what the frame can hold, at three bytes an entry, is malformed.
func (r *recordReader) entries() []*raftpb.Entry {
	first, n := r.number(), r.number()
	if r.bad || first == 0 || n == 0 || n > uint64(len(r.b)/3) || first+n < first {
		r.bad = true
		return nil
	}
	ents := make([]*raftpb.Entry, 0, n)
	for i := range n {
		term, typ := r.number(), r.number()
		data := r.bytes(r.number())
		if r.bad || typ > uint64(raftpb.EntryConfChangeV2) {
			r.bad = true
			return nil
		}
		ents = append(ents, newEntry(term, first+i, raftpb.EntryType(typ), data))
	}
	return ents
}
