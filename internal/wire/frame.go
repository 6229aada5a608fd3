package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// FrameType says what a frame's payload is.
type FrameType uint8

// The frame types of Version 1. The payloads of FrameForward to
// FrameStanding are defined by package node.
const (
	FrameHello    FrameType = 1 // the handshake
	FrameRaft     FrameType = 2 // one Raft message of one group
	FrameForward  FrameType = 3 // a request passed on to another node
	FrameReply    FrameType = 4 // the answer to a forwarded request
	FrameSnapshot FrameType = 5 // a piece of a snapshot
	FramePing     FrameType = 6
	FramePong     FrameType = 7
	FrameInquiry  FrameType = 8  // asks where replicas stand, for reads
	FrameStanding FrameType = 9  // the answer to an inquiry
	FrameControl  FrameType = 10 // one Raft message of one group, without entries
	FramePiece    FrameType = 11 // a part of a long frame
)

var frameNames = [...]string{"", "hello", "raft", "forward", "reply", "snapshot", "ping", "pong", "inquiry", "standing", "control", "piece"}

// Known says whether t is a frame type of this version.
func (t FrameType) Known() bool { return t >= FrameHello && t <= FramePiece }

// Urgent says whether frames of the type may overtake others that were sent
// before: what they say is right whenever it comes, and should come soon.
func (t FrameType) Urgent() bool {
	switch t {
	case FramePing, FramePong, FrameInquiry, FrameStanding, FrameControl:
		return true
	}
	return false
}

func (t FrameType) String() string {
	if t.Known() {
		return frameNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// FrameOverhead is the number of bytes that a frame has beyond its payload.
const FrameOverhead = 9

// DefaultLimit is the largest payload that a Decoder takes when it is not
// told otherwise, in bytes: a command or a reply with values of 64 MiB, the
// small commands before it in its entry, and what surrounds them.
const DefaultLimit = 64<<20 + 4<<20

const headerLen = FrameOverhead - 1 // length and checksum; the type is counted with the payload

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendFrame appends one frame whose payload is the given pieces in order.
// It panics when they come to more than 4 GiB.
func AppendFrame(dst []byte, t FrameType, payload ...[]byte) []byte {
	start := len(dst)
	dst = BeginFrame(dst, t)
	for _, p := range payload {
		dst = append(dst, p...)
	}
	return EndFrame(dst, start)
}

// BeginFrame appends the head of a frame whose payload the caller then
// appends in place. EndFrame completes it.
func BeginFrame(dst []byte, t FrameType) []byte {
	return append(dst, 0, 0, 0, 0, 0, 0, 0, 0, byte(t))
}

// EndFrame completes the frame that BeginFrame began when dst had the length
// start: everything from there to the end of dst is its head and payload. It
// panics when that comes to more than 4 GiB.
func EndFrame(dst []byte, start int) []byte {
	body := dst[start+headerLen:]
	if uint64(len(body)) > math.MaxUint32 {
		panic(fmt.Sprintf("wire: frame of %d bytes", len(body)))
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(dst[start+4:], crc32.Checksum(body, castagnoli))
	return dst
}

// Decoder takes frames from a byte stream. The zero value has DefaultLimit.
type Decoder struct {
	// Limit is the largest payload accepted, in bytes; 0 means DefaultLimit.
	// A larger frame is refused as soon as its length is there, before
	// anything is gathered for it.
	Limit int
}

// Next takes the first frame from buf. n is the number of bytes that it
// occupied, and payload aliases buf, with nothing behind it within reach of an
// append. n == 0 without an error means that buf
// does not hold the whole frame yet: call again with the same bytes and more.
// After an error, which is a *FrameError, the stream cannot be read any
// further and the connection is to be closed.
func (d *Decoder) Next(buf []byte) (t FrameType, payload []byte, n int, err error) {
	if len(buf) < 4 {
		return 0, nil, 0, nil
	}
	length := uint64(binary.LittleEndian.Uint32(buf))
	if limit := d.limit(); length == 0 || length > uint64(limit)+1 {
		return 0, nil, 0, frameErrorf("frame length %d is outside of 1 to %d", length, uint64(limit)+1)
	}
	if len(buf) > headerLen && !FrameType(buf[headerLen]).Known() {
		return 0, nil, 0, frameErrorf("frame type %d is not known to protocol version %d", buf[headerLen], Version)
	}
	if uint64(len(buf)) < headerLen+length {
		return 0, nil, 0, nil
	}
	n = headerLen + int(length)
	body := buf[headerLen:n:n]
	if want, got := binary.LittleEndian.Uint32(buf[4:]), crc32.Checksum(body, castagnoli); got != want {
		return 0, nil, 0, frameErrorf("checksum of a %s frame of %d bytes is %08x, not %08x: it was damaged on the way", FrameType(body[0]), n, got, want)
	}
	return FrameType(body[0]), body[1:], n, nil
}

func (d *Decoder) limit() int {
	if d.Limit == 0 {
		return DefaultLimit
	}
	return d.Limit
}

// FrameError says why bytes from a peer could not be read. The connection
// that they came by is of no further use.
type FrameError struct{ Msg string }

func (e *FrameError) Error() string { return "wire: " + e.Msg }

func frameErrorf(format string, args ...any) error {
	return &FrameError{Msg: fmt.Sprintf(format, args...)}
}
