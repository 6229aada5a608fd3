package disk

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/raft/v3/raftpb"
)

// SnapshotWriter receives a group's state, aside, under an epoch of its own.
// Nothing of it is visible before Install. After a crash it is gone.
type SnapshotWriter struct {
	d     *Disk
	group uint64
	epoch uint32

	next    uint64 // number of the chunk to come
	lastKey []byte
	pairs   uint64
	mark    installMark // from the end chunk
	ended   bool        // the end chunk has come
	conf    *raftpb.ConfState
	over    error // Abort, Install or Close

	staged  int64        // bytes since the last flush; of the background
	pending atomic.Int64 // bytes handed over and not yet written
	done    atomic.Bool  // Finish's work is durable
}

const (
	// stageFlush is how much is staged between flushes.
	stageFlush = 8 << 20
	// maxPending is how much may wait for the background.
	maxPending = 8 << 20
)

const (
	stageOpen     = 1
	stageComplete = 2
)

// Receive begins to receive a snapshot for a group, one at a time.
func (d *Disk) Receive(group uint64) (*SnapshotWriter, error) {
	if d.failed() {
		return nil, d.Err()
	}
	if d.writers[group] != nil {
		return nil, fmt.Errorf("disk: group %d receives a snapshot already: abort that one first", group)
	}
	s := d.State(group)
	w := &SnapshotWriter{d: d, group: group, epoch: s.allot()}
	d.writers[group] = w
	d.background(func() error {
		return w.stage(func(b *pebble.Batch) error { return w.putMarker(b, stageOpen, installMark{}) })
	})
	return w, d.Err()
}

// Write takes the next chunk; it may reuse the chunk's memory afterwards. A
// chunk that is damaged, of another group, or not the next, is refused with
// ErrSnapshotDamaged.
func (w *SnapshotWriter) Write(chunk []byte) error {
	if err := w.usable(); err != nil {
		return err
	}
	h, rd, err := openChunk(chunk)
	if err != nil {
		return err
	}
	switch {
	case h.group != w.group:
		return fmt.Errorf("%w: it is of group %d, not %d", ErrSnapshotDamaged, h.group, w.group)
	case h.number != w.next:
		return fmt.Errorf("%w: it has number %d, expected %d", ErrSnapshotDamaged, h.number, w.next)
	case w.ended:
		return fmt.Errorf("%w: it follows the end", ErrSnapshotDamaged)
	case h.kind == chunkEnd:
		err = w.end(rd)
	case h.kind == chunkPairs:
		err = w.take(chunk, rd)
	default:
		err = fmt.Errorf("%w: unknown kind %d", ErrSnapshotDamaged, h.kind)
	}
	if err == nil {
		w.next++
	}
	return err
}

// take checks a chunk's pairs and hands a copy over to be staged.
func (w *SnapshotWriter) take(chunk []byte, rd recordReader) error {
	last, first, n := w.lastKey, w.pairs == 0, uint64(0)
	for rd.more() {
		key, _ := rd.pair()
		if rd.bad || !first && bytes.Compare(key, last) <= 0 {
			return fmt.Errorf("%w: its keys are not in order", ErrSnapshotDamaged)
		}
		last, first = key, false
		n++
	}
	w.lastKey = append(w.lastKey[:0], last...)
	w.pairs += n
	own := bytes.Clone(chunk)
	w.pending.Add(int64(len(own)))
	w.d.background(func() error {
		defer w.pending.Add(-int64(len(own)))
		return w.stage(func(b *pebble.Batch) error { return w.putPairs(b, own) })
	})
	return w.d.Err()
}

func (w *SnapshotWriter) end(rd recordReader) error {
	m := installMark{index: rd.number(), term: rd.number(), epoch: w.epoch}
	if pairs := rd.number(); rd.bad || pairs != w.pairs || m.index == 0 {
		return fmt.Errorf("%w: it ends after %d pairs, %d were received", ErrSnapshotDamaged, pairs, w.pairs)
	}
	w.mark, w.ended = m, true
	return nil
}

