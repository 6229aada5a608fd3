// Package group is one Raft group: the host around the Raft library that
// gathers commands into entries, finds read indexes for reads, applies committed
// entries to a state machine and tells each waiting caller its outcome.
//
// It is pure: inputs are method calls, time is an argument, effects are
// returned (messages to send before and after the disk, entries to persist) and
// completions are calls on the Waiter that came with the command. It knows
// neither sockets nor disks nor what a command means.
//
// Consensus is Ongaro's Raft ("Consensus: Bridging Theory and Practice", 2014)
// as implemented by go.etcd.io/raft/v3. Linearizable reads follow its section
// 6.4 with questions of their own (see reads.go), PreVote its section 9.6, and sending entries before the leader's own
// disk write its section 10.2.1.
//
// Every entry carries a hybrid logical clock stamp, and stamps rise strictly
// along the log, so the stamp of the last applied entry is the group's closed
// timestamp: nothing will ever commit at or below it. An idle group's leader
// appends an empty entry now and then to move it on.
package group
