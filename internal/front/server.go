package front

import (
	"maps"
	"slices"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/resp"
)

const (
	keepScratch = 64 << 10 // the largest buffer kept for the next reply
	keepReply   = 1 << 10  // the largest buffer kept in a pooled operation
	keepOps     = 4096     // the most operations kept for later
)

// Server is what the connections of a node share. It is for the loop's
// goroutine only.
type Server struct {
	backend  Backend
	config   Config
	table    map[*data.Command]*verb
	conns    map[uint64]*Conn
	singles  int // commands without a connection under way
	nextID   uint64
	commands uint64
	slow     slowLog
	draining bool

	peek resp.Parser // of Conn.ahead
	keys [][]byte    // scratch of Conn.ahead

	submitting *op // being submitted, for the slow log; nil once it is complete

	free    []*op
	neutral []byte // a reply being made
	out     []byte // a reply being rendered
}

// NewServer returns a server without connections.
func NewServer(b Backend, cfg Config) *Server {
	return &Server{
		backend: b,
		config:  cfg.withDefaults(),
		table:   newTable(),
		conns:   map[uint64]*Conn{},
	}
}

// Open begins a connection. remote is the client's address, as shown to
// operators. If there are too many connections, the new one is told so and
// closed.
func (s *Server) Open(out Output, remote string) *Conn {
	s.nextID++
	now := s.backend.Now()
	c := &Conn{server: s, out: out, id: s.nextID, remote: remote, opened: now, used: now}
	c.renew()
	if len(s.conns)+s.singles >= s.config.Limits.Clients {
		c.closing = true
		c.reply(resp.AppendError(nil, "ERR max number of clients reached"))
		return c
	}
	s.conns[c.id] = c
	return c
}

// Drain ends all connections: no more commands are taken, and each is closed
// when those under way are answered.
func (s *Server) Drain() {
	s.draining = true
	for _, c := range s.byID() {
		c.drain()
	}
}

// Drained says whether all that was taken is answered and written.
func (s *Server) Drained() bool {
	for _, c := range s.conns {
		if c.queue.len() > 0 || c.out.Buffered() > 0 {
			return false
		}
	}
	return s.singles == 0
}

// Totals counts what came since NewServer.
type Totals struct{ Connections, Commands uint64 }

// Totals is how many connections and commands came.
func (s *Server) Totals() Totals { return Totals{s.nextID, s.commands} }

// Clients is the number of connections.
func (s *Server) Clients() int { return len(s.conns) }

// byID is all connections in the order in which they came.
func (s *Server) byID() []*Conn {
	list := make([]*Conn, 0, len(s.conns))
	for _, id := range slices.Sorted(maps.Keys(s.conns)) {
		list = append(list, s.conns[id])
	}
	return list
}

func (s *Server) keyspaceModel(id kv.KeyspaceID) (model kv.Model) {
	s.backend.EachKeyspace(func(k kv.KeyspaceID, _ string, m kv.Model, _, _ int) {
		if k == id {
			model = m
		}
	})
	return model
}

// trimmed is b for the next use, or nothing if b became too large to keep.
func trimmed(b []byte) []byte {
	if cap(b) > keepScratch {
		return nil
	}
	return b[:0]
}
