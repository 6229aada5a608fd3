package sim

import (
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// profile is a kind of run: what clients do, and what goes wrong.
type profile struct {
	name, about string

	keys    int // of each kind
	clients int
	think   time.Duration // the longest pause between a client's operations
	move    int           // percent: a client goes to another node
	mix     []weight[operation]
	levels  []weight[kv.Level] // of reads

	calm   time.Duration // the longest time between faults
	faults []weight[fault]
	delay  time.Duration // the longest delay of a frame when nothing is wrong
	double int           // percent of frames of every kind that arrive twice
	shards int           // of the keyspace; 0: the one that a new cluster has
}

// weight is a choice, and how often it is taken relative to the others.
type weight[T any] struct {
	n     int
	value T
}

// choose draws one of the choices.
func choose[T any](c *Cluster, of []weight[T]) T {
	total := 0
	for _, w := range of {
		total += w.n
	}
	at := c.rng.IntN(total)
	for _, w := range of {
		if at -= w.n; at < 0 {
			return w.value
		}
	}
	panic("sim: a choice without weights")
}

func (p *profile) pick(c *Cluster) operation { return choose(c, p.mix) }
func (p *profile) level(c *Cluster) kv.Level { return choose(c, p.levels) }

func bounded(d time.Duration) kv.Level { return kv.Level{Kind: kv.LevelBounded, Bound: d} }

var (
	session  = kv.Level{Kind: kv.LevelSession}
	eventual = kv.Level{Kind: kv.LevelEventual}

	allOperations = []weight[operation]{
		{4, doAppend}, {3, doOnce}, {5, doRead}, {2, doIncr}, {1, doCount}, {4, doPair}, {1, doCAS}, {1, doLease}, {3, doLook},
	}
	allLevels = []weight[kv.Level]{
		{4, kv.Linearizable}, {3, session}, {2, bounded(300 * time.Millisecond)}, {1, bounded(2 * time.Second)}, {2, eventual},
	}
	linearizable = []weight[kv.Level]{{1, kv.Linearizable}}
)

// profiles are all kinds of run. A seed runs the one at its place, unless one is
// asked for.
var profiles = []*profile{
	{
		name: "mixed", about: "everything, of everything a little",
		keys: 2, clients: 5, think: 300 * time.Millisecond, move: 30, mix: allOperations, levels: allLevels,
		calm: 2 * time.Second, delay: 5 * time.Millisecond, double: 1,
		faults: []weight[fault]{
			{3, faultCrash}, {3, faultCrashWriting}, {2, faultFailDisk}, {2, faultFlip}, {3, faultCut}, {1, faultCutOneWay},
			{2, faultIsolateLeader}, {2, faultFlaky}, {2, faultPause}, {2, faultClock}, {1, faultBlackout}, {1, faultTransfer},
		},
	},
	{
		name: "crashes", about: "nodes and leaders crash, also within writes and right after an acknowledgement",
		keys: 1, clients: 5, think: 80 * time.Millisecond, move: 30, mix: allOperations, levels: allLevels,
		calm: 700 * time.Millisecond, delay: 10 * time.Millisecond,
		faults: []weight[fault]{{2, faultCrash}, {3, faultCrashWriting}, {2, faultLeaderAfterAck}, {1, faultBlackout}, {1, faultTransfer}},
	},
	{
		name: "betrayal", about: "followers crash, or lose a sync, as they write; then the leader crashes and comes back last",
		keys: 1, clients: 5, think: 30 * time.Millisecond, move: 20, mix: []weight[operation]{{5, doAppend}, {2, doOnce}, {2, doIncr}, {2, doRead}}, levels: allLevels,
		calm: 2500 * time.Millisecond, delay: 3 * time.Millisecond,
		faults: []weight[fault]{{2, faultBetrayal}, {2, faultBetrayalOfSync}},
	},
	{
		name: "partitions", about: "leaders and followers are cut off, one way or both",
		keys: 1, clients: 6, think: 100 * time.Millisecond, move: 20, mix: allOperations, levels: allLevels,
		calm: 1500 * time.Millisecond, delay: 5 * time.Millisecond,
		faults: []weight[fault]{{3, faultCut}, {2, faultCutOneWay}, {3, faultIsolateLeader}, {1, faultFlaky}, {1, faultTransfer}},
	},
	{
		name: "slow", about: "slow links, and leaders that crash right after an acknowledgement",
		keys: 1, clients: 8, think: 40 * time.Millisecond, move: 40, mix: []weight[operation]{{3, doAppend}, {6, doRead}, {1, doIncr}, {2, doCount}}, levels: linearizable,
		calm: 1500 * time.Millisecond, delay: 120 * time.Millisecond,
		faults: []weight[fault]{{4, faultLeaderAfterAck}, {1, faultTransfer}, {1, faultFlaky}},
	},
	{
		name: "stale", about: "a node is cut off for long, and its clients read at weak levels",
		keys: 1, clients: 6, think: 60 * time.Millisecond, move: 8,
		mix:    []weight[operation]{{3, doAppend}, {5, doRead}, {1, doIncr}, {2, doCount}},
		levels: []weight[kv.Level]{{3, bounded(300 * time.Millisecond)}, {2, bounded(time.Second)}, {2, session}, {1, eventual}},
		calm:   1500 * time.Millisecond, delay: 5 * time.Millisecond,
		faults: []weight[fault]{{4, faultCutOff}, {1, faultFlaky}, {1, faultCrash}},
	},
	{
		name: "snapshots", about: "nodes are away until the log they need is gone, and ids are sent again",
		keys: 1, clients: 6, think: 15 * time.Millisecond, move: 30, mix: []weight[operation]{{1, doAppend}, {6, doOnce}, {1, doRead}, {1, doIncr}, {3, doFill}}, levels: allLevels,
		calm: 1500 * time.Millisecond, delay: 3 * time.Millisecond,
		faults: []weight[fault]{{4, faultAway}, {1, faultTransfer}, {1, faultFlaky}},
	},
	{
		name: "clocks", about: "clocks jump within and beyond the bound, and keys expire",
		keys: 1, clients: 5, think: 60 * time.Millisecond, move: 40, mix: []weight[operation]{{4, doLease}, {8, doLook}, {1, doAppend}, {1, doRead}}, levels: allLevels,
		calm: time.Second, delay: 5 * time.Millisecond,
		faults: []weight[fault]{{4, faultClock}, {1, faultCrash}, {1, faultTransfer}, {1, faultCut}},
	},
	{
		name: "doubles", about: "frames of all kinds arrive twice, over flaky links",
		keys: 1, clients: 5, think: 60 * time.Millisecond, move: 50, mix: []weight[operation]{{4, doAppend}, {3, doOnce}, {3, doIncr}, {2, doRead}}, levels: allLevels,
		calm: 1500 * time.Millisecond, delay: 20 * time.Millisecond, double: 15,
		faults: []weight[fault]{{2, faultFlaky}, {1, faultCut}, {1, faultTransfer}, {1, faultCrash}},
	},
	{
		name: "doubt", about: "leaders vanish with commands in flight, and clients ask what became of them",
		keys: 1, clients: 6, think: 40 * time.Millisecond, move: 50, mix: []weight[operation]{{4, doOnce}, {3, doAppend}, {1, doIncr}, {1, doRead}}, levels: allLevels,
		calm: 1200 * time.Millisecond, delay: 60 * time.Millisecond,
		faults: []weight[fault]{{3, faultIsolateLeader}, {2, faultPauseLeader}, {5, faultDetour}, {1, faultFlaky}, {1, faultCrash}},
	},
	{
		name: "elections", about: "voters crash and come back within an election, between nodes that hear each other badly",
		keys: 1, clients: 3, think: 100 * time.Millisecond, move: 30, mix: []weight[operation]{{3, doAppend}, {2, doRead}, {1, doPair}}, levels: linearizable,
		calm: 500 * time.Millisecond, delay: 60 * time.Millisecond,
		faults: []weight[fault]{{4, faultQuickCrash}, {3, faultIsolateLeader}, {2, faultCutOneWay}, {1, faultFlaky}},
	},
	{
		name: "deposed", about: "leaders are cut off or held up, and read on while another one leads",
		keys: 1, clients: 9, think: 120 * time.Millisecond, move: 10, mix: []weight[operation]{{2, doAppend}, {8, doRead}}, levels: linearizable,
		calm: 1200 * time.Millisecond, delay: 3 * time.Millisecond,
		faults: []weight[fault]{{3, faultIsolateLeader}, {2, faultPauseLeader}},
	},
	{
		name: "shards", about: "a keyspace of five shards, whose leaders part; of everything a little",
		keys: 4, clients: 5, think: 100 * time.Millisecond, move: 30, mix: allOperations, levels: allLevels, shards: 5,
		calm: 1500 * time.Millisecond, delay: 5 * time.Millisecond, double: 1,
		faults: []weight[fault]{{3, faultCrash}, {3, faultCrashWriting}, {2, faultCut}, {2, faultIsolateLeader}, {2, faultFlaky}, {1, faultPause}, {1, faultTransfer}, {1, faultBlackout}},
	},
}

func profileNamed(name string) *profile {
	for _, p := range profiles {
		if p.name == name {
			return p
		}
	}
	return nil
}
