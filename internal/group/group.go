package group

import (
	"errors"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/planted"
)

// Waiter is told the outcome of one command or read, exactly once.
type Waiter interface {
	// Applied gives a command's reply; it is valid during the call only.
	Applied(reply []byte, stamp clock.Timestamp)
	// Readable says that the machine's state now satisfies the read.
	Readable()
	// Failed says that the operation did not happen and never will, unless
	// err is of KindUnknown.
	Failed(err error)
}

// Machine is the state that entries act on. It must be deterministic.
type Machine interface {
	// Begin is called before an entry's commands, and End after them; after
	// End the entry's effects and its index belong together durably.
	Begin(e *Entry)
	// Execute performs one command and appends its reply to dst.
	Execute(dst []byte, e *Entry, command []byte) []byte
	End(e *Entry)
}

// Config of a group. Ticks are calls of Tick.
type Config struct {
	ID            kv.GroupID
	Node          kv.NodeID
	Boot          uint64 // differs each time the node starts
	Storage       raft.Storage
	Machine       Machine
	Applied       uint64          // index of the last entry in the machine's durable state
	Closed        clock.Timestamp // stamp of that entry
	ElectionTicks int
	HeartbeatTick int
	MaxInflight   int // entries proposed and not yet applied
	MaxBatch      int // bytes gathered into one entry
	Logger        raft.Logger
	// Wake is called when the group may have something to do: when HasReady or
	// CanPropose may have become true, or a read waits. It must not call back.
	// Nil for a shell that looks anyway.
	Wake func()
	Bugs planted.Bugs // deliberate mistakes, for the simulator
	// Ahead is told of reads that are about to be Readable, so that what they
	// will look at can be loaded for all of them together; nil for nobody.
	Ahead func([]Waiter)
}

// Group hosts one replica of one Raft group. It belongs to one goroutine.
type Group struct {
	cfg  Config
	raft *raft.RawNode
	term uint64
	lead kv.NodeID
	role raft.StateType

	waiting  []*batch // not proposed yet
	inflight []*batch // proposed here, by rising index
	spare    []*batch // for reuse
	seq      uint64

	voters   []kv.NodeID
	reads    readQueue
	commit   uint64 // as of the last Ready: no message that was sent tells of more
	applied  uint64
	within   uint64 // the term of the last applied entry
	closed   clock.Timestamp
	entry    Entry  // scratch
	reply    []byte // scratch: an entry's replies
	ends     []int  // scratch: where each reply ends
	dropped  []int  // scratch: which had no room
	fresh    traffic
	early    []*raftpb.Message // scratch of Effects
	late     []*raftpb.Message // scratch of Effects
	released []*raftpb.Message // scratch of Release
	heir     kv.NodeID         // to whom leadership is being given
	ready    raft.Ready
	done     int // entries of ready that are applied
}

// New starts a replica from its storage.
func New(cfg Config) (*Group, error) {
	rn, err := raft.NewRawNode(&raft.Config{
		ID:                        uint64(cfg.Node),
		ElectionTick:              cfg.ElectionTicks,
		HeartbeatTick:             cfg.HeartbeatTick,
		Storage:                   cfg.Storage,
		Applied:                   cfg.Applied,
		MaxSizePerMsg:             1 << 20,
		MaxCommittedSizePerReady:  16 << 20,
		MaxUncommittedEntriesSize: 256 << 20,
		MaxInflightMsgs:           256,
		CheckQuorum:               true,
		PreVote:                   true,
		Logger:                    cfg.Logger,
		DisableProposalForwarding: true, // a forwarded proposal could be applied twice
	})
	if err != nil {
		return nil, err
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	_, conf, err := cfg.Storage.InitialState()
	if err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, raft: rn, applied: cfg.Applied, closed: cfg.Closed, seq: 1}
	for _, v := range conf.GetVoters() {
		g.voters = append(g.voters, kv.NodeID(v))
	}
	for i := range g.voters {
		if v := g.voters[(g.place()+i)%len(g.voters)]; v != cfg.Node {
			g.fresh.line(v)
		}
	}
	g.reads.said = make([]uint64, len(g.voters))
	g.commit = rn.BasicStatus().HardState.GetCommit()
	g.observe()
	return g, nil
}

