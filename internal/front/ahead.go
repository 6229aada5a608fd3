package front

import (
	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/resp"
)

// aheadAtOnce is how many commands of a pipeline are looked at ahead.
const aheadAtOnce = 32

// ahead looks at the commands at the front of b and has the keys of reads among
// them loaded together, before the first is run: a processor that waits for
// memory then waits once for many of them. It returns how many bytes it looked
// at, all if there is nothing to gain.
func (c *Conn) ahead(b []byte) (seen int) {
	s := c.server
	// A command that comes in many pieces must not be looked at once for each.
	if !c.authenticated || c.parser.Partial() || !s.backend.Ahead(c.keyspace) {
		return len(b)
	}
	p := &s.peek
	p.Limits = c.parser.Limits
	for range aheadAtOnce {
		args, n, err := p.Next(b[seen:])
		if n == 0 || err != nil {
			seen = len(b)
			break
		}
		seen += n
		if len(args) < 2 {
			continue
		}
		if cmd := data.Lookup(args[0]); cmd != nil && cmd.Flags&data.ReadOnly != 0 && cmd.FirstKey == 1 {
			s.keys = append(s.keys, args[1])
		}
	}
	*p = resp.Parser{}
	s.backend.Prefetch(c.keyspace, s.keys)
	clear(s.keys)
	s.keys = s.keys[:0]
	return seen
}
