package serve

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/parleydb/parley/internal/config"
	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/front"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/loop"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/wire"
)

// Server is one node as a process.
type Server struct {
	cfg       config.Config
	self      config.Member
	cluster   uint64
	boot      uint64
	log       *slog.Logger
	metrics   *metrics
	loop      *loop.Loop
	disk      *disk.Disk
	node      *node.Node
	front     *front.Server
	links     []*link // by rising node id
	http      *http.Server
	ends      []int         // scratch of links
	frame     []byte        // scratch
	ended     time.Duration // how long the round had lasted when the last operation ended
	skew      time.Duration // a fault: how far the clock is off
	jump      time.Duration // a fault: it is off for so long, then right for so long; 0: always
	diskBad   *diskFaults   // nil unless faults are allowed
	handshake time.Duration // for connections between nodes
	closing   bool
	httpIdle  bool // no request over HTTP is under way, and none comes any more
	stopBy    time.Duration
	failure   error
}

// Open builds a node from its configuration, up to listening. If that fails the
// directory is free again.
func Open(cfg config.Config, log *slog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, log: log, boot: rand.Uint64(), metrics: newMetrics(), handshake: handshakeTimeout}
	if err := s.open(); err != nil {
		if s.disk != nil {
			_ = s.disk.Close()
		}
		return nil, err
	}
	return s, nil
}

func (s *Server) open() error {
	cfg, log := s.cfg, s.log
	self, err := cfg.Self()
	if err != nil {
		return err
	}
	s.self = self
	if err := s.openDisk(); err != nil {
		return err
	}
	s.loop, err = loop.New(loop.Config{
		Round: s.round, Tick: cfg.Tick, OutputLimit: int(cfg.MaxOutput), Memory: int(cfg.MaxClientMemory),
		AcceptError: func(err error) { log.Error("a connection could not be accepted", "error", err) },
	})
	if err != nil {
		return err
	}
	if err := s.openNode(); err != nil {
		return err
	}
	return s.listen()
}

func (s *Server) openDisk() error {
	var fs vfs.FS
	if s.cfg.AllowFaults {
		s.diskBad = &diskFaults{}
		fs = errorfs.Wrap(vfs.Default, s.diskBad)
	}
	d, err := disk.Open(disk.Options{
		FS: fs, Dir: s.cfg.Dir, Sync: s.cfg.Fsync, CacheBytes: int64(s.cfg.Cache), SegmentBytes: int64(s.cfg.Segment),
		GenerationBytes: int64(s.cfg.Generation), LogKeepBytes: int64(s.cfg.LogKeep),
		Events: disk.Events{Synced: s.metrics.synced},
	})
	if err != nil {
		return err
	}
	s.disk = d
	members, err := s.cfg.Members()
	if err != nil {
		return err
	}
	s.cluster = clusterID(members)
	return s.checkIdentity()
}

// clusterID names a cluster by its initial members, which every node is given
// alike: the names, not the addresses, which may change.
func clusterID(members []config.Member) uint64 {
	h := fnv.New64a()
	for _, m := range members {
		fmt.Fprintf(h, "%d %s\n", m.ID, m.Name)
	}
	return h.Sum64()
}

// checkIdentity refuses a data directory of another node or cluster.
func (s *Server) checkIdentity() error {
	id := binary.BigEndian.AppendUint64(nil, s.cluster)
	id = append(binary.BigEndian.AppendUint64(id, s.self.ID), s.self.Name...)
	stored, ok := s.disk.Identity()
	if !ok {
		return s.disk.SetIdentity(id)
	}
	if string(stored) != string(id) {
		return fmt.Errorf("data directory %s belongs to another node or cluster than %s with these initial peers: "+
			"start it with the name and peers it was made with, or give an empty directory", s.cfg.Dir, s.self.Name)
	}
	return nil
}

// finished is told of every operation, before its client. The round in which it
// ended may have waited for the disk.
func (s *Server) finished(command string, level kv.LevelKind, outcome kv.Outcome, took time.Duration) {
	s.ended = s.loop.Elapsed()
	s.metrics.finished(command, level, outcome, took+s.ended)
}

