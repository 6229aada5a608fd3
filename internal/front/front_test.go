package front

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
)

func TestEveryFrontCommandIsServed(t *testing.T) {
	table := newTable()
	for _, c := range data.Commands() {
		if v := table[c]; c.Flags&data.Front != 0 && (v == nil || v.run == nil && !v.prefix && v.subs == nil) {
			t.Errorf("%s has no verb", c.Name)
		}
	}
}

func TestConnectionCommands(t *testing.T) {
	f := newFake()
	c := dial(NewServer(f, Config{}))
	c.script(t, `
		PING => +PONG|
		ping hi => $2|hi|
		PING a b => -ERR wrong number of arguments for 'ping' command|
		ECHO x => $1|x|
		nosuch a b => -ERR unknown command 'nosuch', with args beginning with: 'a' 'b' |
		GET => -ERR wrong number of arguments for 'get' command|
		SET k v => +OK|
		SELECT 1 => +OK|
		GET k => $-1|
		SELECT main => +OK|
		GET k => $1|v|
		SELECT 99 => -ERR DB index is out of range|
		AUTH x => -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?|
		AUTH default any => +OK|
		AUTH a b c d => -ERR syntax error|
		CLIENT GETNAME => $-1|
		CLIENT SETNAME me => +OK|
		CLIENT GETNAME => $2|me|
		CLIENT SETNAME "a b" => -ERR Client names cannot contain spaces, newlines or special characters.|
		CLIENT ID => :1|
		CLIENT SETINFO lib-name go => +OK|
		CLIENT SETINFO other go => -ERR Unrecognized option 'other'|
		CLIENT NO-EVICT on => +OK|
		CLIENT NO-TOUCH maybe => -ERR syntax error|
		CLIENT nope => -ERR unknown subcommand 'nope'. Try CLIENT HELP.|
		CLIENT SETNAME => -ERR wrong number of arguments for 'client|setname' command|
		CLIENT DEADLINE 250 => +OK|
		CLIENT DEADLINE => :250|
		CLIENT DEADLINE 0 => -ERR a deadline is a number of milliseconds from 1 to 1800000|
		TIME => *2|$10|1700000000|$6|123000|
		WAIT 2 100 => :1|
		WAIT x 100 => -ERR value is not an integer or out of range|
		WAIT 1 -1 => -ERR timeout is negative|
		INFO server => $10|# server||
		CONFIG GET s[al]* => *6|$4|save|$0||$23|slowlog-log-slower-than|$5|10000|$15|slowlog-max-len|$3|128|
		CONFIG SET slowlog-max-len 5 nope 1 => -ERR Unknown option or number of arguments for CONFIG SET - 'nope'|
		CONFIG GET slowlog-max-len => *2|$15|slowlog-max-len|$3|128|
		CONFIG SET save x => -ERR CONFIG SET failed (possibly related to argument 'save') - can't set immutable config|
		CONFIG SET maxclients x => -ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer|
		CONFIG SET slowlog-max-len 5 => +OK|
		HELLO 4 => -NOPROTO unsupported protocol version|
		HELLO x => -ERR Protocol version is not an integer or out of range|
		HELLO 3 bad => -ERR Syntax error in HELLO option 'bad'|
		HELLO 3 SETNAME you => %7|$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|
		GET none => _|
		CLIENT GETNAME => $3|you|
		RESET => +RESET|
		GET none => $-1|
		CLIENT GETNAME => $-1|`)
	if got := f.submitted[len(f.submitted)-1].Timeout; got != 5*time.Second {
		t.Errorf("deadline after RESET is %v", got)
	}
	c.says(t, "QUIT", "+OK|")
	if !c.flushed {
		t.Error("QUIT does not close")
	}
}

