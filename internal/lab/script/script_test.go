package script

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// fake is a target of two nodes, of which the second may be down.
type fake struct {
	lab.Target
	down   bool
	opened []lab.Session
}

func (f *fake) Nodes() []string { return []string{"n1", "n2"} }

func (f *fake) Open(_ context.Context, s lab.Session) (lab.Client, error) {
	if f.down && s.Node == 1 {
		return nil, errors.New("nobody is there")
	}
	f.opened = append(f.opened, s)
	return &fakeClient{}, nil
}

// fakeClient does not know what became of writes.
type fakeClient struct{ lab.Client }

func (c *fakeClient) Do(_ context.Context, op *history.Op) {
	if op.Outcome = history.OK; op.F == history.Write {
		op.Outcome = history.Info
	}
}
func (c *fakeClient) Token(context.Context) (string, error) { return "past", nil }
func (c *fakeClient) Close() error                          { return nil }

func TestSession(t *testing.T) {
	f := &fake{}
	s := New(f, history.Header{Sessions: history.ByField}, time.Now())
	ann, err := s.Open(t.Context(), lab.Session{Name: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	write := ann.Do(t.Context(), history.Op{F: history.Write, Key: "x"})
	if write.Return != history.Never {
		t.Errorf("a write in doubt returned: %+v", write)
	}
	ann.Do(t.Context(), history.Op{F: history.Read, Key: "x"})
	ann.Move(t.Context(), 1)
	ann.Do(t.Context(), history.Op{F: history.Read, Key: "x"})
	f.down = true
	ann.Move(t.Context(), 1)
	ann.Do(t.Context(), history.Op{F: history.Read, Key: "x"})
	if moved := f.opened[1]; len(f.opened) != 2 || moved.Node != 1 || moved.Token != "past" {
		t.Errorf("opened %+v", f.opened)
	}
	type row struct {
		session, node string
		process       int64
		outcome       history.Outcome
	}
	want := []row{{"ann", "n1", 1, history.Info}, {"ann2", "n1", 2, history.OK}, {"ann2", "n2", 2, history.OK}, {"ann2", "n2", 2, history.Fail}}
	for i, op := range s.History().Ops {
		if got := (row{op.Session, op.Node, op.Process, op.Outcome}); got != want[i] {
			t.Errorf("operation %d: %+v, want %+v", i, got, want[i])
		}
	}
	if err := ann.Close(); err != nil {
		t.Error(err)
	}
}
