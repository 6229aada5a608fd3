package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// Run runs a cluster until ctx ends, then stops its nodes in order. It prints a
// table and a line that begins with "ready" when all nodes serve. An error says
// what is in the way: a busy port, a directory in use, a node that fails.
func Run(ctx context.Context, opts Options) error {
	if err := opts.complete(); err != nil {
		return err
	}
	nodes, peers := opts.plan()
	dir, release, err := openDir(opts.Dir)
	if err != nil {
		return err
	}
	defer release()
	if err := checkSame(dir, nodes); err != nil {
		return err
	}
	if err := checkPorts(nodes, peers); err != nil {
		return err
	}
	socket := filepath.Join(dir, socketFile)
	_ = os.Remove(socket) // of a supervisor that was killed; the lock says that none runs
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("socket for faults: %w", err)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newSupervisor(ctx, opts, dir, nodes, peers)
	looped := make(chan struct{})
	go func() { s.loop(); close(looped) }()
	server := s.control()
	s.others.Go(func() { _ = server.Serve(listener) })

	err = s.bringUp()
	if err == nil {
		s.printReady(opts.Dir == "")
		<-ctx.Done()
		s.do(func() { s.printf("stopping\n") })
	}
	cancel()
	s.stopAll()
	// Handlers end soon: s.ctx is done, and nothing starts any more.
	_ = server.Shutdown(context.Background())
	s.others.Wait()
	close(s.events)
	<-looped
	return err
}

// bringUp starts all nodes and waits until they are ready.
func (s *supervisor) bringUp() error {
	var err error
	s.do(func() {
		for _, p := range s.nodes {
			if err = s.start(p); err != nil {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	limit := time.NewTimer(s.opts.Ready)
	defer limit.Stop()
	for _, p := range s.nodes {
		var ready, exited chan struct{}
		s.do(func() { ready, exited = p.ready, p.exited })
		select {
		case <-ready:
		case <-exited:
			if s.ctx.Err() != nil {
				return nil
			}
			var end string
			s.do(func() { end = p.end })
			return fmt.Errorf("%s ended before it was ready (%s). Its log %s ends with:\n%s", p.Name, end, s.logPath(p), tail(s.logPath(p)))
		case <-s.ctx.Done():
			return nil
		case <-limit.C:
			return fmt.Errorf("%s is not ready after %v. Its log %s ends with:\n%s", p.Name, s.opts.Ready, s.logPath(p), tail(s.logPath(p)))
		}
	}
	return nil
}

// stopAll stops the nodes one after the other, the first last, so that
// leaderships can be handed over.
func (s *supervisor) stopAll() {
	s.do(func() { s.closing = true })
	for i := len(s.nodes) - 1; i >= 0; i-- {
		s.terminate(s.nodes[i])
	}
}

func (s *supervisor) printReady(temporary bool) {
	s.do(func() {
		if s.ctx.Err() != nil {
			return // interrupted before all were ready
		}
		s.printTable(s.opts.Out)
		kept := ""
		if temporary {
			kept = " (removed at the end; --dir keeps it)"
		}
		_, port, _ := net.SplitHostPort(s.nodes[0].RESP)
		s.printf("\ndata and logs: %s%s\nnext:\n  redis-cli -p %s\n  parley status --dir %s\n  parley fault --dir %s kill n1\n\n",
			s.dir, kept, port, s.dir, s.dir)
		s.printf("ready: %d nodes serve; Ctrl-C stops them\n", len(s.nodes))
	})
}

func (s *supervisor) printTable(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "name\tsite\tpid\tredis\thttp")
	for _, p := range s.nodes {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", p.Name, p.Site, p.PID, p.RESP, p.HTTP)
	}
	_ = w.Flush()
}

// tailBytes is how much of a log an error shows.
const tailBytes = 2 << 10

// tail is the end of a file, in whole lines.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	cut := false
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		_, err = f.Seek(-tailBytes, io.SeekEnd)
		cut = err == nil
	}
	text, err := io.ReadAll(io.LimitReader(f, tailBytes))
	if err != nil && !errors.Is(err, io.EOF) {
		return err.Error()
	}
	lines := strings.TrimSpace(string(text))
	if _, rest, ok := strings.Cut(lines, "\n"); cut && ok {
		lines = rest
	}
	return lines
}
