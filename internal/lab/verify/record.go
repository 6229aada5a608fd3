package verify

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/parleydb/parley/history"
)

// recorder writes what happened to the history's file. Each client gathers its
// operations in a batch of its own and hands it over when it is full, so that
// recording costs them no more than a copy. The lines of one process stand in
// their order, those of different ones may not.
type recorder struct {
	start   time.Time
	path    string
	file    *os.File
	w       *history.Writer
	batches chan []record
	spare   chan []record
	done    chan error
	discard bool
}

// record is an operation that ended, or was settled later, or a note.
type record struct {
	op      history.Op
	end     int64 // also for ambiguous operations: when their client gave up
	settled bool  // only the outcome is news
	note    string
}

const (
	batchSize  = 256
	flushEvery = time.Second
)

// newRecorder begins a file; "" is a temporary one, which close removes. Its
// clock began at start.
func newRecorder(start time.Time, path string, h history.Header, discard bool) (*recorder, error) {
	r := &recorder{start: start, path: path, batches: make(chan []record, 64), spare: make(chan []record, 64), done: make(chan error, 1), discard: discard}
	var err error
	if path == "" {
		r.file, err = os.CreateTemp("", "parley-verify-*.jsonl")
	} else {
		r.file, err = os.Create(path)
	}
	if err != nil {
		return nil, err
	}
	if r.w, err = history.NewWriter(r.file, h); err != nil {
		return nil, errors.Join(err, r.file.Close())
	}
	go func() { r.done <- r.write() }()
	return r, nil
}

// now is the time on the history's clock.
func (r *recorder) now() int64 { return int64(time.Since(r.start)) }

func (r *recorder) write() error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case batch, ok := <-r.batches:
			if !ok {
				return r.w.Flush()
			}
			for i := range batch {
				r.put(&batch[i])
			}
			clear(batch)
			select {
			case r.spare <- batch[:0]:
			default:
			}
		case <-tick.C:
			_ = r.w.Flush() // an error sticks
		}
	}
}

func (r *recorder) put(e *record) {
	switch {
	case r.discard:
	case e.note != "":
		_ = r.w.Note(history.Note{Time: e.end, Text: e.note}) // errors stick
	case e.settled:
		_ = r.w.Complete(&e.op, e.end)
	default:
		_ = r.w.Invoke(&e.op)
		_ = r.w.Complete(&e.op, e.end)
	}
}

// note writes a note, at once.
func (r *recorder) note(text string) {
	r.batches <- []record{{note: text, end: r.now()}}
}

// finish ends the recording: all clients have handed over what they had.
func (r *recorder) finish() error {
	close(r.batches)
	return <-r.done
}

// read gives back what was recorded.
func (r *recorder) read() (*history.History, error) {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return history.ReadFrom(r.file, history.DefaultLimits())
}

// close closes the file, and removes it if it was a temporary one.
func (r *recorder) close() error {
	err := r.file.Close()
	if r.path == "" {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	return err
}

// tape is one client's end of the recorder.
type tape struct {
	r     *recorder
	batch []record
	since int64 // when the batch was begun
}

func (t *tape) add(e record) {
	if t.batch == nil {
		select {
		case t.batch = <-t.r.spare:
		default:
			t.batch = make([]record, 0, batchSize)
		}
		t.since = e.end
	}
	t.batch = append(t.batch, e)
	if len(t.batch) == batchSize || e.end-t.since > int64(flushEvery) {
		t.flush()
	}
}

func (t *tape) flush() {
	if len(t.batch) > 0 {
		t.r.batches <- t.batch
	}
	t.batch = nil
}
