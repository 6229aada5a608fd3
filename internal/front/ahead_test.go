package front

import (
	"slices"
	"testing"

	"github.com/parleydb/parley/internal/node"
)

// loadsFirst notes how many keys were loaded before the first submit.
type loadsFirst struct {
	*fake
	before int
}

func (f *loadsFirst) Submit(r *node.Request) {
	if len(f.submitted) == 0 {
		f.before = len(f.loaded)
	}
	f.fake.Submit(r)
}

// The keys of a pipeline's reads are loaded together, before the first runs.
func TestReadsAreLookedAtAhead(t *testing.T) {
	f := &loadsFirst{fake: newFake()}
	c := dial(NewServer(f, Config{}))
	pipeline := "GET a\r\nSET b 1\r\nSTRLEN c\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nd\r\n"
	c.feed(pipeline)
	if len(f.loaded) != 0 {
		t.Errorf("%q loaded by a node that gains nothing", f.loaded)
	}
	f.cold, f.submitted = true, nil
	c.feed(pipeline + "GET e")
	if want := []string{"a", "c", "d"}; !slices.Equal(f.loaded, want) || f.before != len(want) {
		t.Errorf("loaded %q, want %q, %d of them first", f.loaded, want, f.before)
	}
	f.loaded = nil
	c.feed("\r\n")
	if want := []string{"e"}; !slices.Equal(f.loaded, want) {
		t.Errorf("loaded %q, want %q", f.loaded, want)
	}
}

// A command that comes in many pieces is not looked at again for each.
func TestPiecesAreNotLookedAtAhead(t *testing.T) {
	f := newFake()
	f.cold = true
	c := dial(NewServer(f, Config{}))
	c.feed("*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$3\r\n")
	asked := f.asked
	if !c.conn.parser.Partial() || asked == 0 {
		t.Fatalf("partial %v, asked %d times", c.conn.parser.Partial(), asked)
	}
	c.feed("b")
	c.feed("b")
	if f.asked != asked {
		t.Error("looked at again")
	}
	c.feed("b\r\n")
	if c.conn.parser.Partial() || len(f.submitted) != 1 {
		t.Errorf("not run: %d submitted", len(f.submitted))
	}
}
