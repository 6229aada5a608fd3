package disk

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Disk is a node's durable memory. All methods but Err belong to one goroutine.
type Disk struct {
	opts     Options
	lock     io.Closer
	identity []byte
	journal  journal
	engine   *engine
	cache    valueCache
	worker   *worker // nil when inline

	logs   map[uint64]*Log
	states map[uint64]*State
	floors map[uint64]uint32 // of dropped groups: the epochs below were used

	touched   []*State        // with changes, or an applied index, that are not frozen
	unapplied int             // states with changes after their SetApplied
	relieved  int64           // bytes of log written before relieve looks again
	dirty     int64           // bytes changed and not frozen
	since     int64           // bytes of log since the last freeze
	chain     []*generation   // frozen, oldest first
	drops     []uint64        // groups to delete in the next generation
	dropping  map[uint64]bool // groups whose deletion is not durable
	frozeAt   time.Duration

	writers map[uint64]*SnapshotWriter
	readers map[*SnapshotReader]bool
	metrics Metrics
	closed  bool

	err      atomic.Pointer[error]
	failing  sync.Once
	failedCh chan struct{}
}

// Metrics are counters since Open, and sizes now, in bytes.
type Metrics struct {
	LogBytes, LogWritten    int64 // the log's frames that are kept; all that were written
	Segments, Syncs         int64
	Entries, EntryBytes     int64 // retained in memory
	DirtyBytes, FrozenBytes int64
	Generations, Stalls     int64 // written behind; times the loop waited for that
	Carried                 int64 // times a lagging group's log was copied forward
	CacheHits, CacheMisses  int64 // reads that the generations could not answer
	StateBytes              int64 // Pebble's files
	Groups                  int64
}

// fail makes the first error the Disk's last word. It may be called by any
// goroutine.
func (d *Disk) fail(err error) {
	d.failing.Do(func() {
		d.err.Store(&err)
		close(d.failedCh)
		if d.opts.Events.Failed != nil && err != ErrClosed {
			d.opts.Events.Failed(err)
		}
	})
}

func (d *Disk) failed() bool { return d.err.Load() != nil }

// Err is the first I/O error, of any operation, foreground or background. It is
// final: nothing is durable any more, and the node must stop before it releases
// another reply. Any goroutine may call it.
func (d *Disk) Err() error {
	if p := d.err.Load(); p != nil {
		return *p
	}
	return nil
}

// Log is a group's Raft log, empty if the group is new.
func (d *Disk) Log(group uint64) *Log {
	l := d.logs[group]
	if l == nil {
		d.settleDrop(group)
		l = &Log{d: d, group: group, conf: &raftpb.ConfState{}}
		d.logs[group] = l
	}
	return l
}

// State is a group's state, empty if the group is new.
func (d *Disk) State(group uint64) *State {
	s := d.states[group]
	if s == nil {
		d.settleDrop(group)
		s = d.newState(group)
	}
	return s
}

func (d *Disk) newState(group uint64) *State {
	s := &State{d: d, group: group}
	s.setEpoch(max(1, d.floors[group]), false)
	s.cur = newDelta(s, s.epoch, nil)
	d.states[group] = s
	return s
}

// Append adds a round's records of one group: hs if it is not nil, and the
// entries, whose indexes are consecutive and which replace a suffix of the log
// if it goes beyond the first. They are visible in the Log at once and durable
// after Sync(true). The entries are kept as they are and must not be changed.
func (d *Disk) Append(group uint64, hs *raftpb.HardState, ents []*raftpb.Entry) {
	if d.failed() {
		return
	}
	l := d.Log(group)
	if len(ents) > 0 {
		fit, err := l.fit(ents)
		if err != nil {
			d.fail(err)
			return
		}
		if len(fit) > 0 {
			d.journal.buf = appendEntries(d.journal.buf, group, fit)
			l.put(fit)
			d.recorded()
		}
	}
	if hs != nil {
		h := hardState{hs.GetTerm(), hs.GetVote(), hs.GetCommit()}
		if h != l.hard {
			l.hard = h
			d.journal.buf = appendHard(d.journal.buf, group, h)
			d.recorded()
		}
	}
}

