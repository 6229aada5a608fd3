package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/resp"
)

func run(root *cobra.Command, args ...string) (out string, code int) {
	var b bytes.Buffer
	root.SetOut(&b)
	root.SetErr(&b)
	code = Execute(root, args)
	return b.String(), code
}

// Every command shows how it is used by example.
func TestHelpTeaches(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			if c.Example == "" || c.Short == "" {
				t.Errorf("%s has no example or no short help", c.CommandPath())
			}
			args := append(strings.Fields(c.CommandPath())[1:], "--help")
			if out, code := run(Root(), args...); code != 0 || !strings.Contains(out, "Examples:") {
				t.Errorf("%v: %d, %s", args, code, out)
			}
			visit(c)
		}
	}
	visit(Root())
}

func TestUsageErrors(t *testing.T) {
	t.Setenv(dirEnv, "")
	for _, line := range []string{
		"nonsense", "fault nonsense", "keyspace nonsense", "dev stray", "dev --nodes x", "fault kill n1",
		"fault --dir d kill", "fault --dir d drop n1 n2 many", "fault --dir d clock n1", "fault --dir d clock n1 2s --wrong",
		"status --http h:1 --dir d", "keyspace create", "keyspace create a --shards 0", "version 1",
	} {
		if out, code := run(Root(), strings.Fields(line)...); code != exitUsage || !strings.HasPrefix(out, "parley: ") {
			t.Errorf("%q: exit %d, %s", line, code, out)
		}
	}
	for _, line := range []string{"dev --nodes 0", "fault --dir /no/such kill n1", "status --dir /no/such",
		"status --http 127.0.0.1:1", "keyspace list --addr 127.0.0.1:1"} {
		if out, code := run(Root(), strings.Fields(line)...); code != exitFailed {
			t.Errorf("%q: exit %d, %s", line, code, out)
		}
	}
}

func TestFaultCommands(t *testing.T) {
	for line, want := range map[string]dev.Fault{
		"kill n1":                 {Op: "kill", Nodes: []string{"n1"}},
		"restart n2":              {Op: "restart", Nodes: []string{"n2"}},
		"cut n1 n2":               {Op: "cut", Nodes: []string{"n1", "n2"}},
		"cut n1 n2 --one-way":     {Op: "cut", Nodes: []string{"n1", "n2"}, OneWay: true},
		"delay n1 n2 100ms":       {Op: "delay", Nodes: []string{"n1", "n2"}, Duration: "100ms"},
		"drop n1 n2 30%":          {Op: "drop", Nodes: []string{"n1", "n2"}, Percent: 30},
		"drop --one-way n1 n2 30": {Op: "drop", Nodes: []string{"n1", "n2"}, Percent: 30, OneWay: true},
		"clock n1 2s":             {Op: "clock", Nodes: []string{"n1"}, Duration: "2s"},
		"clock n1 -500ms":         {Op: "clock", Nodes: []string{"n1"}, Duration: "-500ms"},
		"heal":                    {Op: "heal"},
	} {
		for _, form := range []string{"--dir here " + line, line + " --dir here"} {
			var got dev.Fault
			cmd := Fault(func(_ context.Context, dir string, f dev.Fault) (string, error) {
				if dir != "here" {
					t.Errorf("%q: dir %q", form, dir)
				}
				got = f
				return "done", nil
			})
			out, code := run(cmd, strings.Fields(form)...)
			if len(got.Nodes) == 0 {
				got.Nodes = nil
			}
			if code != 0 || out != "done\n" || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: exit %d, %q, %+v", form, code, out, got)
			}
		}
	}
}

// Every fault that dev knows has a command.
func TestFaultCommandsAreAll(t *testing.T) {
	cmd := Fault(nil)
	for _, name := range dev.Ops() {
		if c, _, err := cmd.Find([]string{name}); err != nil || c.Name() != name {
			t.Errorf("no command for %s", name)
		}
	}
}

const statusJSON = `{"node":"n1","site":"s1","cluster":"00ff","nodes":[
{"id":1,"name":"n1","site":"s1","peer":"p1","resp":"r1","http":"h1","connected":true},
{"id":2,"name":"n2\u001b","site":"s2","peer":"p2","resp":"r2","http":"h2","connected":true,"rtt_us":1500,"clock_offset_ms":-3},
{"id":3,"name":"n3","site":"s3","peer":"p3","resp":"r3","http":"h3","connected":false}],
"keyspaces":[{"id":0,"name":"main","model":"strong","shards":1,"replication":3,"groups":[1]}],
"groups":[{"id":1,"leader":3,"term":3,"role":"StateFollower","applied":40,"commit":41,"closed":9,"lag_ms":120},{"id":2,"leader":0,"role":"StateCandidate"}]}`

