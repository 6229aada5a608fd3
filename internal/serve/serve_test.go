package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/config"
	"github.com/parleydb/parley/internal/disk"
)

// given are the ports that freeAddress gave.
var given sync.Map

// freeAddress is an address that nobody listens on, another one each time. Its
// port lies below those that systems hand out themselves, from 32768: a
// connection that somebody makes meanwhile does not take it.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := 10000 + rand.IntN(22000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		ln, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		ln.Close()
		return address
	}
	t.Fatal("no free port below 32768")
	return ""
}

func testConfig(t testing.TB) config.Config {
	cfg := config.Default()
	cfg.Dir, cfg.RESP, cfg.HTTP, cfg.Peer = filepath.Join(t.TempDir(), "data"), freeAddress(t), "", freeAddress(t)
	return cfg
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// run serves until stop is called, which returns what Run did.
func run(t testing.TB, cfg config.Config) (s *Server, stop func() error) {
	t.Helper()
	s, err := Open(cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !stopped {
			_ = stop()
		}
	})
	return s, stop
}

func get(s *Server, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

func TestHTTP(t *testing.T) {
	s, _ := run(t, testConfig(t))
	command(t, s, `{"command":["SET","k","v"]}`)
	for path, want := range map[string]string{
		"/healthz": "ok\n",
		"/readyz":  "ok\n",
		"/status":  `"name":"main"`,
		"/metrics": `parley_operations_total{command="set",level="linearizable",outcome="ok"} 1`,
	} {
		if w := get(s, "GET", path, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, %.300s", path, w.Code, w.Body)
		}
	}
	if w := get(s, "POST", "/faults", "{}"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "--allow-faults") {
		t.Errorf("faults of a node that allows none: %d, %s", w.Code, w.Body)
	}
}

type answer struct {
	status  int
	Outcome string
	Reply   any
	Error   struct{ Kind, Message string }
	Receipt struct{ Level, Outcome string }
	Token   string
}

func command(t testing.TB, s *Server, body string, header ...string) (a answer) {
	t.Helper()
	w := get(s, "POST", "/v1/command", body, append([]string{"Content-Type", "application/json"}, header...)...)
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%s: %v in %q", body, err, w.Body)
	}
	a.status = w.Code
	return a
}

