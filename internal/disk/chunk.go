package disk

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A snapshot travels as chunks:
//
//	sum     u32  crc32c of all that follows
//	version u8
//	kind    u8   pairs, or the end
//	group   u64
//	number  u64  of the chunk, from 0
//
// Then the pairs, in key order over all chunks, each a key and a value with
// their lengths as varints; in the end chunk: the index and term of the
// snapshot, and the number of pairs, as varints.
const (
	chunkVersion = 1
	chunkPairs   = 1
	chunkEnd     = 2
	chunkHeader  = 4 + 1 + 1 + 8 + 8

	// chunkBytes is where a chunk ends; one large value may go beyond.
	chunkBytes = 256 << 10
)

type chunkHead struct {
	kind          byte
	group, number uint64
}

func beginChunk(b []byte, h chunkHead) []byte {
	b = append(b[:0], 0, 0, 0, 0, chunkVersion, h.kind)
	b = binary.BigEndian.AppendUint64(b, h.group)
	return binary.BigEndian.AppendUint64(b, h.number)
}

func appendPair(b, key, val []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, uint64(len(val)))
	return append(b, val...)
}

func sealChunk(b []byte) []byte {
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func openChunk(b []byte) (chunkHead, recordReader, error) {
	if len(b) < chunkHeader {
		return chunkHead{}, recordReader{}, fmt.Errorf("%w: only %d bytes", ErrSnapshotDamaged, len(b))
	}
	if crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return chunkHead{}, recordReader{}, fmt.Errorf("%w: bad checksum", ErrSnapshotDamaged)
	}
	if b[4] != chunkVersion {
		return chunkHead{}, recordReader{}, fmt.Errorf("snapshot chunk has version %d, this program reads version %d", b[4], chunkVersion)
	}
	h := chunkHead{kind: b[5], group: binary.BigEndian.Uint64(b[6:]), number: binary.BigEndian.Uint64(b[14:])}
	return h, recordReader{b: b[chunkHeader:]}, nil
}

// pair reads a key and a value, which are parts of the chunk.
func (r *recordReader) pair() (key, val []byte) {
	key = r.bytes(r.number())
	val = r.bytes(r.number())
	return key, val
}