func (d *Disk) recorded() {
	if err := d.journal.add(); err != nil {
		d.fail(err)
	}
}

// lazyBytes is how much may wait in memory when no sync is asked for.
const lazyBytes = 64 << 10

// Sync makes all that was appended so far, of all groups, durable: with one
// write and one fdatasync, or with nothing if there is nothing. With must
// false, which is for rounds that only moved a commit index, the records may
// stay in memory until the next round. After an error the Disk has failed.
func (d *Disk) Sync(must bool) error {
	if d.failed() {
		return d.Err()
	}
	if !d.journal.pending() || !must && len(d.journal.buf) < lazyBytes {
		return nil
	}
	n, err := d.journal.write()
	if err != nil {
		d.fail(err)
		return d.Err()
	}
	d.since += int64(n)
	if d.journal.full(d.opts.Inline) {
		d.roll()
	}
	return d.Err()
}

// roll ends the segment being written: the next frame begins a new one.
func (d *Disk) roll() {
	j := &d.journal
	seg := j.current()
	if seg.high == nil {
		seg.high = map[uint64]uint64{}
	}
	for id, l := range d.logs {
		if l.high > 0 {
			seg.high[id] = max(seg.high[id], l.high)
			l.high = 0
		}
	}
	j.opening = true
	d.writeCheckpoint()
	if d.opts.Events.Rolled != nil {
		d.opts.Events.Rolled(seg.number + 1)
	}
}

// writeCheckpoint puts a checkpoint into the journal's empty buffer.
func (d *Disk) writeCheckpoint() {
	var ids, gone []uint64
	for id, l := range d.logs {
		if l.mark() != (groupMark{}) {
			ids = append(ids, id)
		}
	}
	for id := range d.dropping {
		gone = append(gone, id)
	}
	slices.Sort(ids)
	slices.Sort(gone)
	b := appendNumbers(d.journal.buf, uint64(len(ids)+len(gone)))
	for _, id := range ids {
		b = appendGroup(b, id, d.logs[id].mark())
	}
	for _, id := range gone {
		b = appendHead(b, recDrop, id)
	}
	d.journal.buf, d.journal.lead = b, true
}

// Groups are the groups that have a log or a state, ascending.
func (d *Disk) Groups() []uint64 {
	var ids []uint64
	for id := range d.logs {
		ids = append(ids, id)
	}
	for id := range d.states {
		if d.logs[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Metrics are for the console and tests; they take a walk over the groups.
func (d *Disk) Metrics() Metrics {
	m := d.metrics
	m.LogBytes, m.LogWritten = d.journal.bytes(), d.journal.written
	m.Segments, m.Syncs = int64(len(d.journal.segs)), d.journal.syncs
	for _, l := range d.logs {
		m.Entries += int64(len(l.ents))
		m.EntryBytes += l.bytes
	}
	m.DirtyBytes = d.dirty
	for _, g := range d.chain {
		m.FrozenBytes += g.bytes
	}
	if !d.closed {
		m.StateBytes = d.engine.diskUsage()
	}
	m.Groups = int64(len(d.Groups()))
	return m
}

// Close syncs the log and releases the directory. Changes of state that are not
// written behind come back from the log at the next start. It ends all
// snapshots. It returns the Disk's error if it has failed.
func (d *Disk) Close() error {
	if d.closed {
		return ErrClosed
	}
	err := d.Sync(true)
	for r := range d.readers {
		r.Close()
	}
	for _, w := range d.writers {
		w.leave(ErrClosed)
	}
	d.closed = true
	err = errors.Join(err, d.release())
	if d.failed() {
		return d.Err()
	}
	d.fail(ErrClosed)
	if err != nil {
		return fmt.Errorf("disk: close %s: %w", d.opts.Dir, err)
	}
	return nil
}

// release lets go of all files, in whatever order Open came to hold them.
func (d *Disk) release() error {
	var errs []error
	errs = append(errs, d.journal.close())
	if d.engine != nil && d.failed() {
		d.engine.letGo()
	}
	if d.worker != nil {
		d.worker.stop()
	}
	if d.engine != nil {
		errs = append(errs, d.engine.close(errors.As(d.Err(), new(*DamageError))))
	}
	if d.cache != nil {
		d.cache.close()
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}
