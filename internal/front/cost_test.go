package front

import (
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
)

// idle answers at once with a constant, so that only the front's own cost is
// left.
type idle struct{ *fake }

var constant = []byte("+OK\r\n")

func (idle) Submit(r *node.Request) { r.Done.Complete(r, constant, kv.Receipt{}, nil) }

// discard is an output that nobody reads.
type discard struct{ conn *Conn }

func (*discard) Write([]byte)     {}
func (*discard) Close()           {}
func (*discard) CloseAfterFlush() {}
func (*discard) Pause()           {}
func (*discard) Resume()          {}
func (*discard) Buffered() int    { return 0 }
func (*discard) Charge(int)       {}

func (*discard) SetDeadline(time.Duration) {}
