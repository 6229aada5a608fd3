package disk

import (
	"fmt"
	"slices"
)

// Install makes a received snapshot the group's state, and empties its log,
// which goes on after the snapshot's index. It is atomic: the point is the sync
// of one record in the log, which says that the state is the staged epoch's. If
// a crash comes before Pebble knows the epoch too, Open finds it in the log.
// Durable on return. Before it, Done must be true; the caller then forgets what
// it derived from the old state.
//
// The term of the hard state is raised to the snapshot's if it is lower, and
// the commit index to the snapshot's.
func (d *Disk) Install(w *SnapshotWriter) error {
	if err := w.usable(); err != nil {
		return err
	}
	if !w.Done() {
		return fmt.Errorf("disk: group %d: the snapshot is not durable yet", w.group)
	}
	l, s := d.Log(w.group), d.State(w.group)
	if w.mark.index <= s.applied {
		return fmt.Errorf("disk: group %d: the snapshot of index %d is not newer than the state at %d", w.group, w.mark.index, s.applied)
	}
	if s.open {
		return fmt.Errorf("disk: group %d has changes after its applied index %d: install between entries", w.group, s.applied)
	}
	l.installed, l.conf = w.mark, w.conf
	l.reset(w.mark.index, w.mark.term)
	d.journal.buf = appendInstall(d.journal.buf, w.group, w.mark)
	d.recorded()
	d.raise(l, w.mark.index, w.mark.term)
	if err := d.Sync(true); err != nil {
		return err
	}
	d.unpin(w.group, len(d.journal.segs))
	l.high = 0
	s.adopt(w.mark)
	w.leave(errInstalled)
	return nil
}

// raise brings the hard state up to what the state shows to be committed. A
// node that raises its term has not voted in it.
func (d *Disk) raise(l *Log, commit, term uint64) {
	h := l.hard
	h.commit = max(h.commit, commit)
	if h.term < term {
		h.term, h.vote = term, 0
	}
	if h != l.hard {
		l.hard = h
		d.journal.buf = appendHard(d.journal.buf, l.group, h)
		d.recorded()
	}
}

// adopt makes a staged epoch the present one. The next generation tells Pebble.
func (s *State) adopt(m installMark) {
	s.replace(m.epoch)
	s.stored = true
	s.cur.installed = m.epoch
	s.applied, s.appliedTerm, s.durable = m.index, m.term, m.index
	s.touch()
}

// Drop removes a group's log and state. Durable on return: the state's files
// shrink later.
func (d *Disk) Drop(group uint64) error {
	if d.failed() {
		return d.Err()
	}
	if w := d.writers[group]; w != nil {
		w.Abort()
	}
	if d.logs[group] == nil && d.states[group] == nil {
		return nil
	}
	if s := d.states[group]; s != nil {
		if s.open {
			d.unapplied--
		}
		d.dirty -= s.cur.bytes
		d.floors[group] = s.next
		d.touched = slices.DeleteFunc(d.touched, func(t *State) bool { return t == s })
		delete(d.states, group)
	}
	delete(d.logs, group)
	d.unpin(group, len(d.journal.segs))
	d.dropping[group] = true
	d.drops = append(d.drops, group)
	d.journal.buf = appendHead(d.journal.buf, recDrop, group)
	d.recorded()
	return d.Sync(true)
}

// settleDrop waits until a group that was dropped is gone from Pebble, before
// it is made anew.
func (d *Disk) settleDrop(group uint64) {
	if !d.dropping[group] || d.failed() {
		return
	}
	if slices.Contains(d.drops, group) {
		d.freeze(nil)
	}
	for d.dropping[group] && len(d.chain) > 0 && !d.failed() {
		d.await()
	}
}
