package disk

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleydb/parley/internal/planted"
)

// Options of a Disk. Sizes are in bytes; a size of 0 means its default.
type Options struct {
	// FS holds the files; nil is the operating system's file system.
	FS vfs.FS
	// Dir is the directory; it is made if missing.
	Dir string
	// CacheBytes bounds the clean values and blocks kept in memory. Default
	// 256 MiB.
	CacheBytes int64
	// SegmentBytes is the size of a log segment. Default 32 MiB. On a MemFS
	// each sync copies the file: keep it small there.
	SegmentBytes int64
	// GenerationBytes is how much changed state gathers in memory before it is
	// written behind. Up to three times as much is used in bursts. Default
	// 32 MiB.
	GenerationBytes int64
	// LogKeepBytes is how much log is kept for slow followers after the state
	// no longer needs it. Default 64 MiB.
	LogKeepBytes int64
	// LogMaxBytes is the log size beyond which state is written behind at once
	// and what pins old segments is copied forward. Default: four times
	// LogKeepBytes and GenerationBytes, and four segments.
	LogMaxBytes int64
	// Inline does everything inside the calls, without a background goroutine:
	// the same calls give the same files, for the simulator.
	Inline bool
	// Sync false (--no-fsync) leaves the log to the operating system: a
	// process may crash, a machine may not.
	Sync bool
	// Bugs are deliberate mistakes, for the simulator.
	Bugs planted.Bugs
	// Events are told what happens. All are optional.
	Events Events
}

// Events are hooks for metrics and logs. They run where the event happens, on
// the loop or in the background, must be safe for that, and must not call the
// Disk.
type Events struct {
	Synced  func(bytes int, took time.Duration)   // a round is durable
	Flushed func(bytes int64, took time.Duration) // a generation is durable in Pebble
	Rolled  func(segment uint64)                  // a new log segment has begun
	Deleted func(segments int)                    // old log segments are gone
	Failed  func(err error)                       // the Disk has failed for good, or Open has
}

// DefaultOptions are Options for a directory, with syncing on.
func DefaultOptions(dir string) Options { return Options{Dir: dir, Sync: true} }

const (
	minSegmentBytes = 4 << 10
	maxSegmentBytes = 1 << 30
)

func (o *Options) complete() error {
	if o.Dir == "" {
		return errors.New("disk: no directory given")
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	for _, s := range []struct {
		name     string
		v        *int64
		def      int64
		min, max int64
	}{
		{"CacheBytes", &o.CacheBytes, 256 << 20, 0, 1 << 40},
		{"SegmentBytes", &o.SegmentBytes, 32 << 20, minSegmentBytes, maxSegmentBytes},
		{"GenerationBytes", &o.GenerationBytes, 32 << 20, 1, 1 << 30},
		{"LogKeepBytes", &o.LogKeepBytes, 64 << 20, 0, 1 << 40},
	} {
		if *s.v == 0 {
			*s.v = s.def
		}
		if *s.v < s.min || *s.v > s.max {
			return fmt.Errorf("disk: %s is %d, must be between %d and %d", s.name, *s.v, s.min, s.max)
		}
	}
	least := 4 * (o.LogKeepBytes + o.GenerationBytes + o.SegmentBytes)
	if o.LogMaxBytes == 0 {
		o.LogMaxBytes = least
	}
	if o.LogMaxBytes < 0 {
		return fmt.Errorf("disk: LogMaxBytes is %d, must not be negative", o.LogMaxBytes)
	}
	return nil
}