// maxBatch is what is gathered into an entry before another is begun, in bytes.
const maxBatch = 256 << 10

func (s *Server) openNode() error {
	members, err := s.cfg.Members()
	if err != nil {
		return err
	}
	var list []meta.Member
	for _, m := range members {
		list = append(list, meta.Member{ID: kv.NodeID(m.ID), Name: m.Name, Site: m.Site, Peer: m.Peer})
		if m.ID != s.self.ID {
			s.links = append(s.links, &link{s: s, to: kv.NodeID(m.ID), addr: m.Peer})
		}
	}
	s.node, err = node.Open(node.Config{
		ID: kv.NodeID(s.self.ID), Boot: s.boot, Cluster: s.cluster, Members: list,
		Tick: s.cfg.Tick, ElectionTicks: s.cfg.ElectionTicks, HeartbeatTicks: max(1, s.cfg.ElectionTicks/5),
		ClosedInterval: s.cfg.ClosedInterval, Timeout: s.cfg.OpTimeout, ClockBound: s.cfg.ClockBound,
		MaxInflight: 2, MaxBatch: maxBatch, MaxWaiting: int(s.cfg.MaxWaiting),
		Log: s.log, Seed: rand.Uint64, Finished: s.finished,
	}, s.disk, s, s.loop.Now(), s.wall())
	if err != nil {
		return err
	}
	s.metrics.registry.MustRegister(gauges{s})
	limits := front.DefaultLimits()
	limits.Command.Line, limits.Command.Bulk, limits.Command.Args = int(s.cfg.MaxLine), int(s.cfg.MaxBulk), s.cfg.MaxArgs
	limits.Command.Inline = limits.Command.Line
	limits.Command.Total = int(s.cfg.MaxCommand)
	limits.Clients, limits.Output = s.cfg.MaxClients, int(s.cfg.MaxOutput)
	limits.PreAuthOutput = min(limits.PreAuthOutput, limits.Output)
	s.front = front.NewServer(backend{s}, front.Config{
		Password: s.cfg.Password, Limits: limits, Timeout: s.cfg.OpTimeout, MaxOffset: s.cfg.ClockBound, AuthTimeout: s.cfg.AuthTimeout,
		ClientMemory: int(s.cfg.MaxClientMemory), IdleTimeout: s.cfg.IdleTimeout,
	})
	return nil
}

func (s *Server) listen() error {
	if len(s.links) > 0 {
		if _, err := s.loop.Listen("tcp", s.cfg.Peer, s.acceptPeer); err != nil {
			return fmt.Errorf("listening for other nodes: %w", err)
		}
	}
	if _, err := s.loop.Listen("tcp", s.cfg.RESP, s.acceptClient); err != nil {
		return fmt.Errorf("listening for clients: %w", err)
	}
	if s.cfg.HTTP == "" {
		return nil
	}
	ln, err := net.Listen("tcp", s.cfg.HTTP)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ConnState: limitConns(httpConns), ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	go func() { _ = s.http.Serve(ln) }()
	return nil
}

func (s *Server) acceptPeer(c *loop.Conn) loop.Receiver {
	c.SetDeadline(s.handshake)
	c.SetOutputLimit(peerOutput)
	return &peerConn{s: s}
}

func (s *Server) acceptClient(c *loop.Conn) loop.Receiver {
	c.SetIdleTimeout(s.cfg.IdleTimeout)
	c.SetWriteTimeout(s.cfg.WriteTimeout)
	c.CountMemory()
	s.setTime()
	return clientConn{s, s.front.Open(c, c.RemoteAddr().String())}
}

// clientConn joins a connection of the loop to its session.
type clientConn struct {
	s *Server
	c *front.Conn
}

// Data implements loop.Receiver.
func (c clientConn) Data(_ *loop.Conn, b []byte) int {
	c.s.setTime()
	return c.c.Data(b)
}

// Evicted implements loop.Evicter.
func (c clientConn) Evicted(*loop.Conn) { c.c.Evicted() }

