package loop

import (
	"errors"
	"strings"

	"net"
	"net/netip"
	"os"

	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unresponsive is an address that neither accepts nor refuses: its queue is
// full, and nobody empties it.
func unresponsive(t *testing.T) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		if err := unix.Connect(c, sa); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return address(sa).String()
}

// What the loop is for: a batch of commands costs one read, and all answers
// one write, per connection and round.
func TestSystemCalls(t *testing.T) {
	w := newWorld(t, Config{})
	const conns, commands = 8, 16
	clients := make([]*net.TCPConn, conns)
	for i := range clients {
		var r *recorder
		clients[i], r = w.client()
		r.consume = func(b []byte) int {
			for range b {
				r.c.Write([]byte("answer"))
			}
			return len(b)
		}
	}
	before := w.l.Stats()
	for _, nc := range clients {
		w.send(nc, make([]byte, commands))
	}
	w.until("answers", func() bool { return w.l.Stats().BytesOut == conns*commands*6 })
	for _, nc := range clients {
		w.receive(nc, commands*6)
	}
	after := w.l.Stats()
	if reads, writes := after.Reads-before.Reads, after.Writes-before.Writes; reads != conns || writes != conns {
		t.Errorf("%d reads and %d writes for %d connections with %d commands each", reads, writes, conns, commands)
	}
	if after.BytesIn != conns*commands {
		t.Errorf("%d bytes came in", after.BytesIn)
	}
}

// A connection with endless input must not keep others from being read in the
// same round, nor the round from ending.
func TestReadsArePerRoundBounded(t *testing.T) {
	w := newWorld(t, Config{})
	flood, rf := w.client()
	small, rs := w.client()
	for _, nc := range []*Conn{rf.c, rs.c} {
		nc.Pause()
	}
	fd := rf.c.sock.(*epollSocket).fd
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20); err != nil {
		t.Skip(err)
	}
	go flood.Write(make([]byte, 1<<20))
	w.send(small, []byte("x"))
	w.until("more than a round may read", func() bool {
		n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if err != nil {
			t.Fatal(err)
		}
		return n > readsPerRound*readSize && rs.c.readable
	})
	rf.c.Resume()
	rs.c.Resume()
	if err := w.l.turn(); err != nil {
		t.Fatal(err)
	}
	if len(rf.got) != readsPerRound*readSize || len(rs.got) != 1 {
		t.Errorf("one round read %d of the flood and %d of the other", len(rf.got), len(rs.got))
	}
	if d := w.l.timeout(); d != 0 {
		t.Errorf("with more to read it would sleep %v", d)
	}
	w.until("all", func() bool { return len(rf.got) == 1<<20 })
}

