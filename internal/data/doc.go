// Package data is the Redis data layer: keys, values, deadlines and the
// commands on them, over an ordered map of bytes, and the table that describes
// every command of Parley.
//
// A Store is one copy of one shard. It is a deterministic state machine: time,
// versions and randomness come with each command in an Env, and two stores that
// ran the same commands hold the same bytes, whatever Map is below them. The
// approach is Schneider, "Implementing Fault-Tolerant Services Using the State
// Machine Approach" (ACM Computing Surveys 1990), section 3.1.
//
// The replies and the texts of errors are those of Redis 7.0. Where they differ
// on purpose, the differential test has a table of the differences with the
// reason for each.
//
// The package starts no goroutine, takes no lock, reads no clock and no random
// source, opens no file and no socket. It does not know of Raft, of nodes, of
// levels, or of which copy it is. It may know the wire's encoding of a reply,
// and nothing else of connections: commands of the connection are described
// here and run elsewhere.
package data
