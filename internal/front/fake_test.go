package front

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

// job is a copy of a request, as a node would keep it.
type job struct {
	r     *node.Request
	calls []node.Call
	once  []byte
	reply []byte
}

// fake is a node with real stores. With auto it answers within Submit.
// Otherwise requests wait: those of the log for their turn, reads for any
// moment, and replies for any order.
type fake struct {
	auto      bool
	fail      error
	now, slow int64
	names     []string
	unheard   []string // keyspaces that only Refresh brings
	stores    map[kv.KeyspaceID]*data.Store
	version   uint64
	log       []*job // writes, and reads that go with them
	reads     []*job
	executed  []*job
	awaited   []func(error)
	submitted []node.Request
	cold      bool
	asked     int      // for cold
	loaded    []string // keys of Prefetch
}

func newFake() *fake {
	return &fake{auto: true, now: 1_700_000_000_123, names: []string{"main", "carts"}, stores: map[kv.KeyspaceID]*data.Store{}}
}

func (f *fake) store(id kv.KeyspaceID) *data.Store {
	if f.stores[id] == nil {
		f.stores[id] = data.Open(data.NewMem())
	}
	return f.stores[id]
}

func (f *fake) Submit(r *node.Request) {
	j := &job{r: r, once: bytes.Clone(r.Once)}
	write := r.Kind == node.KindTx || r.Kind == node.KindOutcome
	for _, c := range r.Calls {
		write = write || c.Command != nil && c.Command.Flags&data.Write != 0
		j.calls = append(j.calls, node.Call{Command: c.Command, Args: cloneArgs(c.Args)})
	}
	f.submitted = append(f.submitted, *r)
	switch {
	case f.auto:
		f.execute(j)
		f.answer(j)
	case write || r.InLog:
		f.log = append(f.log, j)
	default:
		f.reads = append(f.reads, j)
	}
}

func (f *fake) execute(j *job) {
	f.version++
	env := &data.Env{Stamp: clock.At(f.now), Wall: f.now, Version: f.version}
	s := f.store(j.r.Keyspace)
	switch j.r.Kind {
	case node.KindCommand:
		j.reply = s.Run(nil, env, j.calls[0].Command, j.calls[0].Args)
	case node.KindVersions:
		j.reply = resp.AppendArray(nil, len(j.calls[0].Args))
		for _, k := range j.calls[0].Args {
			j.reply = resp.AppendInt(j.reply, int64(s.Version(k, env)))
		}
	case node.KindOutcome:
		j.reply = resp.AppendBulkString(nil, "never:"+string(j.once)+":"+string(j.calls[0].Args[0]))
	case node.KindTx:
		for _, w := range j.r.Watches {
			if s.Version(w.Key, env) != w.Version {
				j.reply = resp.AppendNullArray(nil)
				return
			}
		}
		j.reply = resp.AppendArray(nil, len(j.calls))
		for _, c := range j.calls {
			j.reply = s.Run(j.reply, env, c.Command, c.Args)
		}
	}
}

func (f *fake) answer(j *job) {
	f.now += f.slow
	j.r.Token.Strong = max(j.r.Token.Strong, clock.At(f.now))
	receipt := kv.Receipt{Level: kv.Linearizable, Node: 3, Staleness: 1500 * time.Microsecond, Stamp: clock.At(7)}
	if f.fail != nil {
		j.r.Done.Complete(j.r, nil, receipt, f.fail)
		return
	}
	j.r.Done.Complete(j.r, j.reply, receipt, nil)
	for i := range j.reply {
		j.reply[i] = '!' // the reply was valid during the call only
	}
}

// step lets one thing happen, chosen by pick(n) in [0,n). It tells whether
// anything could.
func (f *fake) step(pick func(int) int) bool {
	take := func(list *[]*job, i int) *job {
		j := (*list)[i]
		*list = append((*list)[:i:i], (*list)[i+1:]...)
		return j
	}
	choices := len(f.reads) + len(f.executed) + min(1, len(f.log))
	if choices == 0 {
		return false
	}
	switch i := pick(choices); {
	case i < len(f.reads):
		j := take(&f.reads, i)
		f.execute(j)
		f.executed = append(f.executed, j)
	case i < len(f.reads)+len(f.executed):
		f.answer(take(&f.executed, i-len(f.reads)))
	default:
		j := take(&f.log, 0)
		f.execute(j)
		f.executed = append(f.executed, j)
	}
	return true
}

