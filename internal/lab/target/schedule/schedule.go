// Package schedule runs small written schedules against a target for tests:
// one operation after the other, faults in between, everything recorded, and
// the history judged.
package schedule

import (
	"context"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/script"
)

// Schedule is a test's sessions with a target, and what they did.
type Schedule struct {
	t      testing.TB
	target lab.Target
	script *script.Script
}

// New begins an empty history.
func New(t testing.TB, target lab.Target, header history.Header) *Schedule {
	return &Schedule{t, target, script.New(target, header, time.Now())}
}

// Session is one of the sessions of a schedule.
type Session struct {
	t testing.TB
	*script.Session
}

// Limit is how long an operation may take, and everything else that waits.
const Limit = 30 * time.Second

// shortly is the deadline of what will not be answered.
const shortly = 300 * time.Millisecond

// Open opens a session with a node at a level.
func (s *Schedule) Open(node int, level string) *Session {
	s.t.Helper()
	return s.OpenFor("", node, level)
}

// OpenFor opens a session for keys of a model.
func (s *Schedule) OpenFor(model string, node int, level string) *Session {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	c, err := s.script.Open(ctx, lab.Session{Node: node, Level: level, Model: model})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return &Session{s.t, c}
}

// Do performs an operation and records it.
func (c *Session) Do(f, key string, in history.Value) history.Op {
	return c.Within(Limit, history.Op{F: f, Key: key, In: in})
}

// OK performs an operation that must go well, and gives what came out.
func (c *Session) OK(f, key string, in history.Value) history.Value {
	c.t.Helper()
	op := c.Do(f, key, in)
	if op.Outcome != history.OK {
		c.t.Fatalf("%s %s %s: %s", f, key, in, op.Outcome)
	}
	return op.Out
}

// Within performs an operation with a deadline and records it.
func (c *Session) Within(limit time.Duration, op history.Op) history.Op {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return c.Session.Do(ctx, op)
}

// Until repeats an operation, without recording it, until it gives a value.
func (c *Session) Until(f, key string, want history.Value) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	if err := c.Session.Until(ctx, f, key, want); err != nil {
		c.t.Fatal(err)
	}
}

// Inject makes a fault, which ends at the latest with the test.
func (s *Schedule) Inject(f lab.Fault) (heal func()) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	end, err := s.target.Inject(ctx, f)
	if err != nil {
		s.t.Fatal(err)
	}
	s.script.Note(f.String())
	heal = func() {
		s.t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), Limit)
		defer cancel()
		if err := end(ctx); err != nil {
			s.t.Error(err)
		}
	}
	s.t.Cleanup(heal)
	return heal
}

// Judge judges what was recorded, and wants a verdict.
func (s *Schedule) Judge(level string, want check.Verdict) check.Result {
	s.t.Helper()
	res, err := check.Judge(s.script.History(), level, check.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	if res.Verdict != want {
		s.t.Errorf("%s, want %s", res, want)
	}
	return res
}
