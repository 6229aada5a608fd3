package loop

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/resp"
)

var (
	ping = resp.AppendCommand(nil, "PING")
	pong = resp.AppendSimple(nil, "PONG")
)

// pinged is the server's side: a RESP server that knows PING.
type pinged struct{ parser resp.Parser }

func (p *pinged) Data(c *Conn, b []byte) int {
	done := 0
	for {
		_, n, err := p.parser.Next(b[done:])
		if err != nil {
			c.Close()
			return done
		}
		if n == 0 {
			return done
		}
		done += n
		c.Write(pong)
	}
}

func (p *pinged) Closed(*Conn, error) {}

// variants are the ways to run the loop that are measured.
var variants = []struct {
	name string
	cfg  Config
}{{"epoll", Config{}}, {"epoll-yield", Config{Yield: true}}, {"portable", Config{Portable: true}}}

func servePing(b *testing.B, cfg Config) (*Loop, string) {
	l, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	addr, err := l.Listen("tcp", "127.0.0.1:0", func(*Conn) Receiver {
		return &pinged{resp.Parser{Limits: resp.DefaultLimits()}}
	})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- l.Run() }()
	b.Cleanup(func() {
		l.Stop()
		<-done
	})
	return l, addr.String()
}

// pinger is the client's side: it asks again when it is answered.
type pinger struct {
	answered *int
	want     int
	done     func()
}

func (p *pinger) Data(c *Conn, b []byte) int {
	n := len(b) / len(pong)
	for range n {
		*p.answered++
		if *p.answered == p.want {
			p.done()
		}
		c.Write(ping)
	}
	return n * len(pong)
}

func (p *pinger) Closed(*Conn, error) {}

// BenchmarkPing is 64 connections with one PING in flight each; the client is
// a loop of the same kind on another goroutine of this process. CPU is of both.
func BenchmarkPing(b *testing.B) {
	const clients = 64
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			server, addr := servePing(b, v.cfg)
			l, err := New(v.cfg)
			if err != nil {
				b.Fatal(err)
			}
			answered := 0
			for range clients {
				l.Dial(addr, func(c *Conn, err error) Receiver {
					if err != nil {
						if err != ErrStopped { // a run of one answer ends before all are connected
							b.Error(err)
							l.Stop()
						}
						return nil
					}
					c.Write(ping)
					return &pinger{&answered, b.N, l.Stop}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuTime()
			if err := l.Run(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
			reportStats(b, server)
		})
	}
}

func reportStats(b *testing.B, l *Loop) {
	stats := make(chan Stats)
	l.Post(func() { stats <- l.Stats() })
	s := <-stats
	b.ReportMetric(float64(s.Rounds)/float64(s.Reads), "rounds/read")
	b.ReportMetric(float64(s.Writes)/float64(s.Reads), "writes/read")
}

// BenchmarkRedisBenchmark is the same with redis-benchmark as the client; CPU
// is of the server alone.
func BenchmarkRedisBenchmark(b *testing.B) {
	tool, err := exec.LookPath("redis-benchmark")
	if err != nil {
		b.Skip("redis-benchmark is not installed")
	}
	for _, v := range variants {
		for _, pipeline := range []string{"1", "16"} {
			b.Run(fmt.Sprintf("%s/P%s", v.name, pipeline), func(b *testing.B) {
				server, addr := servePing(b, v.cfg)
				host, port, _ := strings.Cut(addr, ":")
				n := max(b.N, 1000)
				b.ResetTimer()
				cpu, start := cpuTime(), time.Now()
				out, err := exec.Command(tool, "-h", host, "-p", port, "-c", "64", "-P", pipeline, "-n", fmt.Sprint(n), "-t", "ping_mbulk", "-q").CombinedOutput()
				if err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				elapsed := time.Since(start)
				b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(n), "cpu-ns/op")
				b.ReportMetric(float64(n)/elapsed.Seconds(), "ops/s")
				reportStats(b, server)
			})
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