// Status is a view of the group for people and metrics.
type Status struct {
	ID       kv.GroupID      `json:"id"`
	Leader   kv.NodeID       `json:"leader"`
	Term     uint64          `json:"term"`
	Role     string          `json:"role"`
	Applied  uint64          `json:"applied"`
	Commit   uint64          `json:"commit"`
	Closed   clock.Timestamp `json:"closed"`
	Inflight int             `json:"inflight"`
}

// Status reports where the group stands.
func (g *Group) Status() Status {
	st := g.raft.BasicStatus()
	return Status{
		ID: g.cfg.ID, Leader: g.lead, Term: g.term, Role: g.role.String(), Applied: g.applied,
		Commit: st.HardState.GetCommit(), Closed: g.closed, Inflight: len(g.inflight),
	}
}

// Leader is the node that this replica takes for the leader; 0 if none.
func (g *Group) Leader() kv.NodeID { return g.lead }

// IsLeader says whether this replica leads, as far as it knows.
func (g *Group) IsLeader() bool { return g.role == raft.StateLeader }

// Closed is the stamp of the last applied entry: nothing commits at or below
// it any more, and everything committed at or below it is applied here.
func (g *Group) Closed() clock.Timestamp { return g.closed }

// Applied is the index of the last applied entry.
func (g *Group) Applied() uint64 { return g.applied }

// Tick moves the group's time by one tick.
func (g *Group) Tick() {
	g.raft.Tick()
	g.fresh.tick++
	g.observe()
	g.cfg.Wake()
}

// Step takes in a message of another replica.
func (g *Group) Step(m *raftpb.Message) error {
	routine := g.routine(m)
	g.fresh.heard(m)
	err := g.raft.Step(m)
	if !routine {
		g.observe()
	}
	g.cfg.Wake()
	return err
}

// routine says whether m is of the traffic between a leader and its followers,
// which changes neither term nor role.
func (g *Group) routine(m *raftpb.Message) bool {
	if m.GetTerm() != g.term {
		return false
	}
	switch m.GetType() {
	case raftpb.MsgApp, raftpb.MsgHeartbeat:
		return g.role == raft.StateFollower && kv.NodeID(m.GetFrom()) == g.lead
	case raftpb.MsgAppResp, raftpb.MsgHeartbeatResp:
		return g.role == raft.StateLeader
	}
	return false
}

// LeaderLost tells a follower that its leader's process is known to be gone,
// so that an election need not wait for the timeout. It is safe if wrong:
// PreVote keeps a living leader in office.
func (g *Group) LeaderLost() { _ = g.raft.ForgetLeader(); g.observe(); g.cfg.Wake() }

// Better says whether a replica that asks for this one's vote cannot win with it,
// because its log lacks what this one's has. If the leader is gone, this one
// should ask itself.
func (g *Group) Better(m *raftpb.Message) bool {
	if t := m.GetType(); t != raftpb.MsgPreVote && t != raftpb.MsgVote || g.role != raft.StateFollower {
		return false
	}
	last, err := g.cfg.Storage.LastIndex()
	if err != nil {
		return false
	}
	term, err := g.cfg.Storage.Term(last)
	return err == nil && (m.GetLogTerm() < term || m.GetLogTerm() == term && m.GetIndex() < last)
}

// Campaign starts an election, or its first stage anew, unless this replica
// leads or awaits votes.
func (g *Group) Campaign() {
	if g.role == raft.StateFollower || g.role == raft.StatePreCandidate {
		_ = g.raft.Campaign()
		g.observe()
		g.cfg.Wake()
	}
}

// TransferLeader asks the leader, this replica, to hand over.
func (g *Group) TransferLeader(to kv.NodeID) {
	g.heir = to
	g.raft.TransferLeader(uint64(to))
	g.cfg.Wake()
}

// ReportUnreachable tells the leader that a message to a replica was lost.
func (g *Group) ReportUnreachable(id kv.NodeID) {
	g.fresh.line(id).down = true
	g.raft.ReportUnreachable(uint64(id))
	g.cfg.Wake()
}

