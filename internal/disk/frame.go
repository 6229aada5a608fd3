package disk

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is one round's write. Its layout, from an offset that is a multiple
// of frameAlign:
//
//	length   u32  all of it, a multiple of frameAlign
//	body     u32  bytes of records
//	flags    u8, 7 bytes of zero
//	bodySum  u32  crc32c of everything after the header, as it is on disk
//	segment  u64  the segment's number
//	headSum  u32  crc32c of the offset and the header before this field
//	body, zeros, saved bytes, last stamp
//
// Headers never straddle a sector, so they are written whole or not at all. In
// each further sector the last two bytes are a stamp that is never zero; the
// bytes that belong there are saved at the frame's end. (NTFS protects its
// records in the same way.) Segments are zeros before they are written, so a
// sector that the drive lost is all zeros with its stamp, and a sector with
// flipped bits is not: that tells a torn write from bit rot, when no later
// frame proves that this one was synced.
const (
	sectorSize  = 512
	frameAlign  = 32
	frameHeader = 32
	stampSize   = 2

	// maxFrameBody bounds a round, far above what a node sends in one.
	maxFrameBody = 1 << 30
)

const (
	flagCheckpoint = 1 << iota // the body begins with a checkpoint
	flagUnsynced               // written with Options.Sync off: proves nothing of earlier frames
	flagSeal                   // the segment's last: the next segment exists
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameLen is the length of a frame with a body of n bytes: with room for a
// saved stamp in every sector, twice what is needed, at any offset.
func frameLen(n int) int {
	l := frameHeader + n + 8 + stampSize*(n/256)
	return (l + frameAlign - 1) &^ (frameAlign - 1)
}

func stamp(segment uint64) uint16 { return 0x8001 | uint16(segment<<3) }

// eachSector calls fn with the bounds of each sector after the header's own,
// relative to the frame.
func eachSector(off int64, length int, fn func(lo, hi int) bool) bool {
	for lo := sectorSize - int(off%sectorSize); lo < length; lo += sectorSize {
		if !fn(lo, min(lo+sectorSize, length)) {
			return false
		}
	}
	return true
}

// eachSaved calls fn with each stamp's place that may hold record bytes, and
// the place where those bytes are saved. The saved bytes fill the frame from
// its end backwards, leaving out the places of stamps.
func eachSaved(off int64, length int, fn func(place, saved int)) {
	saved := length - 2*stampSize
	eachSector(off, length, func(_, hi int) bool {
		place := hi - stampSize
		if (int(off%sectorSize)+saved)%sectorSize == sectorSize-stampSize {
			saved -= stampSize
		}
		if place >= saved {
			return false
		}
		fn(place, saved)
		saved -= stampSize
		return true
	})
}

// sealFrame completes a frame in buf: the caller left frameHeader bytes for the
// header, put the records after them, and padded with zeros to frameLen.
func sealFrame(buf []byte, body int, segment uint64, off int64, flags byte) {
	s := stamp(segment)
	eachSaved(off, len(buf), func(place, saved int) {
		copy(buf[saved:saved+stampSize], buf[place:place+stampSize])
	})
	eachSector(off, len(buf), func(_, hi int) bool {
		binary.LittleEndian.PutUint16(buf[hi-stampSize:], s)
		return true
	})
	binary.LittleEndian.PutUint32(buf[0:], uint32(len(buf)))
	binary.LittleEndian.PutUint32(buf[4:], uint32(body))
	clear(buf[8:16])
	buf[8] = flags
	binary.LittleEndian.PutUint32(buf[16:], crc32.Checksum(buf[frameHeader:], castagnoli))
	binary.LittleEndian.PutUint64(buf[20:], segment)
	binary.LittleEndian.PutUint32(buf[28:], headSum(buf, off))
}

func headSum(h []byte, off int64) uint32 {
	var o [8]byte
	binary.LittleEndian.PutUint64(o[:], uint64(off))
	return crc32.Update(crc32.Checksum(o[:], castagnoli), castagnoli, h[:28])
}

type frameState int

const (
	frameOK     frameState = iota
	frameNone              // zeros: nothing was written here
	frameTorn              // sectors of it were never written
	frameRotten            // it was written, and has changed since
)

type frame struct {
	off    int64
	length int
	body   int
	flags  byte
}

// parseFrame looks at the frame at off of a segment's bytes. It trusts nothing
// but checksums and reserves no memory.
func parseFrame(data []byte, off int64, segment uint64) (frame, frameState) {
	rest := data[min(off, int64(len(data))):]
	if len(rest) < frameHeader {
		if allZero(rest) {
			return frame{}, frameNone
		}
		return frame{}, frameTorn
	}
	if allZero(rest[:frameHeader]) {
		return frame{}, frameNone
	}
	f := frame{
		off:    off,
		length: int(binary.LittleEndian.Uint32(rest[0:])),
		body:   int(binary.LittleEndian.Uint32(rest[4:])),
		flags:  rest[8],
	}
	if binary.LittleEndian.Uint32(rest[28:]) != headSum(rest, off) ||
		binary.LittleEndian.Uint64(rest[20:]) != segment ||
		f.body > maxFrameBody || f.length != frameLen(f.body) {
		return frame{}, frameRotten
	}
	if len(rest) < f.length {
		return f, frameTorn
	}
	rest = rest[:f.length]
	if crc32.Checksum(rest[frameHeader:], castagnoli) == binary.LittleEndian.Uint32(rest[16:]) {
		return f, frameOK
	}
	whole := eachSector(off, f.length, func(lo, hi int) bool { return !allZero(rest[lo:hi]) })
	if !whole {
		return f, frameTorn
	}
	return f, frameRotten
}

// records copies a good frame's records out of the segment's bytes.
func (f frame) records(data []byte) []byte {
	raw := data[f.off : f.off+int64(f.length)]
	body := make([]byte, f.body)
	copy(body, raw[frameHeader:])
	eachSaved(f.off, f.length, func(place, saved int) {
		if at := place - frameHeader; at < f.body {
			copy(body[at:], raw[saved:saved+stampSize])
		}
	})
	return body
}

// provesSynced says whether a frame that could only be written when everything
// before it was synced is found at or after off.
func provesSynced(data []byte, off int64, segment uint64) bool {
	for ; off+frameHeader <= int64(len(data)); off += frameAlign {
		if binary.LittleEndian.Uint64(data[off:]) == 0 {
			continue
		}
		if f, st := parseFrame(data, off, segment); st == frameOK && f.flags&flagUnsynced == 0 {
			return true
		}
	}
	return false
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