func TestStatus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(statusJSON))
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	out, code := run(Root(), "status", "--http", address)
	fields := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"n1 1 s1 r1 h1 p1 itself - -", `"n2\x1b" 2 s2 r2 h2 p2 yes 1.5ms -3ms`, "n3 3 s3 r3 h3 p3 no - -",
		"main 0 strong 1 3 1", "1 n3 follower 3 40 41 120ms", "2 none candidate",
	} {
		if code != 0 || !strings.Contains(fields, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
	if out, code := run(Root(), "status", "--http", address, "--json"); code != 0 || !json.Valid([]byte(out)) || strings.TrimSpace(out) != statusJSON {
		t.Errorf("--json: %d, %s", code, out)
	}

	// Of a dev cluster it asks the first node that answers, and none that is
	// known not to.
	dir := t.TempDir()
	state, err := json.Marshal(dev.Cluster{Nodes: []dev.Node{
		{Name: "n1", HTTP: "no such address", State: dev.StateKilled},
		{Name: "n2", PID: 1, HTTP: "127.0.0.1:1", State: dev.StateReady},
		{Name: "n3", PID: 1, HTTP: address, State: dev.StateReady},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dev.json"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := run(Root(), "status", "--dir", dir); code != 0 || !strings.Contains(out, "cluster 00ff") {
		t.Errorf("--dir: %d, %s", code, out)
	}
}

// fakeRedis answers the commands of each connection in turn by replies and
// sends what it read to the channel.
func fakeRedis(t *testing.T, replies map[string]string) (address string, commands chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	commands = make(chan string, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveRedis(conn, replies, commands)
		}
	}()
	return l.Addr().String(), commands
}

func serveRedis(conn net.Conn, replies map[string]string, commands chan<- string) {
	defer func() { _ = conn.Close() }()
	p := resp.Parser{Limits: resp.DefaultLimits()}
	var buf []byte
	for {
		args, n, err := p.Next(buf)
		if err != nil {
			return
		}
		if n == 0 {
			piece := make([]byte, 1024)
			m, err := conn.Read(piece)
			if err != nil {
				return
			}
			buf = append(buf, piece[:m]...)
			continue
		}
		line := string(bytes.Join(args, []byte(" ")))
		buf = append([]byte(nil), buf[n:]...)
		commands <- line
		reply, ok := replies[line]
		if !ok {
			return
		}
		_, _ = conn.Write([]byte(reply))
	}
}

func TestKeyspace(t *testing.T) {
	t.Setenv(passwordEnv, "")
	info := resp.AppendMap(nil, 2)
	info = resp.AppendInt(resp.AppendBulkString(info, "shards"), 4)
	info = resp.AppendInt(resp.AppendInt(resp.AppendArray(resp.AppendBulkString(info, "groups"), 2), 1), 2)
	list := append(resp.AppendArray(nil, 1), info...)
	address, commands := fakeRedis(t, map[string]string{
		"HELLO 3":                     string(resp.AppendMap(nil, 0)),
		"HELLO 3 AUTH default secret": string(resp.AppendMap(nil, 0)),
		"KEYSPACE LIST":               string(list),
		"KEYSPACE INFO carts":         string(info),
		"KEYSPACE DROP carts":         "+OK\r\n",
		"KEYSPACE DROP main":          "-ERR keyspace main cannot be dropped\r\n",
		"KEYSPACE CREATE carts MODEL strong SHARDS 4 REPLICATION 3": "+OK\r\n",
		"KEYSPACE CREATE one MODEL strong SHARDS 1":                 "+OK\r\n",
	})
	for _, test := range []struct {
		line, hello, sent, out string
		code                   int
	}{
		{"create carts --shards 4 --replication 3", "HELLO 3", "KEYSPACE CREATE carts MODEL strong SHARDS 4 REPLICATION 3", "OK", 0},
		{"create one --password secret", "HELLO 3 AUTH default secret", "KEYSPACE CREATE one MODEL strong SHARDS 1", "OK", 0},
		{"list", "HELLO 3", "KEYSPACE LIST", "SHARDS  GROUPS\n4       1 2", 0},
		{"info carts", "HELLO 3", "KEYSPACE INFO carts", "shards  4\ngroups  1 2", 0},
		{"drop carts", "HELLO 3", "KEYSPACE DROP carts", "OK", 0},
		{"drop main", "HELLO 3", "KEYSPACE DROP main", "cannot be dropped", exitFailed},
		{"drop other", "HELLO 3", "KEYSPACE DROP other", "not known whether it was done", exitFailed},
	} {
		out, code := run(Root(), append([]string{"keyspace", "--addr", address}, strings.Fields(test.line)...)...)
		if code != test.code || !strings.Contains(out, test.out) {
			t.Errorf("%s: exit %d, %s", test.line, code, out)
		}
		if hello, sent := <-commands, <-commands; hello != test.hello || sent != test.sent {
			t.Errorf("%s: sent %q, %q", test.line, hello, sent)
		}
	}
}

func TestVersion(t *testing.T) {
	if out, code := run(Root(), "version"); code != 0 || !strings.HasPrefix(out, "parley ") {
		t.Errorf("exit %d, %s", code, out)
	}
	info := &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	if got := buildVersion(info); got != "v0.1.0 abc with changes" {
		t.Error(got)
	}
	if got := buildVersion(nil); got != "(unknown)" {
		t.Error(got)
	}
}
