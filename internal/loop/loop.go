package loop

import (
	"errors"
	"math"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Why a connection was closed, beside the errors of the operating system and
// io.EOF, which means that the peer closed it.
var (
	ErrDeadline     = errors.New("the connection's deadline passed")
	ErrIdle         = errors.New("nothing was received for the idle timeout")
	ErrWriteTimeout = errors.New("the peer took no output for the write timeout")
	ErrOutputLimit  = errors.New("the peer reads too slowly: its output passed the limit")
	ErrStopped      = errors.New("the loop stopped")
)

// Receiver is the owner of a connection. Its methods are called on the loop's
// goroutine and must not block.
type Receiver interface {
	// Data shows the bytes received and not consumed so far, at least one.
	// What is not consumed is shown again, with more after it. b is valid
	// during the call only, and not for writing.
	Data(c *Conn, b []byte) (consumed int)
	// Closed is called exactly once, between callbacks and never inside a
	// method of Conn, and nothing after it. err is nil when this side closed.
	Closed(c *Conn, err error)
}

// HalfCloser is a Receiver that may still have answers to send when the peer
// has closed its sending side. EOF is called instead of closing, once, and no
// Data after it; the receiver then owes a Close or CloseAfterFlush. For other receivers the connection
// closes with io.EOF after one attempt to write what is buffered.
type HalfCloser interface {
	EOF(c *Conn)
}

// Config is given to New. The zero value is valid.
type Config struct {
	// Round is called once per wakeup, after all ready connections were read
	// and posted functions ran, and before outputs are written (but see Flush). now is
	// monotonic time since New. It returns how long the loop may sleep,
	// counted from now, when nothing happens; 0 means call again at once, less
	// than 0 no limit. The resolution is a millisecond, rounded up.
	Round func(now time.Duration) (sleep time.Duration)

	// Tick is the longest time between two rounds; 0 means no limit.
	Tick time.Duration

	// OutputLimit bounds the output buffer of each new connection, in bytes;
	// 0 means 256 MiB. See Conn.SetOutputLimit.
	OutputLimit int

	// Memory bounds what the connections that CountMemory hold together, in
	// bytes: bytes not consumed, output, and what their owners Charge. Beyond,
	// those that hold most are closed with ErrMemory. 0 means no limit.
	Memory int

	// DialTimeout bounds Dial; 0 means 5 seconds.
	DialTimeout time.Duration

	// AcceptError hears, on the loop, of connections that could not be
	// accepted, as when the process has no more file descriptors. The loop
	// goes on by itself, after a pause.
	AcceptError func(error)

	// Yield gives up the processor once before the loop waits, after a round
	// that had events, so that the clients on this machine can say more and
	// the next round gathers it. It trades latency at low load for work per
	// round: measure before use. Linux only.
	Yield bool

	// Portable asks for the implementation over package net on Linux too.
	Portable bool
}

// Stats counts what the loop did since New.
type Stats struct {
	Rounds            uint64 // one wait for events each
	Reads, Writes     uint64 // calls to read from and write to connections
	BytesIn, BytesOut uint64
	Conns             int    // open now, those being dialled included
	Memory            int    // what those that are counted hold now, bytes
	Evicted           uint64 // closed with ErrMemory
}

const never = time.Duration(math.MaxInt64)

// Loop is an event loop. Unless said otherwise its methods may be called
// before Run, by the goroutine that will call it, and then only on the loop:
// from callbacks and posted functions.
type Loop struct {
	cfg      Config
	poll     poller
	started  time.Time
	now      time.Duration // at the beginning of the round
	sleep    time.Duration // what Round allowed
	sweepAt  time.Duration // no deadline is before it
	breathed time.Duration // last time that the scheduler saw the loop
	again    bool          // callbacks ran after Round: it must see their effects
	stats    Stats

	conns []*Conn
	ready []*Conn // have, or may have, bytes to show
	spare []*Conn // the other list of ready, for reuse
	dirty []*Conn // have output to write
	dead  []*Conn // wait for their Closed

	memory   int      // of the connections that are counted
	in       []byte   // what connections without kept bytes read into
	free     [][]byte // small buffers for outputs and kept bytes
	running  atomic.Bool
	stopping bool

	sleeping atomic.Bool // the loop waits, or is about to: a Post must wake it
	queued   atomic.Bool // mu.queue is not empty
	mu       struct {
		sync.Mutex
		queue  []func()
		closed bool
	}
	posted []func() // the other slice of mu.queue, for reuse
}

// New makes a loop. It does nothing until Run.
func New(cfg Config) (*Loop, error) {
	if cfg.Round == nil {
		cfg.Round = func(time.Duration) time.Duration { return -1 }
	}
	if cfg.OutputLimit == 0 {
		cfg.OutputLimit = 256 << 20
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = 5 * time.Second
	}
	if cfg.AcceptError == nil {
		cfg.AcceptError = func(error) {}
	}
	l := &Loop{cfg: cfg, started: time.Now(), sweepAt: never, in: make([]byte, readSize)}
	var err error
	if cfg.Portable {
		l.poll = newPortable(l)
	} else {
		l.poll, err = newPoller(l)
	}
	return l, err
}

// Now is the time of the current round: monotonic, since New.
func (l *Loop) Now() time.Duration { return l.now }

// Elapsed is how much time has passed since the round began, for which Now
// stands still.
func (l *Loop) Elapsed() time.Duration { return time.Since(l.started) - l.now }

// Stats counts what the loop did so far.
func (l *Loop) Stats() Stats {
	s := l.stats
	s.Conns, s.Memory = len(l.conns), l.memory
	return s
}

// Listen accepts connections on addr, in the forms of net.Listen, and returns
// the address, with the port that was chosen for port 0. accept is called for
// each; when it returns nil the connection is closed, as by CloseAfterFlush, so
// that accept may write why.
func (l *Loop) Listen(network, addr string, accept func(*Conn) Receiver) (net.Addr, error) {
	return l.poll.listen(network, addr, accept)
}

// StopAccepting closes all listeners. Connections stay.
func (l *Loop) StopAccepting() { l.poll.stopAccepting() }

// Dial connects to a TCP address, "host:port", without blocking, and calls
// done on the loop, never inside Dial: with the connection, or with the error
// of the operating system, such as syscall.ECONNREFUSED, in the sense of
// errors.Is; os.ErrDeadlineExceeded after Config.DialTimeout, and ErrStopped.
// What done returns with a connection becomes its receiver; nil closes it. Dial
// may be called from any goroutine; when the loop has stopped, done is not
// called and Dial returns false.
func (l *Loop) Dial(addr string, done func(*Conn, error) Receiver) bool {
	return l.Post(func() {
		c := l.newConn(nil, nil)
		c.state, c.dialled = connecting, done
		c.SetDeadline(l.cfg.DialTimeout)
		l.poll.dial(c, addr)
	})
}

// Run is the loop. It returns after Stop, or when waiting for events fails,
// having closed all connections and listeners.
func (l *Loop) Run() error {
	if !l.running.CompareAndSwap(false, true) {
		return errors.New("loop: Run was called before")
	}
	var err error
	for err == nil && !l.stopping {
		err = l.turn()
	}
	l.shutdown()
	return err
}

// turn is one round.
func (l *Loop) turn() error {
	d := l.timeout()
	if d != 0 {
		// Either this sees what was posted, or Post sees the loop asleep.
		l.sleeping.Store(true)
		if l.queued.Load() {
			d = 0
		}
	}
	err := l.poll.wait(d)
	l.sleeping.Store(false)
	if err != nil {
		return err
	}
	l.stats.Rounds++
	l.now = time.Since(l.started)
	l.breathe()
	l.poll.dispatch()
	l.pullReady()
	l.runPosted()
	l.sweep()
	l.sleep = l.cfg.Round(l.now)
	l.settle()
	l.relieve()
	l.settle()
	return nil
}

// breathPause is below the 10 ms after which Go's scheduler takes a goroutine
// for a hog.
const breathPause = 4 * time.Millisecond

// breathe goes through the scheduler now and then. To a loop that is never
// descheduled the monitor of the Go runtime comes every 10 ms, takes the
// processor away during a system call, and then looks again every 20 us: 12% of
// a follower's time.
func (l *Loop) breathe() {
	if l.now-l.breathed >= breathPause {
		l.breathed = l.now
		runtime.Gosched()
	}
}

// timeout is how long the loop may wait for events.
func (l *Loop) timeout() time.Duration {
	if l.again || len(l.ready) > 0 || l.sleep == 0 {
		l.again = false
		return 0
	}
	d := never
	if l.sleep > 0 {
		d = l.sleep
	}
	if l.cfg.Tick > 0 {
		d = min(d, l.cfg.Tick)
	}
	if l.sweepAt != never {
		d = min(d, l.sweepAt-l.now)
	}
	if d == never {
		return -1
	}
	return max(d-(time.Since(l.started)-l.now), 0)
}

// pullReady reads each connection that was reported, or has more than one
// round may read. What becomes ready meanwhile is for the next round.
func (l *Loop) pullReady() {
	ready := l.ready
	l.ready = l.spare[:0]
	for i, c := range ready {
		ready[i] = nil
		c.queued = false
		c.pull()
		l.relieve()
	}
	l.spare = ready[:0]
}

// Flush writes what is buffered for all connections now, rather than at the end
// of the round. It is for a Round that goes on with something slow, such as a
// sync of a disk, while others can begin to work on what they are told.
func (l *Loop) Flush() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		l.dirty[i] = nil
		c.dirty = false
		c.flush()
	}
	l.dirty = l.dirty[:0]
}

// settle writes the round's outputs and reports the connections that died.
func (l *Loop) settle() {
	for len(l.dirty)+len(l.dead) > 0 {
		l.Flush()
		for i := 0; i < len(l.dead); i++ {
			c := l.dead[i]
			l.dead[i] = nil
			l.again = true
			c.bury()
		}
		l.dead = l.dead[:0]
	}
}

func (l *Loop) shutdown() {
	l.poll.stopAccepting()
	l.mu.Lock()
	l.mu.closed = true
	l.mu.Unlock()
	l.runPosted() // what Post took in must run, and may write
	l.settle()
	for len(l.conns) > 0 {
		l.conns[len(l.conns)-1].fail(ErrStopped)
		l.settle()
	}
	l.poll.close()
}