// ReportSnapshot tells the leader how sending a snapshot went.
func (g *Group) ReportSnapshot(id kv.NodeID, ok bool) {
	st := raft.SnapshotFinish
	if !ok {
		st = raft.SnapshotFailure
	}
	g.raft.ReportSnapshot(uint64(id), st)
	g.cfg.Wake()
}

// Propose adds a command to the next entry, and copies it. Only the leader may
// be asked; any other replica fails the waiter at once.
func (g *Group) Propose(command []byte, w Waiter) {
	if !g.IsLeader() {
		w.Failed(notLeader)
		return
	}
	last := len(g.waiting) - 1
	if last < 0 || len(g.waiting[last].data) >= g.cfg.MaxBatch {
		g.waiting = append(g.waiting, g.newBatch())
		last++
	}
	g.waiting[last].add(command, w)
	g.cfg.Wake()
}

var notLeader = kv.Errorf(kv.KindUnavailable, "this replica is not the leader; nothing was done")

// Current says whether the state as it is reflects every write acknowledged
// before now, with nobody to ask: nobody else votes, so nobody else can lead or
// have acknowledged anything, and what was committed before this replica's term
// is applied since an entry of the term is (thesis, section 6.4, step 1). If it
// is false Read tells when it is so.
func (g *Group) Current() bool {
	return len(g.voters) == 1 && g.voters[0] == g.cfg.Node && g.role == raft.StateLeader && g.within == g.term
}

// CanPropose says whether Flush would put something into the log.
func (g *Group) CanPropose() bool {
	return g.IsLeader() && len(g.waiting) > 0 && len(g.inflight) < g.cfg.MaxInflight
}

// Flush proposes waiting commands as entries. stamp is asked for once for each
// entry and must rise.
func (g *Group) Flush(stamp func() clock.Timestamp, seed func() uint64) {
	for g.CanPropose() {
		b := g.waiting[0]
		g.waiting = slices.Delete(g.waiting, 0, 1)
		g.propose(b, stamp(), seed())
	}
}

// CloseTimestamp appends an empty entry, if this replica leads and nothing is
// on its way already, so that the closed timestamp moves.
func (g *Group) CloseTimestamp(stamp clock.Timestamp) {
	if g.IsLeader() && len(g.inflight) == 0 && len(g.waiting) == 0 {
		g.spare = nil // it rests
		g.propose(new(batch), stamp, 0)
		g.cfg.Wake()
	}
}

func (g *Group) propose(b *batch, stamp clock.Timestamp, seed uint64) {
	g.seq++
	b.seq = g.seq
	b.seal(g.cfg.Node, g.cfg.Boot, stamp, seed)
	if err := g.raft.Propose(b.data); err != nil {
		b.fail(dropped(err))
		return
	}
	g.inflight = append(g.inflight, b)
}

func dropped(err error) error {
	if errors.Is(err, raft.ErrProposalDropped) {
		return kv.Errorf(kv.KindUnavailable, "the leader could not take the command (an election or too much in flight); nothing was done")
	}
	return kv.Errorf(kv.KindUnavailable, "proposal refused: %v; nothing was done", err)
}

// observe notes changes of term and role. Commands that were not proposed yet
// fail when leadership is gone: certainly nothing happened.
func (g *Group) observe() {
	st := g.raft.BasicStatus()
	if lead := kv.NodeID(st.Lead); lead != g.lead && lead != 0 {
		g.reads.again = true // the one before may have gone with the question
	}
	if term := st.HardState.GetTerm(); term != g.term || st.RaftState != g.role {
		g.fresh.restart()
		g.heir = 0
	}
	g.term, g.lead, g.role = st.HardState.GetTerm(), kv.NodeID(st.Lead), st.RaftState
	if g.role == raft.StateLeader || len(g.waiting) == 0 {
		return
	}
	g.Refuse(notLeader)
}

// Refuse fails the commands that wait for an entry: certainly nothing happened.
func (g *Group) Refuse(err error) {
	waiting := g.waiting
	g.waiting = nil
	for _, b := range waiting {
		b.fail(err)
	}
}