// Ready says whether the next chunk should be asked for: false while many wait
// to be written.
func (w *SnapshotWriter) Ready() bool { return w.pending.Load() < maxPending }

// Finish makes the received state durable, in the background: Done says when.
// index and term must be those of the snapshot; conf is its configuration, for
// the Log.
func (w *SnapshotWriter) Finish(index, term uint64, conf *raftpb.ConfState) error {
	if err := w.usable(); err != nil {
		return err
	}
	if !w.ended {
		return fmt.Errorf("%w: the end is missing", ErrSnapshotDamaged)
	}
	if index != w.mark.index || term != w.mark.term {
		return fmt.Errorf("%w: it is of index %d, term %d, not of index %d, term %d",
			ErrSnapshotDamaged, w.mark.index, w.mark.term, index, term)
	}
	if w.conf != nil {
		return fmt.Errorf("disk: group %d: the snapshot is finished already", w.group)
	}
	w.conf = cloneConf(conf)
	mark := w.mark
	w.d.background(func() error {
		err := w.stage(func(b *pebble.Batch) error { return w.putMarker(b, stageComplete, mark) })
		if err == nil {
			err = w.d.engine.flush()
		}
		if err == nil {
			w.done.Store(true)
		}
		return err
	})
	return w.d.Err()
}

// Done says whether the state is durable, so that Install may be called.
func (w *SnapshotWriter) Done() bool { return w.done.Load() }

// Abort gives the snapshot up; what was received is deleted. After Install it
// does nothing.
func (w *SnapshotWriter) Abort() {
	if w.over != nil {
		return
	}
	w.leave(errAborted)
	d := w.d
	if d.failed() {
		return
	}
	group, epoch := w.group, w.epoch
	d.background(func() error {
		b := d.engine.batch(0)
		if err := eraseStage(b, group, epoch); err != nil {
			return err
		}
		return d.engine.commit(b)
	})
}

var errAborted = errors.New("snapshot was aborted")
var errInstalled = errors.New("snapshot is installed")

// leave takes the writer off the Disk.
func (w *SnapshotWriter) leave(why error) {
	if w.over == nil {
		w.over = why
		delete(w.d.writers, w.group)
	}
}

func (w *SnapshotWriter) usable() error {
	if w.d.failed() {
		return w.d.Err()
	}
	return w.over
}

// stage commits a batch, and flushes when enough has gathered.
func (w *SnapshotWriter) stage(put func(*pebble.Batch) error) error {
	if w.d.failed() {
		return w.d.Err()
	}
	b := w.d.engine.batch(0)
	if err := put(b); err != nil {
		return err
	}
	w.staged += int64(b.Len())
	if err := w.d.engine.commit(b); err != nil {
		return err
	}
	if w.staged < stageFlush {
		return nil
	}
	w.staged = 0
	return w.d.engine.flush()
}

func (w *SnapshotWriter) putMarker(b *pebble.Batch, status byte, m installMark) error {
	v := appendNumbers([]byte{status}, m.index, m.term)
	return b.Set(stageKey(w.group, w.epoch), v, nil)
}

func (w *SnapshotWriter) putPairs(b *pebble.Batch, chunk []byte) error {
	_, rd, err := openChunk(chunk)
	if err != nil {
		return err
	}
	key := appendDataPrefix(nil, w.group, w.epoch)
	for rd.more() {
		k, v := rd.pair()
		key = append(key[:dataPrefix], k...)
		if err := b.Set(key, v, nil); err != nil {
			return err
		}
	}
	return nil
}

func eraseStage(b *pebble.Batch, group uint64, epoch uint32) error {
	if err := eraseEpoch(b, group, epoch); err != nil {
		return err
	}
	return b.Delete(stageKey(group, epoch), nil)
}
