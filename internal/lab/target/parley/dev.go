package parley

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab"
)

// Dev opens a development cluster of its own, of processes of this program. Its
// spec is "?nodes=N&sites=N&port=P&dir=DIR&serve=FLAG": three nodes on free
// ports in a temporary directory, unless said otherwise; serve, which may be
// repeated, is a flag for each node. env is more environment for them.
func Dev(env ...string) lab.Opener {
	return func(ctx context.Context, spec string, out io.Writer) (lab.Target, error) {
		_, query, err := split(spec)
		if err == nil {
			err = only(query, "nodes", "sites", "port", "dir", "serve")
		}
		if err != nil {
			return nil, err
		}
		o := dev.Options{Nodes: 3, Dir: query.Get("dir"), Env: env, Serve: append([]string{"--op-timeout=2s"}, query["serve"]...)}
		for name, at := range map[string]*int{"nodes": &o.Nodes, "sites": &o.Sites, "port": &o.Port} {
			if err := number(query, name, at); err != nil {
				return nil, err
			}
		}
		if o.Port == 0 {
			if o.Port, err = dev.FreePort(o.Nodes); err != nil {
				return nil, err
			}
		}
		return startDev(ctx, o, out)
	}
}

func number(query url.Values, name string, at *int) (err error) {
	if text := query.Get(name); text != "" {
		if *at, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("%s=%q is not a whole number", name, text)
		}
	}
	return nil
}

// startDev runs the cluster until Close. It must outlive ctx, whose end means
// that nothing more is to be done to it, not that it is to stop.
func startDev(ctx context.Context, o dev.Options, out io.Writer) (*target, error) {
	temporary := o.Dir == ""
	if temporary {
		dir, err := os.MkdirTemp("", "parley-verify-")
		if err != nil {
			return nil, err
		}
		o.Dir = dir
	}
	ready := &signal{seen: make(chan struct{})}
	o.Out = ready
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- dev.Run(running, o) }()
	stop := sync.OnceValue(func() error {
		cancel()
		var err error
		select {
		case err = <-done:
		case <-time.After(stopTimeout):
			err = errors.New("the cluster does not stop")
		}
		if temporary {
			err = errors.Join(err, os.RemoveAll(o.Dir))
		}
		return err
	})
	select {
	case <-ready.seen:
	case err := <-done:
		done <- nil
		return nil, errors.Join(fmt.Errorf("the cluster did not start: %w", err), stop())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), stop())
	}
	cluster, err := dev.Read(o.Dir)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	t := &target{out: out, dir: o.Dir, stop: stop, gone: map[string]bool{}}
	t.use(cluster)
	if err := t.ask(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	_, _ = fmt.Fprintf(out, "a cluster of %d nodes serves at %s; data and logs: %s\n", len(t.nodes), t.addresses[0], o.Dir)
	return t, nil
}

// signal is where dev writes; it waits for the line that begins with "ready".
type signal struct {
	once sync.Once
	seen chan struct{}
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *signal) Write(p []byte) (int, error) {
	select {
	case <-s.seen:
		return len(p), nil
	default:
	}
	s.text.Write(p)
	if bytes.Contains(s.text.Bytes(), []byte("\nready")) {
		s.once.Do(func() { close(s.seen) })
	}
	return len(p), nil
}
