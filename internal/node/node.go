package node

import (
	"fmt"
	"log/slog"
	"sort"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/planted"
	"github.com/parleydb/parley/internal/wire"
)

// Transport sends frames to other nodes. A frame is delivered at most once and
// in the order of sending, or not at all; but those that are Urgent may overtake
// others.
type Transport interface {
	// Send queues a frame and reports whether there is a connection to put it
	// on. False means that it certainly did not leave. The payload is copied.
	Send(to kv.NodeID, t wire.FrameType, payload []byte) bool
	// Flush sends what is queued, for other nodes and for clients, now rather
	// than at the end of the round: the node is about to wait for the disk.
	Flush()
	// Backlog is the number of bytes queued for a node and not yet sent.
	Backlog(to kv.NodeID) int
}

// Config of a node. Durations are positive.
type Config struct {
	ID             kv.NodeID
	Boot           uint64        // differs each time the node starts
	Cluster        uint64        // the cluster's id
	Members        []meta.Member // the initial members, the same on every node
	Tick           time.Duration // of Raft
	ElectionTicks  int
	HeartbeatTicks int
	ClosedInterval time.Duration // between closed timestamps of an idle group
	Timeout        time.Duration // default deadline of an operation
	ClockBound     time.Duration // how far clocks may differ
	MaxInflight    int           // entries under way in a group
	MaxBatch       int           // bytes gathered into an entry
	MaxWaiting     int           // bytes of operations under way; beyond, they are refused as busy
	Log            *slog.Logger
	Seed           func() uint64 // randomness for entries
	// Finished is told of every operation of a client here, of those too that
	// are refused at once; nil for nobody. took ends with the beginning of the
	// round in which it ended. EXEC counts as one operation; one that goes to
	// all shards counts for each.
	Finished func(command string, level kv.LevelKind, outcome kv.Outcome, took time.Duration)
	Bugs     planted.Bugs // deliberate mistakes, for the simulator
}

// Node is one node. See the package doc for who may call it.
type Node struct {
	cfg    Config
	disk   *disk.Disk
	net    Transport
	mono   time.Duration
	wall   int64
	hlc    clock.HLC
	meta   meta.Config
	groups map[kv.GroupID]*replica
	order  []*replica // by id: iteration must not depend on a map
	awake  []*replica // that may have something to do, in the order of what came in
	active []*replica // scratch: those of this pass
	holds  []*replica // that hold messages
	asking []*replica // with an inquiry that is open, or was in the last pass

	nextTick   time.Duration
	ops        opList
	parked     []*op // writes and reads without a leader to go to
	forwarded  map[uint64]*op
	nextID     uint64
	rotate     int
	peers      peerTable
	snapshots  snapshotTable
	awaits     []awaiting
	reconciled bool
	scratch    []byte   // frames to send
	standing   []byte   // scratch: an answer to an inquiry
	near       []*peer  // scratch: whom to ask
	reply      []byte   // replies of reads
	keys       [][]byte // scratch: of the call being placed
	stopping   bool
	failed     error
}

// replica is one group's replica on this node with its state.
type replica struct {
	*group.Group
	id        kv.GroupID
	keyspace  kv.KeyspaceID
	voters    []kv.NodeID
	log       *disk.Log
	state     *disk.State
	machine   *machine // nil for group 0
	fx        group.Effects
	gone      bool          // its keyspace was dropped
	awake     bool          // in Node.awake
	holds     bool          // in Node.holds
	asking    bool          // in Node.asking
	askAt     time.Duration // when to ask everybody
	commitsAt time.Duration // when to tell of commits that are held; 0 if none are
	entriesAt time.Duration // when to send entries that are held; 0 if none are
	hurry     bool          // entries that are held are to be sent at once
	closedAt  time.Duration
	handedAt  time.Duration // when leadership was last given away
	electAt   time.Duration // when to campaign next
	electBy   time.Duration // until when: Raft's own timeout is next; 0: not at all
}

