package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// engine is Pebble with its own log off. Its first failed background operation
// is the Disk's failure.
type engine struct {
	db     *pebble.DB
	dir    string
	inline bool
	fail   func(error) // to be told of the first failure
	failed <-chan struct{}

	fatal   chan struct{} // closed when Pebble cannot go on, nor be closed
	once    sync.Once     // for fatal
	closing atomic.Bool
	calls   sync.WaitGroup // calls into Pebble that await runs
	ctx     context.Context
	cancel  context.CancelFunc
	flushes int // inline only: for the compactions
}

// Keys in Pebble. A group's data keys begin with its number and epoch, so that
// an epoch is one range.
const (
	keyMeta  = 1 // group: epoch, applied index and term
	keyStage = 2 // group, epoch: a snapshot is or was being received
	keyData  = 3 // group, epoch, key

	dataPrefix = 1 + 8 + 4
)

func metaKey(group uint64) []byte { return binary.BigEndian.AppendUint64([]byte{keyMeta}, group) }

func stageKey(group uint64, epoch uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte{keyStage}, group), epoch)
}

func appendDataPrefix(b []byte, group uint64, epoch uint32) []byte {
	b = binary.BigEndian.AppendUint64(append(b, keyData), group)
	return binary.BigEndian.AppendUint32(b, epoch)
}

// prefixEnd is the first key after all keys with the prefix. Every prefix here
// begins with a small byte, so there is one.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}

// generationsInL0 is how many generations lie over each other before they are
// compacted: each is a look at a bloom filter for a read that is in no cache. A
// compaction rewrites what is below, which is all keys where writes are spread
// over all keys, so its cost for each write is less with more of them. Pebble
// counts each twice.
const generationsInL0 = 8

// Each block and each table has its cost beside that of its keys, most of it in
// flushes and compactions. A read that is in no cache looks into one block, and
// is not slower with these sizes than with Pebble's 4 KiB and 2 MiB.
const (
	blockSize  = 16 << 10
	tableBytes = 8 << 20 // of the youngest level; the next ones' are larger
)

// compactEvery is after how many flushes inline mode compacts.
const compactEvery = 8

func openEngine(o *Options, dir string, fail func(error), failed <-chan struct{}) (*engine, error) {
	e := &engine{dir: dir, inline: o.Inline, fail: fail, failed: failed, fatal: make(chan struct{})}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	opts := e.options(o)
	defer opts.Cache.Unref()
	err := e.await(func() (err error) {
		e.db, err = pebble.Open(dir, opts)
		return err
	})
	if err != nil {
		e.letGo()
		return nil, e.explain(err)
	}
	return e, nil
}