func TestCommandsOverHTTP(t *testing.T) {
	s, _ := run(t, testConfig(t))
	for _, c := range []struct {
		body   string
		status int
		reply  string // as JSON
		kind   string
	}{
		{`{"command":["SET","n",41]}`, 200, `"OK"`, ""},
		{`{"command":["INCR","n"],"once":"id"}`, 200, `42`, ""},
		{`{"command":["INCR","n"],"once":"id"}`, 200, `42`, ""},
		{`{"command":["OUTCOME","id","n"]}`, 200, `["applied",42]`, ""},
		{`{"command":["GET","n"],"level":"eventual"}`, 200, `"42"`, ""},
		{`{"command":["MGET","n","none"]}`, 200, `["42",null]`, ""},
		{`{"command":["SET","b",{"base64":"/wA="}]}`, 200, `"OK"`, ""},
		{`{"command":["GET","b"]}`, 200, `{"base64":"/wA="}`, ""},
		{`{"command":["KEYSPACE","INFO","main"]}`, 200, `{"id":0,"model":"strong","name":"main","replication":1,"shards":1}`, ""},
		{`{"command":["PING"]}`, 200, `"PONG"`, ""},
		{`{"command":["INCR","b"]}`, 400, `null`, "ERR"},
		{`{"command":["GET"]}`, 400, `null`, "ERR"},
		{`{"command":["GET","n"],"level":"quorum"}`, 400, `null`, "LEVEL"},
		{`{"command":["GET","n"],"token":"x"}`, 400, `null`, "TOKEN"},
		{`{"command":["GET","n"],"keyspace":"none"}`, 400, `null`, "ERR"},
		{`{"command":["GET","n"],"keyspace":7}`, 400, `null`, "ERR"},
		{`{"command":["MULTI"]}`, 400, `null`, "ERR"},
		{`{"command":["POST","x"]}`, 400, `null`, "ERR"},
		{`{"command":["SET","k","` + "\xff" + `"]}`, 400, `null`, "ERR"},
		{`{"command":["SET","k","\ud800"]}`, 400, `null`, "ERR"},
		{`{"command":["SET","k","\ufffd"]}`, 200, `"OK"`, ""},
		{`{"command":[]}`, 400, `null`, "ERR"},
		{`{"command":["PING"],"colour":1}`, 400, `null`, "ERR"},
		{`{"command":["PING"],"deadline_ms":-1}`, 400, `null`, "ERR"},
		{`not JSON`, 400, `null`, "ERR"},
	} {
		a := command(t, s, c.body)
		reply, _ := json.Marshal(a.Reply)
		if a.status != c.status || string(reply) != c.reply || a.Error.Kind != c.kind {
			t.Errorf("%s: %d, reply %s, error %+v", c.body, a.status, reply, a.Error)
		}
		if ok := a.Outcome == "ok"; ok != (c.kind == "") {
			t.Errorf("%s: outcome %q", c.body, a.Outcome)
		}
	}
	first := command(t, s, `{"command":["SET","k","v"]}`)
	if first.Token == "" || first.Receipt.Level != "linearizable" || first.Receipt.Outcome != "ok" {
		t.Errorf("a write's answer is %+v", first)
	}
	if a := command(t, s, `{"command":["GET","k"],"level":"session","token":"`+first.Token+`"}`); a.Reply != "v" || a.Receipt.Level != "session" {
		t.Errorf("a session's read: %+v", a)
	}
	if w := get(s, "POST", "/v1/command", `{"command":["PING"]}`, "Content-Type", "text/plain"); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("as text: %d", w.Code)
	}
	long := `{"command":["SET","k","` + strings.Repeat("x", httpBody) + `"]}`
	if a := command(t, s, long); a.status != 400 || a.Outcome != "failed" {
		t.Errorf("a body beyond the limit: %d, %+v", a.status, a.Error)
	}
}

func TestPasswordOverHTTP(t *testing.T) {
	cfg := testConfig(t)
	cfg.Password = "secret"
	s, _ := run(t, cfg)
	basic := func(user, password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	for _, c := range []struct {
		authorization, kind string
	}{
		{"", "NOAUTH"}, {"Bearer wrong", "WRONGPASS"}, {basic("default", "wrong"), "WRONGPASS"},
		{basic("other", "secret"), "WRONGPASS"}, {"Bearer secret", ""}, {basic("default", "secret"), ""}, {basic("", "secret"), ""},
	} {
		a := command(t, s, `{"command":["SET","k","v"]}`, "Authorization", c.authorization)
		if a.Error.Kind != c.kind || (c.kind == "") != (a.status == 200) || c.kind != "" && a.status != 401 {
			t.Errorf("%q: %d, %+v", c.authorization, a.status, a.Error)
		}
	}
}

// exchange sends bytes on a connection of its own and returns all that comes
// until the other side closes.
func exchange(t *testing.T, address, send string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("after %.40q: %v", send, err)
	}
	return string(b)
}

// Garbage on the port of clients is told once and closed, and others do not
// notice.
func TestGarbageFromClients(t *testing.T) {
	cfg := testConfig(t)
	cfg.Password = "secret"
	s, _ := run(t, cfg)
	for send, want := range map[string]string{
		"*1\r\n$99999999999\r\n": "-ERR Protocol error: invalid bulk length\r\n",
		"*1\r\n$17000\r\n":       "-ERR Protocol error: unauthenticated bulk length\r\n",
		"*11\r\n":                "-ERR Protocol error: unauthenticated multibulk length\r\n",
		"*1\r\n$-1\r\n":          "-ERR Protocol error: invalid bulk length\r\n",
		"*1\r\n:1\r\n":           "-ERR Protocol error: expected '$', got ':'\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL": "-ERR this port speaks the Redis protocol, not HTTP\r\n",
	} {
		if got := exchange(t, cfg.RESP, send); got != want {
			t.Errorf("%.40q was answered %q", send, got)
		}
	}
	if got := exchange(t, cfg.RESP, "AUTH secret\r\nSET k v\r\nQUIT\r\n"); got != "+OK\r\n+OK\r\n+OK\r\n" {
		t.Errorf("another client got %q", got)
	}
	if w := get(s, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("the node is %s", w.Body)
	}
}