func TestTransactions(t *testing.T) {
	f := newFake()
	s := NewServer(f, Config{})
	c := dial(s)
	c.script(t, `
		EXEC => -ERR EXEC without MULTI|
		DISCARD => -ERR DISCARD without MULTI|
		MULTI => +OK|
		EXEC => *0|
		MULTI => +OK|
		MULTI => -ERR MULTI calls can not be nested|
		WATCH k => -ERR WATCH inside MULTI is not allowed|
		SET k 1 => +QUEUED|
		PING => +QUEUED|
		GET k => +QUEUED|
		INCR k => +QUEUED|
		EXEC => *4|+OK|+PONG|$1|1|:2|
		MULTI => +OK|
		PING => +QUEUED|
		EXEC => *1|+PONG|
		MULTI => +OK|
		GET => -ERR wrong number of arguments for 'get' command|
		SET k 9 => +QUEUED|
		EXEC => -EXECABORT Transaction discarded because of previous errors.|
		MULTI => +OK|
		SELECT 1 => -ERR Command not allowed inside a transaction|
		EXEC => -EXECABORT Transaction discarded because of previous errors.|
		MULTI => +OK|
		AT eventual GET k => -ERR Command not allowed inside a transaction|
		DISCARD => +OK|
		GET k => $1|2|
		WATCH k other k => +OK|
		SET k 3 => +OK|
		MULTI => +OK|
		SET k 4 => +QUEUED|
		EXEC => *-1|
		GET k => $1|3|
		WATCH k => +OK|
		MULTI => +OK|
		INCR k => +QUEUED|
		EXEC => *1|:4|
		WATCH k => +OK|
		INCR k => :5|
		UNWATCH => +OK|
		MULTI => +OK|
		INCR k => +QUEUED|
		EXEC => *1|:6|
		WATCH k => +OK|
		SELECT 1 => +OK|
		WATCH k => -ERR keys of another keyspace are watched already|
		MULTI => +OK|
		INCR k => +QUEUED|
		EXEC => -EXECABORT Transaction discarded because the watched keys are in another keyspace.|`)
	f.fail = kv.Errorf(kv.KindUnavailable, "no leader")
	c.says(t, "WATCH k", "-UNAVAILABLE no leader|")
	f.fail = nil
	c.script(t, `
		MULTI => +OK|
		SET k 1 => +QUEUED|
		EXEC => *-1|
		GET k => $-1|`)
	s.config.Limits.TxCommands = 1
	c.script(t, `
		MULTI => +OK|
		SET k 1 => +QUEUED|
		SET k 1 => -BUSY the transaction is larger than this node takes|
		EXEC => -EXECABORT Transaction discarded because of previous errors.|`)
}

