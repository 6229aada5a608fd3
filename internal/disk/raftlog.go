package disk

import (
	"fmt"
	"math/bits"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Log is one group's Raft log. It implements raft.Storage from memory: all
// retained entries are there. Entries become visible with Disk.Append, and
// durable with Disk.Sync.
type Log struct {
	d     *Disk
	group uint64
	hard  hardState
	conf  *raftpb.ConfState

	base, baseTerm uint64          // truncation point: what raft calls FirstIndex-1
	ents           []*raftpb.Entry // ents[i] has index base+1+i
	bytes          int64           // of entry data in ents
	installed      installMark

	// high is the highest index of an entry in the segment being written.
	high uint64
}

var _ raft.Storage = (*Log)(nil)

// SetConfState gives the configuration as of the applied index. The node calls
// it at start and after each applied configuration change; it is kept in
// memory only, since it is a part of the node's own replicated state.
func (l *Log) SetConfState(cs *raftpb.ConfState) { l.conf = cloneConf(cs) }

func cloneConf(cs *raftpb.ConfState) *raftpb.ConfState {
	return &raftpb.ConfState{
		Voters:         append([]uint64(nil), cs.GetVoters()...),
		Learners:       append([]uint64(nil), cs.GetLearners()...),
		VotersOutgoing: append([]uint64(nil), cs.GetVotersOutgoing()...),
		LearnersNext:   append([]uint64(nil), cs.GetLearnersNext()...),
		AutoLeave:      new(cs.GetAutoLeave()),
	}
}

// InitialState is the hard state, nil if there is none yet, and what
// SetConfState was given.
func (l *Log) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	conf := cloneConf(l.conf)
	if l.hard == (hardState{}) {
		return nil, conf, nil
	}
	return &raftpb.HardState{Term: new(l.hard.term), Vote: new(l.hard.vote), Commit: new(l.hard.commit)}, conf, nil
}

// Entries are those in [lo, hi), cut so that their encoded size is at most
// maxSize bytes, but at least one. They stay valid, and must not be changed.
func (l *Log) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	if lo <= l.base {
		return nil, raft.ErrCompacted
	}
	if hi > l.last()+1 || lo > hi {
		return nil, raft.ErrUnavailable
	}
	ents := l.ents[lo-l.base-1 : hi-l.base-1]
	var size uint64
	for i, e := range ents {
		size += entrySize(e)
		if size > maxSize && i > 0 {
			ents = ents[:i]
			break
		}
	}
	return ents[:len(ents):len(ents)], nil
}

// Term is the term of entry i, also of the one before FirstIndex.
func (l *Log) Term(i uint64) (uint64, error) {
	switch {
	case i < l.base:
		return 0, raft.ErrCompacted
	case i > l.last():
		return 0, raft.ErrUnavailable
	}
	return l.term(i), nil
}

// LastIndex is the index of the last entry.
func (l *Log) LastIndex() (uint64, error) { return l.last(), nil }

// FirstIndex is the index of the first retained entry.
func (l *Log) FirstIndex() (uint64, error) { return l.base + 1, nil }

// Snapshot is the metadata of the snapshot that Disk.Snapshot would give now:
// the applied index and the configuration. It carries no data, which the node
// streams.
func (l *Log) Snapshot() (*raftpb.Snapshot, error) {
	s := l.d.states[l.group]
	if s == nil || s.applied == 0 {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
		ConfState: cloneConf(l.conf),
		Index:     new(s.applied),
		Term:      new(s.appliedTerm),
	}}, nil
}

func (l *Log) last() uint64 { return l.base + uint64(len(l.ents)) }

// term is the term of an index between base and last.
func (l *Log) term(i uint64) uint64 {
	if i == l.base {
		return l.baseTerm
	}
	return l.ents[i-l.base-1].GetTerm()
}

// fit is the part of the entries that belongs into the log: those at or below
// the truncation point are known already.
func (l *Log) fit(ents []*raftpb.Entry) ([]*raftpb.Entry, error) {
	first := ents[0].GetIndex()
	if first > l.last()+1 {
		return nil, fmt.Errorf("disk: group %d: append at index %d leaves a gap after %d", l.group, first, l.last())
	}
	for i, e := range ents {
		if e.GetIndex() != first+uint64(i) {
			return nil, fmt.Errorf("disk: group %d: entries to append are not consecutive at index %d", l.group, e.GetIndex())
		}
	}
	if first <= l.base {
		ents = ents[min(l.base+1-first, uint64(len(ents))):]
	}
	return ents, nil
}

// put appends entries, replacing the suffix from the first one's index. Slices
// that Entries gave out keep their contents.
func (l *Log) put(ents []*raftpb.Entry) {
	at := ents[0].GetIndex() - l.base - 1
	if at < uint64(len(l.ents)) {
		for _, e := range l.ents[at:] {
			l.bytes -= int64(len(e.GetData()))
		}
		l.ents = l.ents[:at:at]
	}
	l.ents = append(l.ents, ents...)
	for _, e := range ents {
		l.bytes += int64(len(e.GetData()))
	}
	l.high = max(l.high, l.last())
}

// truncate forgets the entries up to index, which lies between base and last.
func (l *Log) truncate(index uint64) {
	term := l.term(index)
	gone := index - l.base
	for _, e := range l.ents[:gone] {
		l.bytes -= int64(len(e.GetData()))
	}
	// A new slice, so that the old array does not keep the entries.
	l.ents = append(make([]*raftpb.Entry, 0, uint64(len(l.ents))-gone+16), l.ents[gone:]...)
	l.base, l.baseTerm = index, term
}

// reset empties the log; it goes on after index.
func (l *Log) reset(index, term uint64) {
	l.base, l.baseTerm, l.ents, l.bytes = index, term, nil, 0
}

func (l *Log) mark() groupMark {
	return groupMark{
		hard: l.hard, base: l.base, baseTerm: l.baseTerm,
		last: l.last(), lastTerm: l.term(l.last()), installed: l.installed,
	}
}

// entrySize is proto.Size without reflection.
func entrySize(e *raftpb.Entry) uint64 {
	n := 0
	if e.Type != nil {
		n += 1 + varintLen(uint64(*e.Type))
	}
	if e.Term != nil {
		n += 1 + varintLen(*e.Term)
	}
	if e.Index != nil {
		n += 1 + varintLen(*e.Index)
	}
	if e.Data != nil {
		n += 1 + varintLen(uint64(len(e.Data))) + len(e.Data)
	}
	return uint64(n)
}

func varintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
