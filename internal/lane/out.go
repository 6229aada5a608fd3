package lane

import "github.com/parleydb/parley/internal/wire"

// PieceSize is the most of a frame's payload that goes at once, in bytes. A link
// of 100 kB a second carries it in a sixth of a second, well within an election
// timeout.
const PieceSize = 16 << 10

// Out is what waits for one other node. The zero value is empty.
type Out struct {
	frames []frame
	sent   int // of the payload of the first
	bytes  int // that wait
}

type frame struct {
	t       wire.FrameType
	payload []byte
}

// Direct says whether a frame need not enter the lane.
func (o *Out) Direct(t wire.FrameType, size int) bool {
	return t.Urgent() || size <= PieceSize && len(o.frames) == 0
}

// Add puts a frame at the end of the lane. The payload is copied.
func (o *Out) Add(t wire.FrameType, payload []byte) {
	o.frames = append(o.frames, frame{t, append([]byte(nil), payload...)})
	o.bytes += len(payload)
}

// Empty says whether nothing waits.
func (o *Out) Empty() bool { return len(o.frames) == 0 }

// Bytes is how much waits, without what Next has given.
func (o *Out) Bytes() int { return o.bytes }

// Next appends the next frame to send to dst: a whole one if it is short, else
// the next piece of one. The lane must not be empty.
func (o *Out) Next(dst []byte) []byte {
	dst, _ = o.frames[0].piece(dst, o.sent)
	o.Taken(1)
	return dst
}

// Peek appends what Next would, until there are about room bytes or nothing is
// left, and the ends in dst to ends. Taken says how many of them are sent.
func (o *Out) Peek(dst []byte, ends []int, room int) ([]byte, []int) {
	sent := o.sent
	for i := 0; i < len(o.frames) && len(dst) < room; {
		dst, sent = o.frames[i].piece(dst, sent)
		ends = append(ends, len(dst))
		if sent >= len(o.frames[i].payload) {
			i, sent = i+1, 0
		}
	}
	return dst, ends
}

// Taken takes the first n of what Peek gave from the lane.
func (o *Out) Taken(n int) {
	for range n {
		size := min(len(o.frames[0].payload)-o.sent, PieceSize)
		o.sent += size
		o.bytes -= size
		if o.sent < len(o.frames[0].payload) {
			continue
		}
		o.sent = 0
		o.frames[0] = frame{}
		if o.frames = o.frames[1:]; len(o.frames) == 0 {
			o.frames = nil
		}
	}
}

// piece appends the part of the frame from a place in its payload.
func (f *frame) piece(dst []byte, from int) (b []byte, to int) {
	to = min(from+PieceSize, len(f.payload))
	if from == 0 && to == len(f.payload) {
		return wire.AppendFrame(dst, f.t, f.payload), to
	}
	head := [2]byte{byte(f.t), flag(to == len(f.payload))}
	return wire.AppendFrame(dst, wire.FramePiece, head[:], f.payload[from:to]), to
}

// Clear forgets what waits.
func (o *Out) Clear() { *o = Out{} }

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
