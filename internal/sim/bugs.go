package sim

import "github.com/parleydb/parley/internal/planted"

// Bug is a deliberate mistake that the simulator can switch on.
type Bug struct {
	Name    string
	About   string
	Checker string // that is meant to find it
	Profile string // of the runs that show it best
	plant   func(*planted.Bugs)
}

// Bugs are all planted bugs.
var Bugs = []Bug{
	{"ack-before-sync", "a follower answers the leader before the entry is on its disk", "durability", "betrayal", func(b *planted.Bugs) { b.AckBeforeSync = true }},
	{"ack-after-failed-sync", "a sync of the log that failed counts as done", "durability", "betrayal", func(b *planted.Bugs) { b.IgnoreFailedSync = true }},
	{"read-without-index", "linearizable reads are served from what is there, without asking the leader", "linearizable", "partitions", func(b *planted.Bugs) { b.ReadWithoutIndex = true }},
	{"read-before-own-term", "a new leader serves reads before an entry of its own term is agreed", "linearizable", "slow", func(b *planted.Bugs) { b.ReadBeforeOwnTerm = true }},
	{"read-unconfirmed", "a leader names a read index without asking whether it still leads", "linearizable", "deposed", func(b *planted.Bugs) { b.ReadUnconfirmed = true }},
	{"forget-applied", "after a restart, entries are applied again to a state that has them", "applied", "crashes", func(b *planted.Bugs) { b.ForgetApplied = true }},
	{"forget-vote", "term and vote are not kept unless entries come with them", "leaders", "elections", func(b *planted.Bugs) { b.ForgetVote = true }},
	{"answer-superseded", "a leader that lost its office answers commands as done whose place went to others", "durability", "doubt", func(b *planted.Bugs) { b.AnswerSuperseded = true }},
	{"forward-twice", "a forwarded command that arrives twice runs twice", "exactly-once", "doubles", func(b *planted.Bugs) { b.ForwardTwice = true }},
	{"resend-forwarded", "a forwarded write is sent again when the connection to the leader breaks", "exactly-once", "crashes", func(b *planted.Bugs) { b.ResendForwarded = true }},
	{"lose-ids-in-snapshots", "a snapshot does not bring the ids of ONCE", "exactly-once", "snapshots", func(b *planted.Bugs) { b.LoseIDsInSnapshots = true }},
	{"expire-by-wall-clock", "each node's own clock decides when a key expires", "expiry", "clocks", func(b *planted.Bugs) { b.ExpireByWallClock = true }},
	{"bounded-ignores-age", "a bounded read is served whatever the age of the replica", "bounded", "stale", func(b *planted.Bugs) { b.BoundedIgnoresAge = true }},
	{"session-ignores-token", "a session read is served whatever the session has seen", "session", "stale", func(b *planted.Bugs) { b.SessionIgnoresToken = true }},
	{"outcome-without-fence", "OUTCOME says never, and the command may still run", "outcome", "doubt", func(b *planted.Bugs) { b.OutcomeWithoutFence = true }},
	{"timeout-is-failure", "a command that was not confirmed in time is answered as failed", "outcome", "doubt", func(b *planted.Bugs) { b.TimeoutIsFailure = true }},
	{"ignore-watches", "EXEC runs though a watched key has changed", "linearizable", "partitions", func(b *planted.Bugs) { b.IgnoreWatches = true }},
}

func bugNamed(name string) *Bug {
	for i := range Bugs {
		if Bugs[i].Name == name {
			return &Bugs[i]
		}
	}
	return nil
}