func (f *fake) Cluster() uint64          { return 42 }
func (f *fake) Site(id kv.NodeID) string { return fmt.Sprintf("s%d", id) }
func (f *fake) Ahead(kv.KeyspaceID) bool {
	f.asked++
	return f.cold
}

func (f *fake) Prefetch(_ kv.KeyspaceID, keys [][]byte) {
	for _, k := range keys {
		f.loaded = append(f.loaded, string(k))
	}
}

func (f *fake) Acknowledged(kv.KeyspaceID) int { return 1 }
func (f *fake) Info(section string) string     { return "# " + section + "\r\n" }
func (f *fake) Now() int64                     { return f.now }
func (f *fake) Elapsed() time.Duration         { return 0 }

func (f *fake) Keyspace(name string) (kv.KeyspaceID, bool) {
	for i, n := range f.names {
		if n != "" && (n == name || strconv.Itoa(i) == name) {
			return kv.KeyspaceID(i), true
		}
	}
	return 0, false
}

func (f *fake) EachKeyspace(fn func(kv.KeyspaceID, string, kv.Model, int, int)) {
	for i, n := range f.names {
		if n != "" {
			fn(kv.KeyspaceID(i), n, kv.ModelStrong, 1, 3)
		}
	}
}

func (f *fake) CreateKeyspace(name string, _ kv.Model, _, _ int, _ time.Duration, done func(error)) {
	if f.fail == nil {
		f.names = append(f.names, name)
	}
	done(f.fail)
}

func (f *fake) DropKeyspace(name string, _ time.Duration, done func(error)) {
	id, _ := f.Keyspace(name)
	f.names[id] = ""
	done(nil)
}

func (f *fake) Refresh(_ time.Duration, done func(error)) {
	f.names = append(f.names, f.unheard...)
	f.unheard = nil
	done(f.fail)
}

func (f *fake) Await(_ kv.Token, _ time.Duration, done func(error)) {
	f.awaited = append(f.awaited, done)
}

// client is the event loop's half of a connection.
type client struct {
	conn            *Conn
	in              []byte
	got             bytes.Buffer
	paused          bool
	closed, flushed bool
	unread          int // what Buffered tells
	charged         int
	deadline        time.Duration
}

func (c *client) Write(b []byte) {
	if c.closed || c.flushed {
		panic("written after close")
	}
	c.got.Write(b)
}
func (c *client) Close()           { c.closed = true; c.conn.Closed() }
func (c *client) CloseAfterFlush() { c.flushed = true }
func (c *client) Pause()           { c.paused = true }
func (c *client) Resume()          { c.paused = false }
func (c *client) Buffered() int    { return c.unread }
func (c *client) Charge(n int)     { c.charged = n }

func (c *client) SetDeadline(d time.Duration) { c.deadline = d }

func dial(s *Server) *client {
	c := &client{}
	c.conn = s.Open(c, fmt.Sprintf("127.0.0.1:%d", 5001+s.nextID))
	return c
}

// feed shows bytes to the connection as the loop does: in memory that is used
// for something else afterwards.
func (c *client) feed(b string) {
	c.in = append(c.in, b...)
	c.pump()
}

func (c *client) pump() {
	for !c.paused && !c.closed && len(c.in) > 0 {
		buf := bytes.Clone(c.in)
		n := c.conn.Data(buf)
		for i := range buf {
			buf[i] = '?'
		}
		c.in = c.in[n:]
		if n == 0 {
			return
		}
	}
}

func (c *client) take() string {
	s := c.got.String()
	c.got.Reset()
	return s
}

// says sends a line as an inline command and compares the reply, given with
// | for line ends.
func (c *client) says(t *testing.T, line, want string) {
	t.Helper()
	c.feed(line + "\r\n")
	if got := strings.ReplaceAll(c.take(), "\r\n", "|"); got != want {
		t.Errorf("%s\n got %s\nwant %s", line, got, want)
	}
}

// script runs lines "command => reply".
func (c *client) script(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.Trim(line, "\t\n"); line == "" {
			continue
		}
		cmd, want, _ := strings.Cut(line, " => ")
		c.says(t, cmd, want)
	}
}
