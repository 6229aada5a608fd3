package respclient

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// serve answers each connection's bytes with a fixed text, and then does as
// told.
func serve(t *testing.T, answer string, hangUp bool) *Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = bufio.NewReader(c).ReadByte()
		_, _ = c.Write([]byte(answer))
		if hangUp {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	c, err := Dial(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestReplies(t *testing.T) {
	c := serve(t, "+OK\r\n-ERR no\r\n:1\r\n", false)
	rs, err := c.Do(context.Background(), []string{"A"}, []string{"B", "x"})
	if err != nil || len(rs) != 2 || rs[0].Str != "OK" || rs[1].Err() == nil {
		t.Fatalf("%v, %v", rs, err)
	}
	if r, err := c.One(context.Background(), "C"); err != nil || r.Int != 1 {
		t.Fatalf("%v, %v", r, err)
	}
}

// What was answered before the connection broke is told; afterwards nothing is
// sent.
func TestBreaks(t *testing.T) {
	c := serve(t, "+OK\r\n", true)
	rs, err := c.Do(context.Background(), []string{"A"}, []string{"B"})
	if err == nil || errors.Is(err, ErrBroken) || len(rs) != 1 || !c.Broken() {
		t.Fatalf("%v, %v", rs, err)
	}
	if _, err := c.Do(context.Background(), []string{"A"}); !errors.Is(err, ErrBroken) {
		t.Fatalf("got %v", err)
	}
}

func TestDeadline(t *testing.T) {
	c := serve(t, "", false)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if rs, err := c.Do(ctx, []string{"A"}); err == nil || len(rs) != 0 || !c.Broken() {
		t.Fatalf("%v, %v", rs, err)
	}
}
