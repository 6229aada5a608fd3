package loop

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// netSocket makes a net.Conn, whose calls block, into a socket, whose calls do
// not. Two goroutines carry the bytes; each owns its half while the flag says
// so, and the loop otherwise.
type netSocket struct {
	poll *portable
	conn net.Conn
	once sync.Once
	done chan struct{} // closed with the socket

	// The reader fills in and sets arrived; the loop empties it, clears
	// arrived, and sends a token for the next read.
	arrived atomic.Bool
	in      []byte
	inErr   error
	next    chan struct{}

	// The loop fills out and sends a token; the writer writes it, sets
	// written and outErr, and clears writing.
	writing atomic.Bool
	out     []byte
	written int
	outErr  error
	work    chan struct{}
}

func newNetSocket(p *portable, nc net.Conn) *netSocket {
	return &netSocket{poll: p, conn: nc, done: make(chan struct{}), next: make(chan struct{}, 1), work: make(chan struct{}, 1)}
}

// start begins to carry bytes for c.
func (s *netSocket) start(c *Conn) {
	go s.readAll(c)
	go s.writeAll(c)
}

func (s *netSocket) readAll(c *Conn) {
	buf := make([]byte, portableRead)
	for {
		n, err := s.conn.Read(buf)
		s.in, s.inErr = buf[:n], err
		s.arrived.Store(true)
		e := canRead
		if err != nil {
			e |= peerEnd
		}
		s.poll.report(report{conn: c, events: e})
		if err != nil {
			return
		}
		select {
		case <-s.next:
		case <-s.done:
			return
		}
	}
}

func (s *netSocket) read(p []byte) (int, error) {
	if !s.arrived.Load() {
		return 0, nil
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	switch {
	case n > 0 && len(s.in) > 0:
	case s.inErr != nil:
		if n == 0 {
			return 0, s.inErr
		}
	default:
		s.arrived.Store(false)
		s.next <- struct{}{}
	}
	return n, nil
}

func (s *netSocket) writeAll(c *Conn) {
	defer s.conn.Close()
	for {
		select {
		case <-s.work:
		case <-s.done:
			if !s.writing.Load() {
				return
			}
			<-s.work
		}
		s.written, s.outErr = s.conn.Write(s.out)
		s.writing.Store(false)
		s.poll.report(report{conn: c, events: canWrite})
	}
}

// write returns what an earlier call gave to the writer, and gives it more.
func (s *netSocket) write(p []byte) (int, error) {
	if s.writing.Load() {
		return 0, nil
	}
	if s.outErr != nil {
		return 0, s.outErr
	}
	n := s.written
	s.written = 0
	if rest := p[n:]; len(rest) > 0 {
		s.out = append(s.out[:0], rest[:min(len(rest), portableWrite)]...)
		s.writing.Store(true)
		s.work <- struct{}{}
	}
	return n, nil
}

func (s *netSocket) closeWrite() {
	if cw, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	}
}

func (s *netSocket) close() {
	s.once.Do(func() {
		close(s.done)
		if !s.writing.Load() {
			s.conn.Close()
			return
		}
		// The last answers are with the writer, which closes after them.
		_ = s.conn.SetReadDeadline(time.Unix(1, 0))
		_ = s.conn.SetWriteDeadline(time.Now().Add(lingerTimeout))
	})
}
