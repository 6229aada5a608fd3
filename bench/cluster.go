package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// workload is one kind of load. Keys are "key:" and twelve digits.
type workload struct {
	op       string // "SET" or "GET"
	conns    int
	pipeline int
	keys     int // drawn from 0 to keys-1
	db       int // keyspace number; Parley only
	ops      int
}

func (w workload) String() string {
	s := fmt.Sprintf("%s, %d connections", w.op, w.conns)
	if w.pipeline > 1 {
		s += fmt.Sprintf(", pipelines of %d", w.pipeline)
	}
	return s
}

const valueSize = 100

func keyName(i int) string { return fmt.Sprintf("key:%012d", i) }

// sample is what one measurement gave.
type sample struct {
	opsPerSec float64
	p50, p99  time.Duration
	serverCPU time.Duration // of all servers together, per operation
	clientCPU time.Duration // of the load generator, per operation
	others    float64       // share of the machine's CPU that neither of them used
}

// server is a running system under test: the nodes of a cluster, or one
// server. Its functions differ between Parley, etcd and Redis.
type server struct {
	name  string
	dir   string
	nodes []*process
	// respPorts are the ports of the nodes that speak RESP.
	respPorts []int
	// leader is the index of the node that leads a keyspace, once there is one.
	leader func(ctx context.Context, db int) (int, error)
	// preload writes keys 0 to keys-1 through a node.
	preload func(ctx context.Context, node, keys, db int) error
	// load drives a node until w.ops operations are done.
	load func(ctx context.Context, node int, w workload) (sample, error)
	// writer opens a client that writes through one node.
	writer func(node int) (writer, error)
}

// writer makes one write and returns when it is acknowledged.
type writer interface {
	write(ctx context.Context) error
	close()
}

// starter starts a system on a fresh data directory and returns when it
// serves.
type starter struct {
	side, name string
	start      func(context.Context, *bench) (*server, error)
}

// stop ends all nodes and removes their data.
func (s *server) stop() {
	for _, p := range s.nodes {
		p.kill()
	}
	_ = os.RemoveAll(s.dir) // what is left goes with the base directory
}

// pause stops all nodes where they are, so that they use no CPU.
func (s *server) pause() { s.signal(syscall.SIGSTOP) }

func (s *server) resume() { s.signal(syscall.SIGCONT) }

func (s *server) signal(sig syscall.Signal) {
	for _, p := range s.nodes {
		p.signal(sig)
	}
}

func (s *server) cpuTime() (total time.Duration, err error) {
	for _, p := range s.nodes {
		t, err := p.cpuTime()
		if err != nil {
			return 0, fmt.Errorf("%s has ended: %w; its log says:\n%s", p.name, err, p.tail())
		}
		total += t
	}
	return total, nil
}

// measure drives the leader with w for about the given time. Two short loads
// come first: to warm up, and to learn how many operations that takes.
func (b *bench) measure(ctx context.Context, s *server, w workload) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, b.patience())
	defer cancel()
	node, err := s.leader(ctx, w.db)
	if err != nil {
		return sample{}, err
	}
	w.ops = 5000
	for _, seconds := range []float64{min(0.5, b.seconds), b.seconds} {
		r, err := s.load(ctx, node, w)
		if err != nil {
			return sample{}, fmt.Errorf("%s: %s: %w", s.name, w, err)
		}
		w.ops = max(w.conns*w.pipeline*10, int(r.opsPerSec*seconds))
	}
	r, err := s.timed(ctx, node, w)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %s: %w", s.name, w, err)
	}
	progress("%-8s %-40s %8.0f/s  p50 %.2f ms  p99 %.2f ms  CPU %.1f us  others %.0f%%",
		s.name, w, r.opsPerSec, millis(r.p50), millis(r.p99), micros(r.serverCPU), 100*r.others)
	return r, nil
}

// timed is one load together with the CPU time that it took.
func (s *server) timed(ctx context.Context, node int, w workload) (r sample, err error) {
	start := time.Now()
	busy, err1 := busyTime()
	cpu, err2 := s.cpuTime()
	if err := errors.Join(err1, err2); err != nil {
		return r, err
	}
	if r, err = s.load(ctx, node, w); err != nil {
		return r, err
	}
	busyAfter, err1 := busyTime()
	cpuAfter, err2 := s.cpuTime()
	whole := time.Since(start) * time.Duration(runtime.NumCPU())
	r.others = max(0, float64(busyAfter-busy-(cpuAfter-cpu)-r.clientCPU)/float64(whole))
	r.serverCPU = (cpuAfter - cpu) / time.Duration(w.ops)
	r.clientCPU /= time.Duration(w.ops)
	return r, errors.Join(err1, err2)
}

// binaries are the programs under test.
type binaries struct{ parley, etcd, redis, redisBenchmark string }

func build(ctx context.Context, b *bench) (bin binaries, err error) {
	bin.parley = filepath.Join(b.procs.base, "parley")
	bin.etcd = filepath.Join(b.procs.base, "etcd")
	if b.measures("parley") {
		progress("building parley")
		if err := goBuild(ctx, b.checkout, bin.parley, "./cmd/parley"); err != nil {
			return bin, err
		}
	}
	if b.measures("peer") {
		progress("building etcd")
		if err := goBuild(ctx, ".", bin.etcd, etcdPackage); err != nil {
			return bin, err
		}
		if bin.redis, err = exec.LookPath("redis-server"); err != nil {
			return bin, fmt.Errorf("%w: on Debian, apt-get install redis", err)
		}
	}
	if bin.redisBenchmark, err = exec.LookPath("redis-benchmark"); err != nil {
		return bin, fmt.Errorf("%w: on Debian, apt-get install redis", err)
	}
	return bin, nil
}

func goBuild(ctx context.Context, dir, out, pkg string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, msg)
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
