package front

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/resp"
	"pgregory.net/rapid"
)

// A backlog that never runs empty must not grow the queue.
func TestQueueStaysSmallUnderABacklog(t *testing.T) {
	f := newFake()
	f.auto = false
	c := dial(NewServer(f, Config{SlowLog: -1}))
	want := ""
	for i := range 1000 {
		c.feed(fmt.Sprintf("SET k %d\r\nECHO %d\r\n", i, i))
		if i >= 10 {
			f.step(func(int) int { return len(f.executed) }) // execute the oldest
			f.step(func(int) int { return 0 })               // and answer it
		}
		echo := fmt.Sprint(i)
		want += fmt.Sprintf("+OK\r\n$%d\r\n%s\r\n", len(echo), echo)
	}
	if n := cap(c.conn.queue.ops); n > 512 {
		t.Errorf("the queue has %d places for %d operations", n, c.conn.queue.len())
	}
	for f.step(func(int) int { return 0 }) {
	}
	if c.take() != want {
		t.Error("replies out of order")
	}
}

func TestValueLen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var value func(dst []byte, depth int) []byte
		value = func(dst []byte, depth int) []byte {
			kind := rapid.IntRange(0, 9).Draw(t, "kind")
			if depth > 3 {
				kind %= 5
			}
			n := rapid.IntRange(0, 3).Draw(t, "n")
			values := n
			switch kind {
			case 0:
				return resp.AppendInt(dst, int64(n-1))
			case 1:
				return resp.AppendBulkString(dst, strings.Repeat("*9\r\n", n))
			case 2:
				return resp.AppendNullArray(dst)
			case 3:
				return resp.AppendNull(dst)
			case 4:
				return resp.AppendVerbatim(dst, "txt", strings.Repeat("\r\n", n))
			case 5:
				dst, values = resp.AppendMap(dst, n), 2*n
			case 6:
				dst = resp.AppendSet(dst, n)
			case 7:
				dst, values = resp.AppendAttribute(dst, n), 2*n+1
			default:
				dst = resp.AppendArray(dst, n)
			}
			for range values {
				dst = value(dst, depth+1)
			}
			return dst
		}
		b := value(nil, 0)
		if n := valueLen(append(b[:len(b):len(b)], "+NEXT\r\n"...)); n != len(b) {
			t.Fatalf("%q: %d of %d bytes", b, n, len(b))
		}
		for cut := range b {
			if n := valueLen(b[:cut]); n != cut {
				t.Fatalf("%q: %d of %d bytes", b[:cut], n, cut)
			}
		}
	})
}

// No bytes may stop the process, and whatever they are, each command gets one
// reply in either protocol.
func FuzzData(f *testing.F) {
	for _, seed := range append(pipelineCommands, "*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n", "CLIENT KILL ID 1", "SLOWLOG GET 1", "CONFIG GET *") {
		f.Add([]byte(seed + "\r\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := dial(NewServer(newFake(), Config{SlowLog: 1}))
		c.feed(string(b))
		if c.conn.queue.len() > 0 && len(c.conn.server.backend.(*fake).awaited) == 0 {
			t.Fatal("a reply is missing")
		}
	})
}

func TestServerCommands(t *testing.T) {
	f := newFake()
	s := NewServer(f, Config{})
	c := dial(s)
	c.feed("COMMAND COUNT\r\n")
	if got := c.take(); !strings.HasPrefix(got, ":") || got == ":0\r\n" {
		t.Errorf("COMMAND COUNT: %q", got)
	}
	c.script(t, `
		CLIENT LIST TYPE pubsub => $0||
		CLIENT LIST TYPE odd => -ERR Unknown client type 'odd'|
		CLIENT LIST ID x => -ERR Invalid client ID|
		CLIENT LIST x => -ERR syntax error|
		CLIENT KILL ID 0 => -ERR client-id should be greater than 0|
		CLIENT KILL USER other => -ERR No such user 'other'|
		CLIENT KILL ID 1 => :0|
		CLIENT KILL SKIPME => -ERR No such client|
		CLIENT KILL SKIPME x => -ERR syntax error|
		RECEIPT HELP => *5|+RECEIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:|+ON|+OFF|+LAST|+HELP|
		KEYSPACE LIST => *2|*10|$2|id|:0|$4|name|$4|main|$5|model|$6|strong|$6|shards|:1|$11|replication|:3|*10|$2|id|:1|$4|name|$5|carts|$5|model|$6|strong|$6|shards|:1|$11|replication|:3|
		KEYSPACE CREATE x MODEL odd => -ERR unknown model; MODEL is strong|
		CONFIG SET slowlog-log-slower-than -1 slowlog-max-len 0 => +OK|
		CONFIG GET slowlog-log-slower-than => *2|$23|slowlog-log-slower-than|$2|-1|
		CONFIG SET slowlog-max-len -1 => -ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - argument must be between 0 and 65536 inclusive|
		CONFIG SET slowlog-max-len => -ERR wrong number of arguments for 'config|set' command|
		CONFIG SET requirepass pw request-timeout 7 => +OK|
		GET k => $-1|`)
	c.feed("CLIENT INFO\r\n")
	if got := c.take(); !strings.Contains(got, "id=1 addr=127.0.0.1:5001 ") || !strings.Contains(got, "cmd=client") {
		t.Errorf("CLIENT INFO: %q", got)
	}
	dial(s).script(t, `
		GET k => -NOAUTH Authentication required.|
		AUTH pw => +OK|
		GET k => $-1|`)
	if got := f.submitted[len(f.submitted)-1].Timeout.Milliseconds(); got != 7 {
		t.Errorf("deadline of a new connection is %d ms", got)
	}
}

// An error reply of one keyspace is the reply of FLUSHALL; that one is unknown
// is said before that another certainly failed.
func TestFlushAllFailure(t *testing.T) {
	for _, order := range [][2]string{{"UNAVAILABLE x", "UNKNOWN y"}, {"UNKNOWN y", "UNAVAILABLE x"}} {
		var got error
		f := &flush{left: 3, done: func(err error) { got = err }}
		for _, text := range order {
			f.Complete(nil, resp.AppendError(nil, text), kv.Receipt{}, nil)
		}
		f.Complete(nil, []byte("+OK\r\n"), kv.Receipt{}, nil)
		if got == nil || got.Error() != "UNKNOWN y" {
			t.Errorf("%v: %v", order, got)
		}
	}
}

func TestTransactionOfOneNodeCommandKeepsItsPlace(t *testing.T) {
	f := newFake()
	f.auto = false
	c := dial(NewServer(f, Config{}))
	c.feed("SET a 1\r\nMULTI\r\nGET a\r\nPING\r\nEXEC\r\nGET a\r\n")
	if len(f.log) != 3 || !f.submitted[1].InLog || !f.submitted[2].InLog {
		t.Fatalf("submitted %+v", f.submitted)
	}
	for f.step(func(n int) int { return n - 1 }) {
	}
	if got := c.take(); got != "+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n+PONG\r\n$1\r\n1\r\n" {
		t.Errorf("got %q", got)
	}
}