func TestEchoAllocatesNothing(t *testing.T) {
	w := newWorld(t, Config{})
	nc, r := w.client()
	got := 0
	r.consume = func(b []byte) int { r.c.Write(b); got += len(b); r.got = r.got[:0]; return len(b) - len(b)%2 }
	msg, answer := []byte("ping!"), make([]byte, 64)
	n := testing.AllocsPerRun(200, func() {
		want := got + len(msg)
		if _, err := nc.Write(msg); err != nil {
			t.Fatal(err)
		}
		for got < want {
			if err := w.l.turn(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := nc.Read(answer); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 {
		t.Errorf("%v allocations per round trip", n)
	}
}

// Without file descriptors the loop says so, does not spin, and goes on when
// there are some again.
func TestNoFileDescriptorsLeft(t *testing.T) {
	var heard []error
	w := newWorld(t, Config{AcceptError: func(err error) { heard = append(heard, err) }})
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(lowestFree(t))
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	restore := func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	defer restore()
	w.until("the error", func() bool { return len(heard) > 0 })
	rounds := w.l.Stats().Rounds
	w.until("a second attempt", func() bool { return len(heard) > 1 })
	restore()
	if !errors.Is(heard[0], syscall.EMFILE) {
		t.Error(heard[0])
	}
	if n := w.l.Stats().Rounds - rounds; n > 50 {
		t.Errorf("%d rounds between two attempts", n)
	}
	w.until("accept", func() bool { return len(w.accepted) == 1 })
}

// lowestFree is the number that the next file descriptor would have.
func lowestFree(t *testing.T) int {
	fd, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	return fd
}

func TestConnectedToItself(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, sa); err != nil { // nobody listens, and yet
		t.Fatal(err)
	}
	if !connectedToItself(fd) {
		t.Error("not noticed")
	}
	w := newWorld(t, Config{})
	_, r := w.client()
	if connectedToItself(r.c.sock.(*epollSocket).fd) {
		t.Error("an ordinary connection was taken for one to itself")
	}
}

func TestSocketOptions(t *testing.T) {
	w := newWorld(t, Config{})
	dialled, err := w.dial(w.addr)
	if err != nil {
		t.Fatal(err)
	}
	w.until("accept", func() bool { return len(w.accepted) == 2 })
	for _, r := range []*recorder{dialled, w.accepted[0], w.accepted[1]} {
		v, err := unix.GetsockoptInt(r.c.sock.(*epollSocket).fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
		if err != nil || v == 0 {
			t.Errorf("TCP_NODELAY is %d, %v", v, err)
		}
	}
	dialled.c.SetUnsent(16 << 10)
	if v, err := unix.GetsockoptInt(dialled.c.sock.(*epollSocket).fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); err != nil || v != 16<<10 {
		t.Errorf("TCP_NOTSENT_LOWAT is %d, %v", v, err)
	}
}

// Every file descriptor is given back: connections, listeners and the loop's.
func TestFileDescriptorsAreClosed(t *testing.T) {
	count := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		n := 0
		for _, f := range files {
			name, err := os.Readlink("/proc/self/fd/" + f.Name())
			if err == nil && (strings.HasPrefix(name, "socket:") || name == "anon_inode:[eventpoll]" || name == "anon_inode:[eventfd]") {
				n++
			}
		}
		return n
	}
	cycle := func() {
		l, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, l: l, setup: func(*recorder) {}}
		addr, err := l.Listen("tcp", "127.0.0.1:0", func(c *Conn) Receiver { return w.recorder(c) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.dial(addr.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.dial("127.0.0.1:1"); err == nil {
			t.Skip("something listens on port 1")
		}
		l.Stop()
		if err := l.Run(); err != nil {
			t.Fatal(err)
		}
	}
	cycle() // the runtime's own descriptors are open after it
	before := count()
	for range 5 {
		cycle()
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestMillis(t *testing.T) {
	for d, want := range map[int64]int{-1: -1, 0: 0, 1: 1, 999_999: 1, 1_000_000: 1, 1_000_001: 2} {
		if got := millis(time.Duration(d)); got != want {
			t.Errorf("%d ns: %d ms, want %d", d, got, want)
		}
	}
}

// A name may have several addresses: those that refuse are passed over.
func TestDialTriesAllAddresses(t *testing.T) {
	w := newWorld(t, Config{})
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := netip.MustParseAddrPort(nl.Addr().String())
	nl.Close()
	for _, c := range []struct {
		addrs []netip.AddrPort
		good  bool
	}{
		{[]netip.AddrPort{nobody, netip.MustParseAddrPort(w.addr)}, true},
		{[]netip.AddrPort{nobody, nobody}, false},
	} {
		var got error
		done := false
		conn := w.l.newConn(nil, nil)
		conn.state = connecting
		conn.dialled = func(c *Conn, err error) Receiver { got, done = err, true; return nil }
		w.l.poll.(*epoll).connect(conn, c.addrs)
		w.until("dial", func() bool { return done })
		if c.good != (got == nil) || !c.good && !errors.Is(got, syscall.ECONNREFUSED) {
			t.Errorf("%v: %v", c.addrs, got)
		}
	}
	w.until("closed", func() bool { return w.l.Stats().Conns == 0 })
}

func TestIPv6(t *testing.T) {
	w := newWorld(t, Config{Yield: true})
	addr, err := w.l.Listen("tcp", "[::1]:0", func(c *Conn) Receiver { return w.recorder(c) })
	if err != nil {
		t.Skip(err)
	}
	r, err := w.dial(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	r.c.Write([]byte("x"))
	w.until("data", func() bool { return len(w.accepted) == 2 && len(w.accepted[0].got)+len(w.accepted[1].got) == 1 })
	for _, r := range w.accepted {
		if a, ok := r.c.RemoteAddr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() || a.IP.To4() != nil {
			t.Error(r.c.RemoteAddr())
		}
	}
}
