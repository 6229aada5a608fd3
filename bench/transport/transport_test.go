package transport

import (
	"fmt"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
)

var sizes = []int{64, 256, 1024, 4096}

// BenchmarkStream sends messages in one direction, as many as go, as a leader
// with many groups does. One operation is one message.
func BenchmarkStream(b *testing.B) {
	for _, size := range sizes {
		for _, o := range openers {
			b.Run(fmt.Sprintf("%d/%s", size, o.name), func(b *testing.B) { stream(b, o, size) })
		}
	}
}

func stream(b *testing.B, o opener, size int) {
	received, done := 0, make(chan struct{})
	l := o.open(b, func(*raftpb.Message, func(*raftpb.Message) error) {
		if received++; received == b.N {
			close(done)
		}
	}, func(*raftpb.Message) {})
	defer l.close()
	m := message(size)
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime(b)
	for range b.N {
		if err := l.send(m); err != nil {
			b.Fatal(err)
		}
	}
	<-done
	report(b, cpu)
}

// BenchmarkRounds sends messages that are each answered by a small one, with
// so many on their way at once, as a leader and a follower do. One operation
// is one message and its answer.
func BenchmarkRounds(b *testing.B) {
	for _, inFlight := range []int{1, 16} {
		for _, size := range sizes {
			for _, o := range openers {
				b.Run(fmt.Sprintf("%d-in-flight/%d/%s", inFlight, size, o.name), func(b *testing.B) { rounds(b, o, size, inFlight) })
			}
		}
	}
}

func rounds(b *testing.B, o opener, size, inFlight int) {
	back := answer()
	free := make(chan struct{}, inFlight)
	l := o.open(b, func(_ *raftpb.Message, reply func(*raftpb.Message) error) {
		if err := reply(back); err != nil {
			b.Error(err)
		}
	}, func(*raftpb.Message) { free <- struct{}{} })
	defer l.close()
	for range inFlight {
		free <- struct{}{}
	}
	m := message(size)
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime(b)
	for range b.N {
		<-free
		if err := l.send(m); err != nil {
			b.Fatal(err)
		}
	}
	for range inFlight {
		<-free
	}
	report(b, cpu)
}

// report adds what the process used of the CPU since cpu, for each operation.
func report(b *testing.B, cpu time.Duration) {
	b.StopTimer()
	b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// All ways deliver every message whole and in order, and carry answers.
func TestLinksDeliver(t *testing.T) {
	const n = 1000
	for _, o := range openers {
		t.Run(o.name, func(t *testing.T) {
			answers := make(chan uint64, n)
			l := o.open(t, func(m *raftpb.Message, reply func(*raftpb.Message) error) {
				want := message(100)
				want.Index = m.Index
				if !proto.Equal(m, want) {
					t.Errorf("got %v", m)
				}
				if err := reply(m); err != nil {
					t.Error(err)
				}
			}, func(m *raftpb.Message) { answers <- m.GetIndex() })
			defer l.close()
			for i := range uint64(n) {
				m := message(100)
				m.Index = new(i)
				if err := l.send(m); err != nil {
					t.Fatal(err)
				}
			}
			for i := range uint64(n) {
				select {
				case got := <-answers:
					if got != i {
						t.Fatalf("answer %d came as number %d", got, i)
					}
				case <-time.After(10 * time.Second):
					t.Fatalf("answer %d did not come", i)
				}
			}
		})
	}
}