func TestParleyCommands(t *testing.T) {
	f := newFake()
	c := dial(NewServer(f, Config{}))
	c.script(t, `
		LEVEL => $12|linearizable|
		LEVEL bounded:200ms => +OK|
		LEVEL => $13|bounded:200ms|
		LEVEL default => +OK|
		LEVEL x => -LEVEL unknown level "x"; levels are eventual, bounded:<duration>, session, causal, quorum, linearizable|
		AT quorum GET k => -LEVEL a strong keyspace does not give quorum; it gives eventual, bounded:<duration>, session, causal, linearizable|
		RECEIPT LAST => $-1|
		AT eventual PING => -ERR AT and ONCE are for commands on keys, and 'ping' is none|
		AT eventual NOPE x => -ERR unknown command 'NOPE', with args beginning with: 'x' |
		AT eventual AT session GET k => -ERR 'at' may be given only once|
		ONCE i GET k => -ERR ONCE is for writes, and 'get' is none|
		ONCE "" SET k v => -ERR an operation's id has 1 to 128 bytes|
		OUTCOME i k 60000 => $9|never:i:k|
		OUTCOME i k 0 => -ERR an id's age is a number of milliseconds from 1 to 3153600000000|
		OUTCOME i k 1x => -ERR an id's age is a number of milliseconds from 1 to 3153600000000|
		OUTCOME i k 1 1 => -ERR wrong number of arguments for 'outcome' command|
		OUTCOME i k => $9|never:i:k|
		KEYSPACE CREATE 12 => -ERR a keyspace's name has 1 to 64 letters, digits, '-', '_' and '.', and not only digits|
		KEYSPACE CREATE a SHARDS 0 => -ERR SHARDS is a number from 1 to 16384|
		KEYSPACE CREATE a MODEL causal => -ERR this version has no causal keyspaces; MODEL is strong|
		KEYSPACE CREATE a SHARDS => -ERR syntax error|
		KEYSPACE CREATE a MODEL strong SHARDS 4 REPLICATION 3 => +OK|
		KEYSPACE INFO a => *10|$2|id|:2|$4|name|$1|a|$5|model|$6|strong|$6|shards|:1|$11|replication|:3|
		KEYSPACE INFO b => -ERR no such keyspace|
		KEYSPACE DROP main => -ERR keyspace main cannot be dropped|
		SET k v => +OK|
		SELECT a => +OK|
		SET k v => +OK|
		FLUSHALL x => -ERR syntax error|
		FLUSHALL => +OK|
		DBSIZE => :0|
		SELECT 0 => +OK|
		DBSIZE => :0|
		KEYSPACE DROP a => +OK|
		SELECT a => -ERR no such keyspace 'a': KEYSPACE LIST shows those there are|`)
	f.unheard = []string{"new", "newer"} // made at other nodes a moment ago
	c.says(t, "SELECT new", "+OK|")
	f.unheard = []string{"newest"}
	c.says(t, "KEYSPACE INFO newest", "*10|$2|id|:5|$4|name|$6|newest|$5|model|$6|strong|$6|shards|:1|$11|replication|:3|")
	c.says(t, "SELECT 0", "+OK|")
	f.fail = kv.Errorf(kv.KindUnknown, "perhaps")
	c.says(t, "FLUSHALL", "-UNKNOWN perhaps|")
	c.says(t, "KEYSPACE CREATE b", "-UNKNOWN perhaps|")
	f.fail = nil
	f.submitted = nil
	c.says(t, "AT bounded:1s ONCE id-1 SET k v", "+OK|")
	r := f.submitted[0]
	if r.Level != (kv.Level{Kind: kv.LevelBounded, Bound: time.Second}) || len(r.Once) != 4 {
		t.Errorf("AT and ONCE did not reach the node: %+v", r)
	}
	c.script(t, `
		RECEIPT ON => +OK|
		GET k => $1|v|
		RECEIPT LAST => *12|$5|level|$12|linearizable|$4|node|:3|$4|site|$2|s3|$12|staleness_ms|:2|$5|stamp|$3|7.0|$7|outcome|$2|ok|`)
	c.feed("HELLO 3\r\n")
	c.take()
	attribute := "|6|$5|level|$12|linearizable|$4|node|:3|$4|site|$2|s3|$12|staleness_ms|:2|$5|stamp|$3|7.0|$7|outcome|"
	c.says(t, "GET k", attribute+"$2|ok|$1|v|")
	c.says(t, "PING", "+PONG|")
	f.fail = kv.Errorf(kv.KindUnknown, "perhaps")
	c.says(t, "SET k v", attribute+"$7|unknown|-UNKNOWN perhaps|")
}

func TestErrorKindsKeepTheirFirstWord(t *testing.T) {
	f := newFake()
	c := dial(NewServer(f, Config{}))
	f.fail = kv.Errorf(kv.KindTooStale, "by\r\n1s")
	c.says(t, "GET k", "-TOOSTALE by  1s|")
	f.fail = errors.New("odd")
	c.says(t, "GET k", "-ERR odd|")
}

func TestSessionTokens(t *testing.T) {
	f := newFake()
	s := NewServer(f, Config{})
	a, b := dial(s), dial(s)
	f.auto = false
	a.feed("SET k v\r\nSESSION TOKEN\r\n")
	if !a.paused || a.got.Len() > 0 {
		t.Fatal("the token does not wait for the write before it")
	}
	for f.step(func(int) int { return 0 }) {
	}
	a.pump()
	_, token, _ := strings.Cut(a.take(), "+OK\r\n")
	token = strings.Split(token, "\r\n")[1]
	b.says(t, "SESSION RESUME "+token, "+OK|")
	if b.conn.token.Strong != clock.At(f.now) {
		t.Errorf("the token is at %v", b.conn.token.Strong)
	}
	b.says(t, "SESSION RESUME "+token+" 100", "")
	b.says(t, "PING", "")
	f.awaited[0](kv.Errorf(kv.KindTooStale, "late"))
	b.pump()
	if got := b.take(); got != "-TOOSTALE late\r\n+PONG\r\n" {
		t.Errorf("after waiting: %q", got)
	}
	b.says(t, "SESSION RESET", "+OK|")
	if b.conn.token.Strong != 0 {
		t.Error("SESSION RESET keeps the past")
	}
	future := kv.Token{Cluster: 42, Strong: clock.At(f.now + 501)}
	b.says(t, "SESSION RESUME "+future.Encode(), "-TOKEN token is 501 ms in the future of this node's clock; the bound is 500 ms|")
	future.Strong = clock.At(f.now + 500)
	b.says(t, "SESSION RESUME "+future.Encode(), "+OK|")
	other := kv.Token{Cluster: 43}
	b.says(t, "SESSION RESUME "+other.Encode(), "-TOKEN token belongs to cluster 000000000000002b, this is cluster 000000000000002a|")
}

