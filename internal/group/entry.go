package group

import (
	"encoding/binary"
	"fmt"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// An entry is one batch of commands:
//
//	version 1 byte | origin 8 | boot 8 | seq 8 | stamp 8 | seed 8 | count 4 |
//	count times: length 4, command
//
// Integers are big endian. Origin, boot and seq name the batch uniquely, so
// that the node that proposed it finds its waiters again.
const (
	entryVersion = 1
	headerSize   = 1 + 5*8 + 4
	nameEnd      = 1 + 3*8 // version, origin, boot and seq
)

// Entry is a decoded batch. Its commands alias the bytes it was decoded from.
type Entry struct {
	Index, Term uint64
	Origin      kv.NodeID
	Boot, Seq   uint64
	Stamp       clock.Timestamp // as the group orders it: above the stamps of all entries before
	Seed        uint64          // randomness for commands that need some
	Commands    [][]byte
}

// batch gathers the commands of the next entry in the form of the entry. Raft
// copies it, so that its memory serves another batch when all waiters are told.
type batch struct {
	data    []byte
	waiters []Waiter
	seq     uint64
	index   uint64 // where the leader appended it; 0 before
}

// Of the batches that were told, a group keeps keptBatches for the next ones,
// if they are not larger than keptBatch bytes.
const (
	keptBatches = 4
	keptBatch   = 1 << 20
)

func (g *Group) newBatch() *batch {
	last := len(g.spare) - 1
	if last < 0 {
		return new(batch)
	}
	b := g.spare[last]
	g.spare[last] = nil
	g.spare = g.spare[:last]
	return b
}

// recycle takes a batch that nobody refers to any more.
func (g *Group) recycle(b *batch) {
	if len(g.spare) == keptBatches || cap(b.data) > keptBatch {
		return
	}
	clear(b.waiters)
	*b = batch{data: b.data[:0], waiters: b.waiters[:0]}
	g.spare = append(g.spare, b)
}

func (b *batch) fail(err error) {
	for _, w := range b.waiters {
		w.Failed(err)
	}
}

func (b *batch) add(command []byte, w Waiter) {
	if len(b.data) == 0 {
		b.data = append(b.data, make([]byte, headerSize)...)
	}
	b.data = binary.BigEndian.AppendUint32(b.data, uint32(len(command)))
	b.data = append(b.data, command...)
	b.waiters = append(b.waiters, w)
}

func (b *batch) seal(origin kv.NodeID, boot uint64, stamp clock.Timestamp, seed uint64) {
	if len(b.data) == 0 {
		b.data = append(b.data, make([]byte, headerSize)...)
	}
	b.data[0] = entryVersion
	h := b.data[1:]
	binary.BigEndian.PutUint64(h, uint64(origin))
	binary.BigEndian.PutUint64(h[8:], boot)
	binary.BigEndian.PutUint64(h[16:], b.seq)
	binary.BigEndian.PutUint64(h[24:], uint64(stamp))
	binary.BigEndian.PutUint64(h[32:], seed)
	binary.BigEndian.PutUint32(h[40:], uint32(len(b.waiters)))
}

// StampOf is the stamp in an entry's data; 0 for the empty entry that Raft
// itself appends after an election.
func StampOf(data []byte) clock.Timestamp {
	if len(data) < headerSize {
		return 0
	}
	return clock.Timestamp(binary.BigEndian.Uint64(data[25:]))
}

// decode reads data into e, reusing e's slice of commands.
func (e *Entry) decode(data []byte) error {
	if len(data) < headerSize || data[0] != entryVersion {
		return fmt.Errorf("entry %d: not an entry of version %d (%d bytes)", e.Index, entryVersion, len(data))
	}
	h := data[1:]
	e.Origin = kv.NodeID(binary.BigEndian.Uint64(h))
	e.Boot = binary.BigEndian.Uint64(h[8:])
	e.Seq = binary.BigEndian.Uint64(h[16:])
	e.Stamp = clock.Timestamp(binary.BigEndian.Uint64(h[24:]))
	e.Seed = binary.BigEndian.Uint64(h[32:])
	count := binary.BigEndian.Uint32(h[40:])
	e.Commands = e.Commands[:0]
	rest := data[headerSize:]
	for i := range count {
		if len(rest) < 4 {
			return fmt.Errorf("entry %d: ends before command %d of %d", e.Index, i, count)
		}
		n := binary.BigEndian.Uint32(rest)
		if uint64(n) > uint64(len(rest)-4) {
			return fmt.Errorf("entry %d: command %d declares %d bytes, %d are left", e.Index, i, n, len(rest)-4)
		}
		e.Commands = append(e.Commands, rest[4:4+n])
		rest = rest[4+n:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("entry %d: %d bytes after its last command", e.Index, len(rest))
	}
	return nil
}
