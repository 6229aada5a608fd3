package wire

import (
	"encoding/binary"

	"go.etcd.io/raft/v3/raftpb"
)

// Flags of a message: which fields are present. The order of the bits up to
// hasContext is the order of the fields.
const (
	hasType = 1 << iota
	hasTo
	hasFrom
	hasTerm
	hasLogTerm
	hasIndex
	hasCommit
	hasVote
	hasRejectHint
	hasContext
	hasEntries
	hasSnapshot
	hasResponses
	hasReject
	isReject

	messageFlags = 1<<15 - 1
)

// Flags of an entry. With entrySuccessor neither entryTerm nor entryIndex is
// set.
const (
	entryTerm = 1 << iota
	entryIndex
	entryType
	entryData
	entrySuccessor

	entryFlags = 1<<5 - 1
)

// Flags of a snapshot. snapConf and the two after it need snapMeta.
const (
	snapData = 1 << iota
	snapMeta
	snapIndex
	snapTerm
	snapConf
	confAutoLeave
	confIsAutoLeave

	snapFlags = 1<<7 - 1
)

// MaxEntries is the number of entries that one message may carry, and
// maxResponses that of the messages nested in it: a few bytes on the wire
// become a few hundred in memory, so both are bounded.
const (
	MaxEntries   = 1 << 20
	maxResponses = 1 << 10
	maxMembers   = 1 << 14 // of one list of a configuration
	maxDepth     = 4
)

// AppendRaft appends the payload of a FrameRaft: the message m of a group. It
// only reads m. A message with more than MaxEntries entries is written, but
// DecodeRaft refuses it; raft.Config.MaxSizePerMsg keeps them far below.
func AppendRaft(dst []byte, group uint64, m *raftpb.Message) []byte {
	return appendMessage(binary.AppendUvarint(dst, group), m)
}

func appendMessage(dst []byte, m *raftpb.Message) []byte {
	flagsAt := len(dst)
	dst = append(dst, 0, 0)
	var flags uint16
	if m.Type != nil {
		flags |= hasType
		dst = binary.AppendUvarint(dst, uint64(uint32(*m.Type)))
	}
	for i, p := range [...]*uint64{m.To, m.From, m.Term, m.LogTerm, m.Index, m.Commit, m.Vote, m.RejectHint} {
		if p != nil {
			flags |= hasTo << i
			dst = binary.AppendUvarint(dst, *p)
		}
	}
	if m.Context != nil {
		flags |= hasContext
		dst = appendBytes(dst, m.Context)
	}
	if len(m.Entries) > 0 {
		flags |= hasEntries
		dst = appendEntries(dst, m)
	}
	if m.Snapshot != nil {
		flags |= hasSnapshot
		dst = appendSnapshot(dst, m.Snapshot)
	}
	if len(m.Responses) > 0 {
		flags |= hasResponses
		dst = binary.AppendUvarint(dst, uint64(len(m.Responses)))
		for _, r := range m.Responses {
			dst = appendMessage(dst, r)
		}
	}
	if m.Reject != nil {
		flags |= hasReject
		if *m.Reject {
			flags |= isReject
		}
	}
	binary.LittleEndian.PutUint16(dst[flagsAt:], flags)
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendEntries(dst []byte, m *raftpb.Message) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(m.Entries)))
	term, index := m.GetLogTerm(), m.GetIndex()
	for _, e := range m.Entries {
		dst = appendEntryHeader(dst, e, term, index)
		term, index = e.GetTerm(), e.GetIndex()
	}
	for _, e := range m.Entries {
		dst = append(dst, e.GetData()...)
	}
	return dst
}

// appendEntryHeader writes the header of e, which follows an entry of the
// given term and index.
func appendEntryHeader(dst []byte, e *raftpb.Entry, term, index uint64) []byte {
	flagsAt := len(dst)
	dst = append(dst, 0)
	if e == nil {
		return dst
	}
	var flags byte
	if e.Term != nil && e.Index != nil && *e.Term == term && *e.Index == index+1 {
		flags |= entrySuccessor
	} else {
		if e.Term != nil {
			flags |= entryTerm
			dst = binary.AppendUvarint(dst, *e.Term)
		}
		if e.Index != nil {
			flags |= entryIndex
			dst = binary.AppendUvarint(dst, *e.Index)
		}
	}
	if e.Type != nil {
		flags |= entryType
		dst = binary.AppendUvarint(dst, uint64(uint32(*e.Type)))
	}
	if e.Data != nil {
		flags |= entryData
		dst = binary.AppendUvarint(dst, uint64(len(e.Data)))
	}
	dst[flagsAt] = flags
	return dst
}

func appendSnapshot(dst []byte, s *raftpb.Snapshot) []byte {
	flagsAt := len(dst)
	dst = append(dst, 0)
	var flags byte
	if s.Data != nil {
		flags |= snapData
		dst = appendBytes(dst, s.Data)
	}
	if meta := s.Metadata; meta != nil {
		flags |= snapMeta
		if meta.Index != nil {
			flags |= snapIndex
			dst = binary.AppendUvarint(dst, *meta.Index)
		}
		if meta.Term != nil {
			flags |= snapTerm
			dst = binary.AppendUvarint(dst, *meta.Term)
		}
		if c := meta.ConfState; c != nil {
			flags |= snapConf
			if c.AutoLeave != nil {
				flags |= confAutoLeave
				if *c.AutoLeave {
					flags |= confIsAutoLeave
				}
			}
			dst = appendConf(dst, c)
		}
	}
	dst[flagsAt] = flags
	return dst
}

func appendConf(dst []byte, c *raftpb.ConfState) []byte {
	for _, list := range [...][]uint64{c.Voters, c.Learners, c.VotersOutgoing, c.LearnersNext} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, id := range list {
			dst = binary.AppendUvarint(dst, id)
		}
	}
	return dst
}