func TestPassword(t *testing.T) {
	s := NewServer(newFake(), Config{Password: "secret"})
	c := dial(s)
	c.script(t, `
		GET k => -NOAUTH Authentication required.|
		AT session GET k => -NOAUTH Authentication required.|
		HELLO 3 => -`+errHelloAuth+`|
		AUTH wrong => -WRONGPASS invalid username-password pair or user is disabled.|
		AUTH other secret => -WRONGPASS invalid username-password pair or user is disabled.|
		HELLO 2 AUTH default wrong => -WRONGPASS invalid username-password pair or user is disabled.|
		GET k => -NOAUTH Authentication required.|
		AUTH secret => +OK|
		GET k => $-1|
		RESET => +RESET|
		GET k => -NOAUTH Authentication required.|`)
	c.says(t, "*11", "-ERR Protocol error: unauthenticated multibulk length|")
	if !c.flushed {
		t.Error("not closed after a protocol error")
	}
	c = dial(s)
	c.feed("HELLO 2 AUTH default secret\r\n")
	c.take()
	c.says(t, "GET k", "$-1|")
}

func TestClientListAndKill(t *testing.T) {
	s := NewServer(newFake(), Config{})
	a, b, d := dial(s), dial(s), dial(s)
	a.feed("CLIENT LIST ID 2\r\n")
	if got := a.take(); !strings.Contains(got, "id=2 addr=127.0.0.1:5002 name= ") || strings.Contains(got, "id=1") {
		t.Errorf("list: %s", got)
	}
	a.says(t, "CLIENT KILL 1.2.3.4:5", "-ERR No such client|")
	a.says(t, "CLIENT KILL ID 2", ":1|")
	if !b.closed || s.Clients() != 2 {
		t.Error("not killed")
	}
	a.says(t, "CLIENT KILL TYPE normal SKIPME no", ":2|")
	if !d.closed || !a.flushed {
		t.Error("not all killed")
	}
}

func TestClientReply(t *testing.T) {
	c := dial(NewServer(newFake(), Config{}))
	c.script(t, `
		CLIENT REPLY SKIP => 
		GET k => 
		PING => +PONG|
		CLIENT REPLY OFF => 
		SET k v => 
		PING => 
		CLIENT REPLY ON => +OK|
		GET k => $1|v|`)
}

func TestSlowLog(t *testing.T) {
	f := newFake()
	f.slow = 10
	c := dial(NewServer(f, Config{SlowLogLength: 2}))
	c.feed("SET a 1\r\nSET b 1\r\nSET c " + strings.Repeat("x", 130) + "\r\n")
	f.slow = 9
	c.feed("GET a\r\n")
	c.take()
	c.script(t, `
		SLOWLOG LEN => :2|
		SLOWLOG GET 1 => *1|*6|:2|:1700000000|:10000|*3|$3|SET|$1|c|$146|`+strings.Repeat("x", 128)+`... (2 more bytes)|$14|127.0.0.1:5001|$0||
		SLOWLOG GET -2 => -ERR count should be greater than or equal to -1|
		SLOWLOG RESET => +OK|
		SLOWLOG GET => *0|`)
}

func TestTooManyClients(t *testing.T) {
	l := DefaultLimits()
	l.Clients = 1
	s := NewServer(newFake(), Config{Limits: l})
	a, b := dial(s), dial(s)
	if b.take() != "-ERR max number of clients reached\r\n" || !b.flushed {
		t.Error("the second is let in")
	}
	b.conn.Closed()
	a.says(t, "PING", "+PONG|")
}
