package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/parleydb/parley/internal/kv"
)

// Version is the protocol that this package speaks; see the package's doc.
const Version = 3

// magic opens every connection. Its first byte is neither ASCII nor the start
// of a UTF-8 sequence, so no text protocol begins like it.
const magic = "\x89PARLEY\n"

const (
	helloLen   = 2 + 4*8
	helloLimit = 1 << 10 // other versions may say more; a stranger may not
)

// Hello is the handshake: each end sends one, before anything else.
type Hello struct {
	Version  uint16    // of the sender; AppendHello writes Version for 0
	Cluster  uint64    // the cluster's id
	From, To kv.NodeID // the sender, and the node it believes to speak to
	Boot     uint64    // differs between two lives of the sending process
}

// AppendHello appends the magic and the hello frame.
func AppendHello(dst []byte, h Hello) []byte {
	if h.Version == 0 {
		h.Version = Version
	}
	dst = append(dst, magic...)
	start := len(dst)
	dst = BeginFrame(dst, FrameHello)
	dst = binary.LittleEndian.AppendUint16(dst, h.Version)
	dst = binary.LittleEndian.AppendUint64(dst, h.Cluster)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.From))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.To))
	dst = binary.LittleEndian.AppendUint64(dst, h.Boot)
	return EndFrame(dst, start)
}

// DecodeHello reads what AppendHello wrote from the start of a connection's
// bytes. n is the number of bytes that it occupied; n == 0 without an error
// means that more bytes are needed, never more than about 1 KiB. Bytes that
// are not from a Parley node are refused at the first that differs from the
// magic. The error is a *FrameError, or a *VersionError.
func DecodeHello(buf []byte) (h Hello, n int, err error) {
	head := buf[:min(len(buf), len(magic))]
	if !bytes.Equal(head, []byte(magic[:len(head)])) {
		return Hello{}, 0, frameErrorf("the peer is not a Parley node: its first bytes are %q", buf[:min(len(buf), 16)])
	}
	if len(buf) < len(magic) {
		return Hello{}, 0, nil
	}
	d := Decoder{Limit: helloLimit}
	t, p, n, err := d.Next(buf[len(magic):])
	switch {
	case err != nil || n == 0:
		return Hello{}, 0, err
	case t != FrameHello:
		return Hello{}, 0, frameErrorf("the peer's first frame is %s, not hello", t)
	case len(p) < 2:
		return Hello{}, 0, frameErrorf("hello of %d bytes has no version", len(p))
	}
	if h.Version = binary.LittleEndian.Uint16(p); h.Version != Version {
		return Hello{}, 0, &VersionError{Theirs: h.Version}
	}
	if len(p) != helloLen {
		return Hello{}, 0, frameErrorf("hello of version %d has %d bytes, not %d", h.Version, len(p), helloLen)
	}
	h.Cluster = binary.LittleEndian.Uint64(p[2:])
	h.From = kv.NodeID(binary.LittleEndian.Uint64(p[10:]))
	h.To = kv.NodeID(binary.LittleEndian.Uint64(p[18:]))
	h.Boot = binary.LittleEndian.Uint64(p[26:])
	return h, len(magic) + n, nil
}

// Check says whether the node self of the given cluster may go on talking to
// the sender of h.
func (h Hello) Check(cluster uint64, self kv.NodeID) error {
	switch {
	case h.Cluster != cluster:
		return frameErrorf("the peer is of cluster %016x, this node is of cluster %016x", h.Cluster, cluster)
	case h.From == 0 || h.From == self:
		return frameErrorf("the peer calls itself node %s, this is node %s", h.From, self)
	case h.To != self:
		return frameErrorf("node %s looks for node %s here, this is node %s: check the peer addresses", h.From, h.To, self)
	}
	return nil
}

// VersionError says that a peer speaks another version of the protocol.
type VersionError struct{ Theirs uint16 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("wire: the peer speaks protocol version %d, this node speaks version %d: run the same release on both", e.Theirs, Version)
}
