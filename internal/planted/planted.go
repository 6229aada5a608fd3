// Package planted lists deliberate mistakes that the simulator switches on to
// show that it finds them. The zero value is correct code; nothing but the
// simulator sets a field. It imports nothing.
package planted

// Bugs are the mistakes. Each is one branch at the place that it names.
type Bugs struct {
	AckBeforeSync       bool // a follower answers the leader before the entry is on disk (group.Ready)
	IgnoreFailedSync    bool // a sync of the log that failed counts as done (disk.journal)
	ReadWithoutIndex    bool // linearizable reads are served from what is here (group.Ask)
	ReadBeforeOwnTerm   bool // a new leader names a read index before an entry of its term is agreed (group.Standing)
	ReadUnconfirmed     bool // a leader names a read index without asking whether it still leads (group.count)
	ForgetApplied       bool // after a restart entries are applied again (node.openGroup)
	ForgetVote          bool // term and vote are not kept unless entries come with them (node.pass)
	AnswerSuperseded    bool // commands are answered as done though their place in the log went to others (group.failSuperseded)
	ForwardTwice        bool // a forwarded command that arrives twice runs twice (node.takeForward)
	ResendForwarded     bool // a forwarded write is sent again when the connection breaks (node.peerLost)
	LoseIDsInSnapshots  bool // a snapshot brings no ids of ONCE (node.machine)
	ExpireByWallClock   bool // a node's own clock decides expiry (node.machine)
	BoundedIgnoresAge   bool // bounded reads do not look at the replica's age (node.fresh)
	SessionIgnoresToken bool // session reads do not look at the session's past (node.fresh)
	OutcomeWithoutFence bool // OUTCOME says never and lets the id run later (node.onceTable)
	TimeoutIsFailure    bool // a command that was not confirmed in time counts as failed (node.op)
	IgnoreWatches       bool // EXEC runs though a watched key has changed (node.machine)
}
