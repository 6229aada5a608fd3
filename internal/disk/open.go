package disk

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/raft/v3/raftpb"
)

// Open locks the directory, making it if needed, and brings back what was
// durable. It fails with a *LockedError, *FormatError or *DamageError where one
// fits; damaged files are left as they are.
func Open(o Options) (*Disk, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	d := &Disk{
		opts: o,
		logs: map[uint64]*Log{}, states: map[uint64]*State{}, floors: map[uint64]uint32{},
		dropping: map[uint64]bool{}, writers: map[uint64]*SnapshotWriter{}, readers: map[*SnapshotReader]bool{},
		failedCh: make(chan struct{}),
	}
	err := d.open()
	if err == nil || errors.Is(err, errEngineFailed) {
		err = d.Err() // what Pebble's background met, if anything
	}
	if err != nil {
		d.fail(err)
		return nil, errors.Join(err, d.release())
	}
	return d, nil
}

func (d *Disk) open() error {
	if err := d.makeDir(); err != nil {
		return err
	}
	fresh, err := d.checkFormat()
	if err != nil {
		return err
	}
	if err := d.readIdentity(); err != nil {
		return err
	}
	for _, sub := range []string{logDir, stateDir} {
		if err := d.opts.FS.MkdirAll(d.path(sub), 0o755); err != nil {
			return err
		}
	}
	r, err := readLog(d.opts.FS, d.path(logDir))
	if err != nil {
		return err
	}
	if d.cache, err = newValueCache(&d.opts); err != nil {
		return err
	}
	if d.engine, err = openEngine(&d.opts, d.path(stateDir), d.fail, d.failedCh); err != nil {
		return err
	}
	if !fresh && len(r.segs) == 0 {
		return damage(d.path(logDir), -1, "there is no log segment")
	}
	if err := d.recover(r); err != nil || !fresh {
		return err
	}
	if _, err := d.journal.write(); err != nil {
		return err
	}
	if err := syncDir(d.opts.FS, d.opts.Dir); err != nil {
		return err
	}
	return d.finishFormat()
}

// makeDir makes the directory, with a durable name, and locks it.
func (d *Disk) makeDir() error {
	fs := d.opts.FS
	if err := fs.MkdirAll(d.opts.Dir, 0o755); err != nil {
		return err
	}
	lock, err := fs.Lock(d.path(lockFile))
	if err != nil {
		return &LockedError{Dir: d.opts.Dir, Err: err}
	}
	d.lock = lock
	return syncDir(fs, fs.PathDir(d.opts.Dir))
}

// recover joins the log and the state.
func (d *Disk) recover(r *replay) error {
	for id, g := range r.groups {
		d.logs[id] = restoreLog(d, id, g)
	}
	d.journal = journal{
		fs: d.opts.FS, dir: d.path(logDir), size: d.opts.SegmentBytes, sync: d.opts.Sync,
		bugs: d.opts.Bugs, synced: d.opts.Events.Synced, later: d.aside,
	}
	if err := d.journal.resume(r); err != nil {
		return err
	}
	// A segment's checkpoint says what the segments before say, so it comes
	// before anything that is put right below.
	if d.journal.opening || d.journal.off == sectorSize {
		d.writeCheckpoint()
	}
	if err := d.loadStates(); err != nil {
		return err
	}
	if err := d.eraseDropped(r.dropped); err != nil {
		return err
	}
	if err := d.settleStages(); err != nil {
		return err
	}
	for _, id := range d.Groups() {
		if err := d.reconcile(id); err != nil {
			return err
		}
	}
	if !d.opts.Inline {
		d.worker = startWorker(d.fail)
	}
	return nil
}

// aside runs what concerns only the log's files: it must not wait behind
// Pebble.
func (d *Disk) aside(fn func() error) {
	run := func() {
		if err := fn(); err != nil {
			d.fail(err)
		}
	}
	if d.opts.Inline {
		run()
		return
	}
	go run()
}

func restoreLog(d *Disk, id uint64, g *groupReplay) *Log {
	l := &Log{
		d: d, group: id, hard: g.hard, conf: &raftpb.ConfState{},
		base: g.base, baseTerm: g.baseTerm, ents: g.ents, installed: g.installed,
	}
	for _, e := range l.ents {
		l.bytes += int64(len(e.GetData()))
	}
	return l
}