// Closed implements loop.Receiver.
func (c clientConn) Closed(lc *loop.Conn, err error) {
	switch err {
	case loop.ErrMemory, loop.ErrOutputLimit, loop.ErrWriteTimeout, loop.ErrIdle, loop.ErrDeadline:
		c.s.log.Info("a client was closed", "client", lc.RemoteAddr().String(), "reason", err.Error())
	}
	c.c.Closed()
}

func (s *Server) wall() int64 {
	now := time.Now()
	if s.skew != 0 && (s.jump == 0 || now.UnixNano()/int64(s.jump)%2 == 0) {
		now = now.Add(s.skew)
	}
	return now.UnixMilli()
}

func (s *Server) setTime() { s.node.SetTime(s.loop.Now(), s.wall()) }

// round is the loop's: one round of the node, and the links.
func (s *Server) round(now time.Duration) time.Duration {
	s.setTime()
	sleep, err := s.node.Round()
	if err != nil && s.failure == nil {
		s.failure = err
		s.loop.Stop()
	}
	for _, l := range s.links {
		sleep = min(sleep, max(0, l.pump(now)-now))
	}
	if s.closing {
		if s.node.Stopped() && s.front.Drained() && s.httpIdle || now >= s.stopBy {
			s.loop.Stop()
		}
		sleep = min(sleep, stopLook)
	}
	return sleep
}

// stopLook is how often a stopping node looks whether all is done.
const stopLook = 10 * time.Millisecond

// Send implements node.Transport.
func (s *Server) Send(to kv.NodeID, t wire.FrameType, payload []byte) bool {
	l := s.link(to)
	return l != nil && l.send(t, payload)
}

// Flush implements node.Transport.
func (s *Server) Flush() {
	s.loop.Flush()
	for _, l := range s.links {
		l.feed()
	}
}

// Backlog implements node.Transport.
func (s *Server) Backlog(to kv.NodeID) int {
	if l := s.link(to); l != nil {
		return l.backlog()
	}
	return 0
}

func (s *Server) link(to kv.NodeID) *link {
	for _, l := range s.links {
		if l.to == to {
			return l
		}
	}
	return nil
}

func (s *Server) hello(to kv.NodeID) wire.Hello {
	return wire.Hello{Cluster: s.cluster, From: kv.NodeID(s.self.ID), To: to, Boot: s.boot}
}

func (s *Server) checkHello(h wire.Hello) error {
	switch {
	case h.Cluster != s.cluster:
		return fmt.Errorf("n%d belongs to cluster %016x, this node to %016x: all nodes need the same list of initial peers", h.From, h.Cluster, s.cluster)
	case h.To != kv.NodeID(s.self.ID):
		return fmt.Errorf("n%d wants to speak to n%d, this node is n%d", h.From, h.To, s.self.ID)
	case s.link(h.From) == nil:
		return fmt.Errorf("n%d is not a member of this cluster", h.From)
	}
	return nil
}

// stopGrace is how long a stopping node waits for others to take over.
const stopGrace = 3 * time.Second

// Run serves until ctx ends. Then it accepts no more connections and takes no
// more commands, hands leadership over, answers what is under way, closes the
// connections and last the disk. It returns why it stopped, if it was not asked
// to.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.loop.Post(s.beginStop) })
	defer stop()
	s.log.Info("serving", "node", s.self.Name, "resp", s.cfg.RESP, "http", s.cfg.HTTP, "dir", s.cfg.Dir, "pid", os.Getpid())
	err := s.loop.Run()
	if s.http != nil {
		_ = s.http.Close()
	}
	if s.failure != nil {
		err = s.failure
	}
	if cerr := s.disk.Close(); err == nil && s.failure == nil {
		err = cerr
	}
	return err
}

func (s *Server) beginStop() {
	if s.closing {
		return
	}
	s.log.Info("stopping: leadership goes to other nodes")
	s.closing, s.stopBy = true, s.loop.Now()+stopGrace
	s.loop.StopAccepting()
	s.setTime()
	s.node.Stop()
	s.front.Drain()
	s.stopHTTP()
}

func (s *Server) stopHTTP() {
	if s.http == nil {
		s.httpIdle = true
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
		defer cancel()
		_ = s.http.Shutdown(ctx)
		s.loop.Post(func() { s.httpIdle = true })
	}()
}
