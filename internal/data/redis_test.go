package data

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/resp"
)

// redis is a real redis-server and a connection to it.
type redis struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// startRedis starts a redis-server on a socket file, which no other program can
// have taken, and stops it at the end of the test.
func startRedis(t testing.TB) *redis {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed, and CI must compare with it")
		}
		t.Skip("redis-server is not installed: nothing to compare with")
	}
	dir, err := os.MkdirTemp("", "redis") // t.TempDir may be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(bin, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir, "--enable-debug-command", "yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(dir)
	})
	for range 500 {
		if conn, err := net.Dial("unix", socket); err == nil {
			t.Cleanup(func() { conn.Close() })
			r := &redis{t: t, conn: conn, r: bufio.NewReader(conn)}
			// When Redis deletes an expired key by itself depends on the time.
			if reply := r.do("DEBUG", "SET-ACTIVE-EXPIRE", "0"); reply.Err() != nil {
				t.Fatal(reply)
			}
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("redis-server did not start within 5 s")
	return nil
}

// pipeline sends all commands at once and returns their replies.
func (r *redis) pipeline(calls [][]string) []resp.Reply {
	var out []byte
	for _, call := range calls {
		out = resp.AppendCommand(out, call...)
	}
	if err := r.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.conn.Write(out); err != nil {
		r.t.Fatal(err)
	}
	replies := make([]resp.Reply, len(calls))
	for i := range replies {
		var err error
		if replies[i], err = resp.ReadReply(r.r, resp.DefaultLimits()); err != nil {
			r.t.Fatalf("reply to %q: %v", calls[i], err)
		}
	}
	return replies
}

func (r *redis) do(args ...string) resp.Reply { return r.pipeline([][]string{args})[0] }