func TestMaxClientsAndIdle(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxClients, cfg.IdleTimeout = 1, time.Second
	run(t, cfg)
	c, err := net.Dial("tcp", cfg.RESP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	pong := make([]byte, 7)
	_, _ = io.WriteString(c, "PING\r\n")
	if _, err := io.ReadFull(c, pong); err != nil {
		t.Fatal(err)
	}
	if got := exchange(t, cfg.RESP, ""); got != "-ERR max number of clients reached\r\n" {
		t.Errorf("the second client got %q", got)
	}
	if b, err := io.ReadAll(c); len(b) != 0 || err != nil {
		t.Errorf("a silent client got %q, %v", b, err)
	}
	if got := exchange(t, cfg.RESP, "QUIT\r\n"); got != "+OK\r\n" {
		t.Errorf("the next client got %q", got)
	}
}

// A stranger on the port between nodes is refused, whatever it says.
func TestGarbageFromPeers(t *testing.T) {
	cfg := testConfig(t)
	cfg.Name, cfg.Initial = "n1", "n1="+cfg.Peer+",n2="+freeAddress(t)+",n3="+freeAddress(t)
	s, _ := run(t, cfg)
	for _, send := range []string{"GET / HTTP/1.1\r\n\r\n", "\x89PARLEY\n\xff\xff\xff\xff", "\x89PARLEY\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", strings.Repeat("\x00", 1<<16)} {
		if got := exchange(t, cfg.Peer, send); got != "" {
			t.Errorf("%.20q was answered %q", send, got)
		}
	}
	if w := get(s, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("the node is %s", w.Body)
	}
	if w := get(s, "GET", "/readyz", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a node without a majority is ready: %d", w.Code)
	}
	if a := command(t, s, `{"command":["SET","k","v"],"deadline_ms":200}`); a.status != 503 || a.Error.Kind != "UNAVAILABLE" || a.Outcome != "failed" {
		t.Errorf("a write on a minority: %d, %+v", a.status, a)
	}
}

// Directories that cannot be trusted are refused as docs/operations.md says.
func TestRefusedDirectories(t *testing.T) {
	cfg := testConfig(t)
	s, stop := run(t, cfg)
	command(t, s, `{"command":["SET","k","v"]}`)
	second := cfg
	second.RESP = freeAddress(t)
	_, err := Open(second, quiet())
	var locked *disk.LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "is in use by another process") {
		t.Errorf("a directory in use: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatalf("a graceful stop: %v", err)
	}
	other := cfg
	other.Name = "other"
	if _, err := Open(other, quiet()); err == nil || !strings.Contains(err.Error(), "belongs to another node or cluster") {
		t.Errorf("another node's directory: %v", err)
	}
	segments, err := filepath.Glob(filepath.Join(cfg.Dir, "log", "*"))
	if err != nil || len(segments) == 0 {
		t.Fatal("no log", err)
	}
	log, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	// Of the records that hold the write, one byte.
	at := bytes.Index(log, []byte("\x03SET\x01k"))
	if at < 0 {
		t.Fatal("the write is not in the log")
	}
	damaged := bytes.Clone(log)
	damaged[at] ^= 1
	if err := os.WriteFile(segments[0], damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(cfg, quiet())
	var de *disk.DamageError
	if !errors.As(err, &de) || !strings.Contains(err.Error(), "is damaged at offset") || !strings.Contains(err.Error(), "do not delete it") {
		t.Errorf("a damaged log: %v", err)
	}
	if err := os.WriteFile(segments[0], log, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.RESP = freeAddress(t)
	s, _ = run(t, cfg)
	if a := command(t, s, `{"command":["GET","k"]}`); a.Reply != "v" {
		t.Errorf("with its log as it was: %+v", a)
	}
}
