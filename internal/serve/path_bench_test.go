package serve

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/config"
	"github.com/parleydb/parley/internal/front"
	"github.com/parleydb/parley/internal/loop"
	"github.com/parleydb/parley/internal/resp"
)

// BenchmarkPath is what a node alone does for a command between the bytes that
// came in and the bytes of the reply, without sockets and without syncs: rounds
// of 50 connections with 16 commands each on ten thousand keys.
func BenchmarkPath(b *testing.B) {
	const conns, pipeline, keys = 50, 16, 10_000
	for _, name := range []string{"GET", "SET"} {
		b.Run(name, func(b *testing.B) {
			s := alone(b)
			rnd := rand.New(rand.NewPCG(1, 2))
			value := string(make([]byte, 100))
			writer := s.front.Open(&s.sink, "client")
			for i := range keys {
				writer.Data(resp.AppendCommand(nil, "SET", benchKey(i), value))
				s.turn()
			}
			var inputs [1024][]byte
			for i := range inputs {
				for range pipeline {
					args := []string{name, benchKey(rnd.IntN(keys)), value}
					if name == "GET" {
						args = args[:2]
					}
					inputs[i] = resp.AppendCommand(inputs[i], args...)
				}
			}
			list := make([]*front.Conn, conns)
			for i := range list {
				list[i] = s.front.Open(&s.sink, "client")
			}
			s.sink.n = 0
			b.ReportAllocs()
			b.ResetTimer()
			for n, i := 0, 0; n < b.N; {
				for _, c := range list {
					c.Data(inputs[i%len(inputs)])
					n += pipeline
					i++
				}
				s.turn()
			}
			if s.sink.n < b.N {
				b.Fatalf("%d replies to %d commands", s.sink.n, b.N)
			}
		})
	}
}

func benchKey(i int) string { return fmt.Sprintf("key:%012d", i) }

// aloneServer is a node of one without sockets.
type aloneServer struct {
	*Server
	sink sink
}

func alone(b *testing.B) *aloneServer {
	cfg := config.Default()
	cfg.Dir, cfg.RESP, cfg.HTTP, cfg.Peer, cfg.Fsync = b.TempDir(), "127.0.0.1:1", "", "127.0.0.1:2", false
	if err := cfg.Complete(); err != nil {
		b.Fatal(err)
	}
	s := &aloneServer{Server: &Server{cfg: cfg, log: quiet(), metrics: newMetrics()}}
	var err error
	if s.self, err = cfg.Self(); err != nil {
		b.Fatal(err)
	}
	if err := s.openDisk(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.disk.Close() })
	if s.loop, err = loop.New(loop.Config{}); err != nil {
		b.Fatal(err)
	}
	if err := s.openNode(); err != nil {
		b.Fatal(err)
	}
	s.front = front.NewServer(standing{backend{s.Server}}, front.Config{SlowLog: time.Hour})
	for range 3 {
		s.turn()
	}
	return s
}

// turn is a round of the loop.
func (s *aloneServer) turn() {
	s.setTime()
	if _, err := s.node.Round(); err != nil {
		panic(err)
	}
}

// standing is a backend whose loop does not run.
type standing struct{ backend }

func (b standing) Elapsed() time.Duration { return b.backend.Elapsed() & 1023 }

// sink takes replies as a connection of the loop does.
type sink struct {
	buf []byte
	n   int // replies
}

func (s *sink) Write(p []byte) {
	if len(s.buf)+len(p) > 64<<10 {
		s.buf = s.buf[:0]
	}
	s.buf = append(s.buf, p...)
	s.n++
}
func (s *sink) Close()                    {}
func (s *sink) CloseAfterFlush()          {}
func (s *sink) Pause()                    {}
func (s *sink) Resume()                   {}
func (s *sink) Buffered() int             { return 0 }
func (s *sink) Charge(int)                {}
func (s *sink) SetDeadline(time.Duration) {}
