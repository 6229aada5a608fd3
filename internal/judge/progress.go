package judge

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long a step may take before something is said about it.
const quiet = 2 * time.Second

// progress tells on stderr what a long run is at: nothing about steps that are
// quick, then a line when a step has taken two seconds, and again ever more rarely.
type progress struct {
	w    io.Writer
	wait time.Duration
}

// during runs fn, and tells of it while it takes long. count is how far it has
// come, nil if that is not known.
func (p progress) during(what string, count func() int64, fn func()) {
	done := make(chan struct{})
	var told sync.WaitGroup
	began := time.Now()
	told.Go(func() {
		for wait := p.wait; ; wait *= 2 {
			timer := time.NewTimer(wait)
			select {
			case <-done:
				timer.Stop()
				return
			case <-timer.C:
			}
			line := fmt.Sprintf("%s: %v so far", what, time.Since(began).Round(p.wait))
			if count != nil {
				line += fmt.Sprintf(", %d MiB read", count()>>20)
			}
			fmt.Fprintln(p.w, line)
		}
	})
	fn()
	close(done)
	told.Wait()
}
