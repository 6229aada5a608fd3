package lane

import (
	"fmt"

	"github.com/parleydb/parley/internal/wire"
)

// In puts the pieces that come from one connection together again. The zero value
// expects the first piece of a frame.
type In struct {
	t    wire.FrameType
	data []byte
}

// kept is the most memory that is kept for the next frame, in bytes.
const kept = 1 << 20

// Take takes the payload of a FramePiece. When it was the last one it returns the
// frame, whose payload is valid until the next Take; before that, type 0. An error
// says that the stream cannot be read any further.
func (in *In) Take(piece []byte) (t wire.FrameType, payload []byte, err error) {
	if len(piece) < 2 || piece[1] > 1 {
		return 0, nil, fmt.Errorf("lane: a piece of %d bytes without a head", len(piece))
	}
	t, last := wire.FrameType(piece[0]), piece[1] == 1
	switch {
	case !t.Known() || t == wire.FramePiece || t == wire.FrameHello:
		return 0, nil, fmt.Errorf("lane: pieces of a frame of %v", t)
	case in.t != 0 && in.t != t:
		return 0, nil, fmt.Errorf("lane: a piece of a %v frame within a %v frame", t, in.t)
	case len(in.data)+len(piece)-2 > wire.DefaultLimit:
		return 0, nil, fmt.Errorf("lane: a %v frame in pieces of more than %d bytes", t, wire.DefaultLimit)
	}
	if in.t == 0 {
		in.reset()
	}
	in.t = t
	in.data = append(in.data, piece[2:]...)
	if !last {
		return 0, nil, nil
	}
	in.t = 0
	return t, in.data, nil
}

func (in *In) reset() {
	if cap(in.data) > kept {
		in.data = nil
	}
	in.data = in.data[:0]
}
