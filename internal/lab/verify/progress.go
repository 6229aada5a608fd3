package verify

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows how the run goes, until ctx ends: on a terminal one line that is
// written over every second, elsewhere a line now and then.
func (r *run) progress(ctx context.Context) {
	terminal := isTerminal(r.out)
	every := time.Second
	if !terminal {
		every = 5 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	start, before := time.Now(), int64(0)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			if terminal {
				r.say("\n")
			}
			return
		}
		all := r.counts.ok.Load() + r.counts.failed.Load() + r.counts.unknown.Load()
		line := fmt.Sprintf("%4.0f s  %6.0f ops/s  ok %d  failed %d  unknown %d", time.Since(start).Seconds(),
			float64(all-before)/every.Seconds(), r.counts.ok.Load(), r.counts.failed.Load(), r.counts.unknown.Load())
		before = all
		r.nemesis.mu.Lock()
		if len(r.nemesis.active) > 0 {
			line += "  [" + strings.Join(r.nemesis.active, ", ") + "]"
		}
		r.nemesis.mu.Unlock()
		if terminal {
			r.say("\r\x1b[K%s", line)
		} else {
			r.say("%s\n", line)
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
