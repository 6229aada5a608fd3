// Package front is the Redis protocol server of a node, without its sockets:
// for each connection a state machine that takes bytes, runs commands, and
// writes the replies in the order of the commands.
//
// A client may send many commands before it reads a reply, and they are in
// flight together; each sees the effects of those before it and of none after.
// Two rules keep that: a read behind writes in flight travels with them in the
// log (node.Request.InLog), and a write behind reads in flight waits, with all
// that follows it, until they are answered. Commands that act on the session
// as a whole wait until everything before them is answered.
//
// Everything runs on the goroutine of the node's event loop: the package
// starts no goroutine, takes no lock, and reads no clock of its own. It knows
// nothing of groups, replicas or disks: it hands requests to a Backend. The
// command table, and what commands do to keys, are in package data.
//
// Semantics and texts follow Redis 7.0 (its files networking.c, multi.c and
// server.c are the specification); Parley's own commands are in session.go,
// keyspace.go and command.go.
package front
