// Package wire is the codec of what nodes say to each other: frames, the
// handshake, and Raft messages. It turns values into bytes and back.
//
// It must not know sockets, connections, time or the node: who sends what to
// whom, when to retry, and what an application frame's payload means are the
// business of package node. Nothing here keeps state between calls, so every
// function may be called from any goroutine.
//
// # Protocol, version 3
//
// Integers of fixed size are little-endian; uvarint is that of
// encoding/binary. Both ends begin a connection by sending the eight bytes of
// the magic, "\x89PARLEY\n", and then one hello frame. After that come frames:
//
//	u32 length     of type and payload together, in bytes; at least 1
//	u32 checksum   CRC-32C of type and payload
//	u8  type
//	    payload    length-1 bytes
//
// The length does not pass the checksum, but the checksum is looked for where
// the length says, so a damaged length is found as well. CRC-32C (Castagnoli,
// Bräuer, Herrmann 1993) guards against accidents, not against an attacker.
//
//	type  name           payload
//	1     FrameHello     u16 version, u64 cluster, u64 from, u64 to, u64 boot
//	2     FrameRaft      uvarint group, then a Raft message (below)
//	3     FrameForward   a request passed on to another node; of package node
//	4     FrameReply     the answer to one; of package node
//	5     FrameSnapshot  a piece of a snapshot; of package node
//	6     FramePing      is the peer there; of package node
//	7     FramePong      the answer to one; of package node
//	8     FrameInquiry   where do your replicas stand; of package node
//	9     FrameStanding  the answer to one; of package node
//	10    FrameControl   as FrameRaft, of a message that may overtake entries
//	11    FramePiece     u8 type of the whole, u8 1 if it is the last, and bytes
//	                     of the whole's payload; of package lane
//
// Version is raised by any change to this page, and by any change of what
// commands in the log do to a state. The magic, and a hello that begins with
// its version, stay as they are in all versions, so that two versions can
// always tell each other apart.
//
// # Raft messages
//
// A message (the protocol of Ongaro's dissertation, as go.etcd.io/raft speaks
// it) is a u16 of flags that say which fields are present, and then the
// present ones in this order: type, to, from, term, logTerm, index, commit,
// vote and rejectHint, each a uvarint; context, as a uvarint length and its
// bytes; entries; snapshot; responses. Reject is in the flags alone. A field
// that is present with value zero stays different from one that is absent, as
// it is in raftpb.
//
// Entries are a uvarint count, all headers, and then the data of all entries
// without gaps, so that one copy takes in all of it. A header is a byte of
// flags with the present ones of term, index, type and data length as
// uvarints. The flag "successor" stands for the term and the index that
// follow from the entry before; from the message's logTerm and index for the
// first one. In a log that is nearly all entries.
//
// A snapshot is a byte of flags, its data, index and term, and the lists of
// the configuration, each a uvarint count and uvarints. Responses are a
// uvarint count and messages.
package wire