// Open starts a node on its disk.
func Open(cfg Config, d *disk.Disk, net Transport, mono time.Duration, wall int64) (*Node, error) {
	n := &Node{
		cfg: cfg, disk: d, net: net, mono: mono, wall: wall,
		hlc:       clock.HLC{Bound: cfg.ClockBound},
		groups:    map[kv.GroupID]*replica{},
		forwarded: map[uint64]*op{},
		nextTick:  mono + cfg.Tick,
		nextID:    cfg.Boot * 0x9e3779b97f4a7c15, // far from where it was before, see peerTable.twice
	}
	n.peers.init(n)
	n.snapshots.init()
	n.meta = meta.Initial(cfg.Members)
	if stored, ok := d.State(uint64(kv.MetaGroup)).Get(metaKey); ok {
		var err error
		if n.meta, err = meta.Decode(stored); err != nil {
			return nil, err
		}
	}
	var all []kv.NodeID
	for _, m := range cfg.Members {
		all = append(all, m.ID)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	if err := n.openGroup(kv.MetaGroup, 0, all); err != nil {
		return nil, err
	}
	return n, n.reconcile()
}

func (n *Node) openGroup(id kv.GroupID, ks kv.KeyspaceID, voters []kv.NodeID) error {
	r := &replica{id: id, keyspace: ks, voters: voters, log: n.disk.Log(uint64(id)), state: n.disk.State(uint64(id))}
	conf := &raftpb.ConfState{}
	for _, v := range voters {
		conf.Voters = append(conf.Voters, uint64(v))
	}
	r.log.SetConfState(conf)
	var mach group.Machine
	if id == kv.MetaGroup {
		mach = &metaMachine{node: n, state: r.state}
	} else {
		r.machine = newMachine(n, r.state, ks)
		mach = r.machine
	}
	applied, _ := r.state.Applied()
	if n.cfg.Bugs.ForgetApplied {
		applied = 0
	}
	var ahead func([]group.Waiter)
	if r.machine != nil {
		ahead = r.machine.coming
	}
	g, err := group.New(group.Config{
		ID: id, Node: n.cfg.ID, Boot: n.cfg.Boot, Storage: r.log, Machine: mach,
		Applied: applied, Closed: storedStamp(r.state),
		ElectionTicks: n.cfg.ElectionTicks, HeartbeatTick: n.cfg.HeartbeatTicks,
		MaxInflight: n.cfg.MaxInflight, MaxBatch: n.cfg.MaxBatch,
		Logger: raftLogger{n.cfg.Log.With("group", id.String())}, Bugs: n.cfg.Bugs,
		Wake: func() { n.wake(r) }, Ahead: ahead,
	})
	if err != nil {
		return fmt.Errorf("starting %v: %w", id, err)
	}
	r.Group = g
	n.groups[id] = r
	n.wake(r)
	n.order = append(n.order, r)
	sort.Slice(n.order, func(i, j int) bool { return n.order[i].id < n.order[j].id })
	if len(voters) == 1 {
		g.Campaign()
	}
	return nil
}

// wake has the next pass look at a group.
func (n *Node) wake(r *replica) {
	if !r.awake {
		r.awake = true
		n.awake = append(n.awake, r)
	}
}

// reconcile opens and drops groups so that they are those of the
// configuration.
func (n *Node) reconcile() error {
	n.reconciled = true
	wanted := map[kv.GroupID]bool{kv.MetaGroup: true}
	for _, k := range n.meta.Keyspaces {
		for _, g := range k.Groups {
			if !contains(g.Replicas, n.cfg.ID) {
				continue
			}
			wanted[g.ID] = true
			if n.groups[g.ID] == nil {
				if err := n.openGroup(g.ID, k.ID, g.Replicas); err != nil {
					return err
				}
			}
		}
	}
	kept := n.order[:0]
	for _, r := range n.order {
		if wanted[r.id] {
			kept = append(kept, r)
			continue
		}
		delete(n.groups, r.id)
		r.gone = true
		if err := n.disk.Drop(uint64(r.id)); err != nil {
			return err
		}
	}
	n.order = kept
	return nil
}

func contains(ids []kv.NodeID, id kv.NodeID) bool {
	for _, v := range ids {
		if v == id {
			return true
		}
	}
	return false
}

// SetTime tells the node the time: mono is monotonic from any start, wall is
// milliseconds since the Unix epoch. It is called before the inputs of a round.
func (n *Node) SetTime(mono time.Duration, wall int64) { n.mono, n.wall = mono, wall }

// Meta is the cluster's configuration as applied here. It is not to be modified.
func (n *Node) Meta() *meta.Config { return &n.meta }

// ID is the node's id.
func (n *Node) ID() kv.NodeID { return n.cfg.ID }

// Cluster is the cluster's id.
func (n *Node) Cluster() uint64 { return n.cfg.Cluster }

// Wall is the node's clock in milliseconds since the Unix epoch.
func (n *Node) Wall() int64 { return n.wall }

// Groups are the statuses of the groups that have a replica here, by id.
func (n *Node) Groups() []group.Status {
	out := make([]group.Status, 0, len(n.order))
	for _, r := range n.order {
		out = append(out, r.Status())
	}
	return out
}

// Ready says whether every group here knows its leader.
func (n *Node) Ready() bool {
	for _, r := range n.order {
		if r.Leader() == 0 {
			return false
		}
	}
	return n.failed == nil
}

// Err is why the node stopped serving; nil while it serves.
func (n *Node) Err() error { return n.failed }

// Stop begins a graceful stop: leadership goes to other nodes, and what is under
// way goes on. Stopped reports when nothing is left. Whoever asks for more
// meanwhile is served by the new leaders.
func (n *Node) Stop() {
	n.stopping = true
	for _, r := range n.order {
		n.handOver(r)
	}
}

// handOver gives a group's leadership to another voter: of those whose clocks are
// right the one that has most of the log. One that is wrong too would only hand it
// on.
func (n *Node) handOver(r *replica) {
	if !r.IsLeader() {
		return
	}
	to, best, middle := kv.NodeID(0), time.Duration(0), n.peers.median()
	for _, v := range r.voters {
		p := n.peers.find(v)
		if p == nil || !p.connected {
			continue
		}
		off := (p.offset(n) - middle).Abs().Truncate(max(n.cfg.ClockBound, 1))
		if to == 0 || off < best || off == best && r.Ahead(v, to) {
			to, best = v, off
		}
	}
	if to != 0 {
		r.handedAt = n.mono
		n.send(r, r.ReleaseTo(to))
		r.TransferLeader(to)
	}
}

// Stopped says whether everything that was asked here is answered, and no group
// is led from here any more that another could lead.
func (n *Node) Stopped() bool {
	if n.ops.head != nil {
		return false
	}
	for _, r := range n.order {
		if r.IsLeader() && len(r.voters) > 1 {
			return false
		}
	}
	return true
}

// electionTimeout is how long a leader's silence is taken for no sign.
func (n *Node) electionTimeout() time.Duration {
	return time.Duration(n.cfg.ElectionTicks) * n.cfg.Tick
}

// stamp is a new reading of the hybrid clock.
func (n *Node) stamp() clock.Timestamp { return n.hlc.Now(n.wall) }

type raftLogger struct{ log *slog.Logger }

func (l raftLogger) Debug(v ...any)                   {}
func (l raftLogger) Debugf(format string, v ...any)   {}
func (l raftLogger) Info(v ...any)                    { l.log.Debug(fmt.Sprint(v...)) }
func (l raftLogger) Infof(format string, v ...any)    { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l raftLogger) Warning(v ...any)                 { l.log.Debug(fmt.Sprint(v...)) }
func (l raftLogger) Warningf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l raftLogger) Error(v ...any)                   { l.log.Error(fmt.Sprint(v...)) }
func (l raftLogger) Errorf(format string, v ...any)   { l.log.Error(fmt.Sprintf(format, v...)) }
func (l raftLogger) Fatal(v ...any)                   { panic(fmt.Sprint(v...)) }
func (l raftLogger) Fatalf(format string, v ...any)   { panic(fmt.Sprintf(format, v...)) }
func (l raftLogger) Panic(v ...any)                   { panic(fmt.Sprint(v...)) }
func (l raftLogger) Panicf(format string, v ...any)   { panic(fmt.Sprintf(format, v...)) }

var _ raft.Logger = raftLogger{}

// Keys is the number of keys in this node's copy of a keyspace, with those that
// have expired and not been deleted yet; false if not all of it is here.
func (n *Node) Keys(ks kv.KeyspaceID) (keys int64, here bool) {
	k := n.meta.Keyspace(ks)
	if k == nil {
		return 0, false
	}
	for _, g := range k.Groups {
		r := n.groups[g.ID]
		if r == nil {
			return 0, false
		}
		keys += r.machine.store.Keys()
	}
	return keys, true
}

// Digests are digests of the state of each shard that has a replica here, for
// comparing replicas.
func (n *Node) Digests() map[kv.GroupID]uint64 {
	out := map[kv.GroupID]uint64{}
	for _, r := range n.order {
		if r.machine != nil {
			out[r.id] = r.machine.store.Digest()
		}
	}
	return out
}
