package transport

import (
	"net"
	"sync"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/internal/wire"
)

// tcpLink gathers messages while a write is under way, as gRPC's own writer
// does, and sends what waits with one write.
type tcpLink struct {
	conn net.Conn
	wake sync.Cond

	mu struct {
		sync.Mutex
		pending []byte
		closed  bool
		err     error
	}
}

const maxPending = 1 << 20

func newTCPLink(conn net.Conn) *tcpLink {
	l := &tcpLink{conn: conn}
	l.wake.L = &l.mu
	go l.flush()
	return l
}

func (l *tcpLink) send(m *raftpb.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.mu.pending) > maxPending && l.mu.err == nil {
		l.wake.Wait()
	}
	start := len(l.mu.pending)
	b := wire.BeginFrame(l.mu.pending, wire.FrameRaft)
	l.mu.pending = wire.EndFrame(wire.AppendRaft(b, 1, m), start)
	l.wake.Broadcast()
	return l.mu.err
}

func (l *tcpLink) flush() {
	var out []byte
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.mu.pending) == 0 && !l.mu.closed {
			l.wake.Wait()
		}
		if l.mu.closed {
			return
		}
		out, l.mu.pending = l.mu.pending, out[:0]
		l.wake.Broadcast()
		l.mu.Unlock()
		_, err := l.conn.Write(out)
		l.mu.Lock()
		if err != nil {
			l.mu.err = err
			l.wake.Broadcast()
			return
		}
	}
}

func (l *tcpLink) close() {
	l.mu.Lock()
	l.mu.closed = true
	l.wake.Broadcast()
	l.mu.Unlock()
	_ = l.conn.Close()
}

func openTCP(tb testing.TB, got func(*raftpb.Message, func(*raftpb.Message) error), back func(*raftpb.Message)) link {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go func() {
		conn, err := lis.Accept()
		_ = lis.Close()
		if err != nil {
			tb.Error(err)
			return
		}
		replies := newTCPLink(conn)
		receive(tb, conn, func(m *raftpb.Message) { got(m, replies.send) })
		replies.close()
	}()
	conn, err := net.Dial("tcp", lis.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	go receive(tb, conn, back)
	return newTCPLink(conn)
}

// receive hands on messages until the connection ends.
func receive(tb testing.TB, conn net.Conn, got func(*raftpb.Message)) {
	var d wire.Decoder
	buf := make([]byte, 0, 64<<10)
	for {
		n, err := conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return // closed by this end or the other
		}
		buf = buf[:len(buf)+n]
		rest := buf
		for {
			_, payload, n, err := d.Next(rest)
			if err != nil {
				tb.Error(err)
				return
			}
			if n == 0 {
				break
			}
			_, m, err := wire.DecodeRaft(payload)
			if err != nil {
				tb.Error(err)
				return
			}
			got(m)
			rest = rest[n:]
		}
		buf = buf[:copy(buf, rest)]
	}
}