// walk visits the keys of one kind in Pebble.
func (d *Disk) walk(kind byte, fn func(key, val []byte) error) (err error) {
	it, err := d.engine.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		return err
	}
	defer func() { err = d.engine.explain(errors.Join(err, it.Error(), d.engine.done(it))) }()
	for it.First(); it.Valid(); it.Next() {
		val, err := it.ValueAndErr()
		if err == nil {
			err = fn(it.Key(), val)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) loadStates() error {
	return d.walk(keyMeta, func(key, val []byte) error {
		m, err := decodeStateMeta(val)
		if err != nil || len(key) != 1+8 {
			return damage(d.engine.dir, -1, "%v", errMeta)
		}
		s := d.newState(binary.BigEndian.Uint64(key[1:]))
		s.setEpoch(m.epoch, true)
		s.cur.epoch = m.epoch
		s.applied, s.appliedTerm, s.durable = m.applied, m.term, m.applied
		return nil
	})
}

// eraseDropped ends the deletions that a crash cut short.
func (d *Disk) eraseDropped(dropped map[uint64]bool) error {
	if len(dropped) == 0 {
		return nil
	}
	b := d.engine.batch(0)
	for id := range dropped {
		delete(d.states, id)
		if err := eraseGroup(b, id); err != nil {
			return err
		}
	}
	if err := d.engine.commit(b); err != nil {
		return err
	}
	return d.engine.flush()
}

// settleStages deletes the snapshots that were being received, and adopts the
// one that the log says is installed, if Pebble does not say so yet.
func (d *Disk) settleStages() error {
	complete := map[uint64]installMark{}
	b := d.engine.batch(0)
	err := d.walk(keyStage, func(key, val []byte) error {
		if len(key) != 1+8+4 || len(val) < 1 {
			return damage(d.engine.dir, -1, "a received snapshot's marker is malformed")
		}
		group, epoch := binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint32(key[9:])
		d.floors[group] = max(d.floors[group], epoch+1)
		if s := d.states[group]; s != nil {
			s.next = max(s.next, epoch+1)
		}
		if l := d.logs[group]; l != nil && l.installed.epoch == epoch && d.awaits(l) {
			if val[0] == stageComplete {
				rd := recordReader{b: val[1:]}
				complete[group] = installMark{index: rd.number(), term: rd.number(), epoch: epoch}
			}
			return nil
		}
		return eraseStage(b, group, epoch)
	})
	if err != nil {
		return err
	}
	for id, l := range d.logs {
		if !d.awaits(l) {
			continue
		}
		if complete[id] != l.installed {
			return damage(d.engine.dir, -1, "the snapshot of group %d at index %d, which the log says is installed, is not there", id, l.installed.index)
		}
		d.State(id).adopt(l.installed)
	}
	slices.SortFunc(d.touched, func(a, b *State) int { return int(int64(a.group) - int64(b.group)) })
	return d.engine.commit(b)
}

// awaits says whether the log's installed snapshot is news to the state.
func (d *Disk) awaits(l *Log) bool {
	if l.installed.index == 0 {
		return false
	}
	s := d.states[l.group]
	return s == nil || s.applied < l.installed.index
}

// reconcile tests that a group's log and state fit together.
func (d *Disk) reconcile(id uint64) error {
	l, s := d.logs[id], d.states[id]
	if l == nil {
		l = d.Log(id)
	}
	var applied, term uint64
	if s != nil {
		applied, term = s.Applied()
	}
	file := d.path(logDir)
	switch {
	case applied < l.base:
		return damage(d.engine.dir, -1, "group %d is at index %d, but its log begins after %d", id, applied, l.base)
	case applied > l.last() && d.opts.Sync:
		return damage(file, -1, "group %d ends at index %d, but its state is at %d (a log that was written with --no-fsync ends like this after the machine's crash)",
			id, l.last(), applied)
	case applied > l.last():
		l.reset(applied, term)
		d.journal.buf = appendPoint(d.journal.buf, recReset, id, applied, term)
		d.recorded()
	case l.term(applied) != term:
		return damage(file, -1, "group %d has term %d at index %d, but its state has term %d", id, l.term(applied), applied, term)
	}
	if applied > 0 {
		d.raise(l, applied, term)
	}
	if l.hard.commit > l.last() {
		return damage(file, -1, "group %d ends at index %d, but index %d was committed", id, l.last(), l.hard.commit)
	}
	return d.Err()
}
