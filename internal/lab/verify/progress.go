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
func progress(ctx context.Context, runs []*run) {
	r := runs[0]
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
		var ok, failed, unknown int64
		for _, r := range runs {
			ok, failed, unknown = ok+r.counts.ok.Load(), failed+r.counts.failed.Load(), unknown+r.counts.unknown.Load()
		}
		all := ok + failed + unknown
		line := fmt.Sprintf("%4.0f s  %6.0f ops/s  ok %d  failed %d  unknown %d", time.Since(start).Seconds(),
			float64(all-before)/every.Seconds(), ok, failed, unknown)
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
