package parley

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab"
)

// injectDisk makes faults after which a node may have to be started again, or
// must not come back at all.
func (t *target) injectDisk(ctx context.Context, f lab.Fault, begin, end []dev.Fault) (func(context.Context) error, error) {
	if f.Shape == lab.ShapeFlip {
		return t.injectFlip(ctx, f)
	}
	if err := t.all(ctx, begin); err != nil {
		return nil, errors.Join(err, t.all(ctx, end))
	}
	return func(ctx context.Context) error {
		if err := t.all(ctx, end); err != nil {
			return err
		}
		return t.startEnded(ctx)
	}, nil
}

// startEnded starts the nodes that ended by themselves, as they must when their
// disk fails.
func (t *target) startEnded(ctx context.Context) error {
	cluster, err := dev.Read(t.dir)
	if err != nil {
		return err
	}
	for _, n := range cluster.Nodes {
		if n.State != dev.StateExited || t.isGone(n.Name) {
			continue
		}
		_, _ = fmt.Fprintf(t.out, "%s ended when its disk failed, and is started again\n", n.Name)
		if _, err := dev.Inject(ctx, t.dir, dev.Fault{Op: "restart", Nodes: []string{n.Name}}); err != nil {
			return err
		}
	}
	return nil
}

// injectFlip kills a node and changes a byte of its log. The end of the fault is
// the attempt to start it, which must fail: it stays out for good.
func (t *target) injectFlip(ctx context.Context, f lab.Fault) (func(context.Context) error, error) {
	if len(f.Nodes) != 1 {
		return nil, errors.New("bytes are flipped at one node at a time")
	}
	node := t.nodes[f.Nodes[0]]
	do := func(ctx context.Context, op string) (string, error) {
		return dev.Inject(ctx, t.dir, dev.Fault{Op: op, Nodes: []string{node}})
	}
	if _, err := do(ctx, "kill"); err != nil {
		return nil, err
	}
	said, err := do(ctx, "flip")
	if err != nil {
		_, back := do(ctx, "restart")
		return nil, errors.Join(err, back)
	}
	t.mu.Lock()
	t.gone[node] = true
	t.mu.Unlock()
	_, _ = fmt.Fprintln(t.out, said)
	tried := false
	return func(ctx context.Context) error {
		if tried {
			return nil
		}
		tried = true
		said, err := do(ctx, "restart")
		log, readErr := os.ReadFile(filepath.Join(t.dir, node+".log"))
		switch {
		case err == nil:
			return fmt.Errorf("%s must not serve with a damaged log, but: %s", node, said)
		case readErr != nil || !strings.Contains(string(log), "is damaged"):
			return errors.Join(fmt.Errorf("%s did not start, but not because of its damaged log", node), err, readErr)
		}
		_, _ = fmt.Fprintf(t.out, "%s refuses to serve with a damaged log, as it must, and stays out\n", node)
		return nil
	}, nil
}
