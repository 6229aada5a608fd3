package main

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// answerTo runs one command: its value, or the first word of its error.
func answerTo(c redis.Cmdable, words ...any) string {
	cmd := redis.NewCmd(context.Background(), words...)
	_ = c.(interface {
		Process(context.Context, redis.Cmder) error
	}).Process(context.Background(), cmd)
	if err := cmd.Err(); err != nil {
		kind, _, _ := strings.Cut(err.Error(), " ")
		return "-" + kind
	}
	text, _ := cmd.Text()
	return text
}

// TestWhatEachLevelSurvives holds each line of the table "What each survives" in
// docs/consistency.md to a real cluster: with a node killed, and on a node that
// is cut off.
func TestWhatEachLevelSurvives(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := startCluster(t)
	n2, n3 := c.client(2), c.client(3)
	conn := n3.Conn() // a session
	defer conn.Close()
	must(t, conn.Set(ctx, "k", "first", 0).Err())

	c.fault("kill", "n1")
	writeOnce(t, n2, "after-a-death", "SET", "k", "second")
	for _, level := range []string{"linearizable", "session", "causal", "bounded:1m", "eventual"} {
		got := answerTo(conn, "AT", level, "GET", "k")
		if old := level == "bounded:1m" || level == "eventual" || level == "session" || level == "causal"; got != "second" && !(old && got == "first") {
			t.Errorf("a node is dead: %s read %q", level, got)
		}
	}
	c.fault("restart", "n1")

	if got := answerTo(conn, "GET", "k"); got != "second" {
		t.Fatalf("all live again: %q", got)
	}
	must(t, conn.Do(ctx, "CLIENT", "DEADLINE", "1000").Err())
	c.fault("isolate", "n3")
	writeOnce(t, n2, "in-the-majority", "SET", "k", "third")
	other := n2.Conn()
	defer other.Close()
	if got := answerTo(other, "GET", "k"); got != "third" {
		t.Fatalf("the majority reads %q", got)
	}
	ahead := answerTo(other, "SESSION", "TOKEN")
	for _, row := range []struct {
		what, want string
		command    []any
	}{
		{"a write", "-UNAVAILABLE or -UNKNOWN", []any{"SET", "k", "lost"}},
		{"linearizable", "-UNAVAILABLE", []any{"GET", "k"}},
		{"session, reached", "second", []any{"AT", "session", "GET", "k"}},
		{"causal, reached", "second", []any{"AT", "causal", "GET", "k"}},
		{"bounded, young enough", "second", []any{"AT", "bounded:10m", "GET", "k"}},
		{"bounded, too old", "-TOOSTALE", []any{"AT", "bounded:100ms", "GET", "k"}},
		{"eventual", "second", []any{"AT", "eventual", "GET", "k"}},
		{"a session from the majority", "OK", []any{"SESSION", "RESUME", ahead}},
		{"session, not reached", "-UNAVAILABLE", []any{"AT", "session", "GET", "k"}},
		{"causal, not reached", "-UNAVAILABLE", []any{"AT", "causal", "GET", "k"}},
		{"eventual of that session", "second", []any{"AT", "eventual", "GET", "k"}},
	} {
		if got := answerTo(conn, row.command...); got == "" || !strings.Contains(row.want, got) {
			t.Errorf("in a minority: %s: %q, want %s", row.what, got, row.want)
		}
	}
	c.fault("heal")
	must(t, conn.Do(ctx, "CLIENT", "DEADLINE", "30000").Err())
	if got := answerTo(conn, "AT", "session", "GET", "k"); got != "third" && got != "lost" {
		t.Errorf("healed: %q", got)
	}
}