func (e *engine) options(o *Options) *pebble.Options {
	p := &pebble.Options{
		FS:                         o.FS,
		Cache:                      pebble.NewCache(o.blockBytes() + o.reservedBytes()),
		DisableWAL:                 true,
		FormatMajorVersion:         pebble.FormatTableFormatV6,
		MemTableSize:               memTableBytes,
		L0CompactionThreshold:      2 * generationsInL0,
		L0StopWritesThreshold:      100,
		LBaseMaxBytes:              max(64<<20, 4*o.GenerationBytes),
		CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		Logger:                     engineLogger{e},
		EventListener: &pebble.EventListener{
			BackgroundError: e.backgroundError,
			// By default this ends the process, or here the reading goroutine.
			DataCorruption: func(i pebble.DataCorruptionInfo) { e.fail(damage(i.Path, -1, "%v", i.Details)) },
		},
	}
	p.TargetFileSizes[0], p.TargetFileSizes[1] = tableBytes, 2*tableBytes
	for i := range p.Levels {
		p.Levels[i].BlockSize = blockSize
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	// Pebble reads no filter of the last level, but would write it.
	p.Levels[len(p.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	if o.Inline {
		// What is on disk then depends on the calls only: a batch is flushed
		// before the next, and compactions are asked for.
		p.DisableAutomaticCompactions = true
		p.DisableTableStats = true
		p.L0CompactionThreshold = math.MaxInt32
		p.L0StopWritesThreshold = math.MaxInt32
		p.MemTableSize = 4 << 20
		p.Experimental.ReadSamplingMultiplier = -1
		p.Experimental.FileCacheShards = 1
	}
	return p
}

// engineLogger drops Pebble's chatter.
type engineLogger struct{ e *engine }

func (engineLogger) Infof(string, ...any)  {}
func (engineLogger) Errorf(string, ...any) {}

// Fatalf is Pebble's way to say that it cannot go on: its MANIFEST may or may
// not hold the last change. By default it ends the process. Here it is the
// Disk's failure, and the goroutine stays as it is, with the locks that it
// holds, so that Pebble does nothing more. Whoever may need those locks uses
// await, or asks usable first.
func (l engineLogger) Fatalf(format string, args ...any) {
	l.e.once.Do(func() { close(l.e.fatal) })
	l.e.fail(l.e.explain(fmt.Errorf(format, args...)))
	select {}
}

// retryPause slows Pebble's retries between a failure and close. They do no
// harm: they write new files, and nothing that they make durable is ahead of
// the log.
const retryPause = 10 * time.Millisecond

func (e *engine) backgroundError(err error) {
	e.fail(e.explain(err))
	if !e.closing.Load() {
		time.Sleep(retryPause)
	}
}

// explain turns Pebble's corruption errors into a DamageError.
func (e *engine) explain(err error) error {
	var d *DamageError
	if err == nil || errors.As(err, &d) || !pebble.IsCorruptionError(err) {
		return err
	}
	return damage(e.dir, -1, "%v", err)
}

var errEngineFailed = errors.New("the state's storage engine has failed")

// await runs a call into Pebble that could wait forever after a failure, and
// gives up on it when the Disk has failed. Where Pebble panics, since it cannot
// tell what is on disk, that is the Disk's failure too.
func (e *engine) await(fn func() error) error {
	done := make(chan error, 1)
	e.calls.Add(1)
	go func() {
		defer e.calls.Done()
		defer func() {
			if r := recover(); r != nil {
				e.once.Do(func() { close(e.fatal) })
				done <- fmt.Errorf("pebble: %v", r)
			}
		}()
		done <- fn()
	}()
	select {
	case err := <-done:
		return err
	case <-e.failed:
		return errEngineFailed
	}
}

// commit applies a batch. It is durable after the next flush, and never
// without the batches before it.
func (e *engine) commit(b *pebble.Batch) error {
	return e.explain(e.await(func() error { return b.Commit(pebble.NoSync) }))
}

// flush makes all batches so far durable.
func (e *engine) flush() error {
	var done <-chan struct{}
	err := e.await(func() (err error) {
		done, err = e.db.AsyncFlush()
		return err
	})
	if err != nil {
		return e.explain(err)
	}
	select {
	case <-done:
	case <-e.failed:
		return errEngineFailed
	}
	if !e.inline {
		return nil
	}
	if e.flushes++; e.flushes%compactEvery == 0 {
		return e.compact()
	}
	return nil
}

// usable says whether Pebble may be called.
func (e *engine) usable() bool {
	select {
	case <-e.failed:
		return false
	default:
		return true
	}
}

// done closes what was read with. After a failure it is left to the end of the
// process.
func (e *engine) done(c io.Closer) error {
	if !e.usable() {
		return nil
	}
	return c.Close()
}

func (e *engine) snapshot() (s *pebble.Snapshot, err error) {
	err = e.await(func() error {
		s = e.db.NewSnapshot()
		return nil
	})
	return s, err
}

// compact is for inline mode. It returns when also the obsolete files are gone.
func (e *engine) compact() error {
	err := e.await(func() error {
		return e.db.Compact(e.ctx, []byte{0}, []byte{0xff}, false)
	})
	if err != nil {
		return e.explain(err)
	}
	return e.await(func() error {
		for range 1000 {
			m := e.db.Metrics()
			if m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 {
				break
			}
			runtime.Gosched()
			time.Sleep(20 * time.Microsecond)
		}
		return nil
	})
}

func (e *engine) batch(size int) *pebble.Batch { return e.db.NewBatchWithSize(size) }

// close ends Pebble. After a fatal error it cannot be closed, and stays as it
// is. Nor after damage: where Pebble meets a damaged table it keeps a reference
// to it, and closing panics over that.
func (e *engine) close(damaged bool) error {
	e.letGo()
	if damaged {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		e.calls.Wait()
		done <- e.db.Close()
	}()
	select {
	case err := <-done:
		return err
	case <-e.fatal:
		return nil
	}
}

// letGo ends what could hold up close.
func (e *engine) letGo() {
	e.closing.Store(true)
	e.cancel()
}

// diskUsage is what Pebble's files take, in bytes.
func (e *engine) diskUsage() (n int64) {
	_ = e.await(func() error {
		n = int64(e.db.Metrics().DiskSpaceUsage())
		return nil
	})
	return n
}
