// Package transport measures two ways for nodes to talk to each other: gRPC
// streams, and plain TCP with the frames of package wire. It holds benchmarks
// only; docs/decisions/0002-framed-tcp-between-nodes.md has their figures.
//
//	cd bench && go test -run xxx -bench . -benchtime 200ms ./transport
//
// Both ends are in one process, over loopback, and both ways send the same
// Raft messages. Each reports the time and the CPU time of both ends per
// message. "gRPC" sends raftpb messages as they are; "gRPC, wire" gives gRPC
// the bytes that package wire made, to tell what the encoding costs from what
// the transport costs.
package transport
