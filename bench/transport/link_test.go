package transport

import (
	"bytes"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// link is one direction from a sender to a receiver, over a connection of its
// own transport.
type link interface {
	// send queues m and may return before it is on its way. It waits when the
	// receiver is too slow. It is called from one goroutine at a time.
	send(m *raftpb.Message) error
	close()
}

// opener connects to a receiver that calls got for each message, from one
// goroutine; replies can be sent back by reply.
type opener struct {
	name string
	open func(tb testing.TB, got func(m *raftpb.Message, reply func(*raftpb.Message) error), back func(*raftpb.Message)) link
}

var openers = []opener{{"tcp", openTCP}, {"grpc", openGRPC}, {"grpc-wire", openGRPCWire}}

// message is what a leader sends: one entry with size bytes of data.
func message(size int) *raftpb.Message {
	return &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), To: new(uint64(2)), From: new(uint64(1)), Term: new(uint64(7)),
		LogTerm: new(uint64(7)), Index: new(uint64(1_000_000)), Commit: new(uint64(999_999)),
		Entries: []*raftpb.Entry{{Type: raftpb.EntryNormal.Enum(), Term: new(uint64(7)), Index: new(uint64(1_000_001)),
			Data: bytes.Repeat([]byte{'x'}, size)}},
	}
}

// answer is what a follower sends back.
func answer() *raftpb.Message {
	return &raftpb.Message{
		Type: raftpb.MsgAppResp.Enum(), To: new(uint64(1)), From: new(uint64(2)), Term: new(uint64(7)),
		Index: new(uint64(1_000_001)),
	}
}
