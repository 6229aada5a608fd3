package dev

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parleydb/parley/internal/config"
)

// Options say what cluster to run. Nodes and Port are required.
type Options struct {
	Nodes int    // number of nodes, 1 to 99
	Sites int    // number of sites, over which nodes go in turn; 0: one per node
	Dir   string // data, logs, dev.json; empty: a temporary directory, removed at the end
	Port  int    // RESP of n1; HTTP is 1000 higher, peers 2000, node i adds i-1
	Serve []string
	Out   io.Writer // where the table, `ready` and later events go; nil: nowhere

	Program string        // what to execute with `serve`; empty: this program
	Env     []string      // more environment for it, as "KEY=value"
	Ready   time.Duration // longest wait until all nodes serve; 0: 60 s
	Stop    time.Duration // longest wait for a node's orderly stop before it is killed; 0: 10 s
}

const (
	maxNodes   = 99
	httpOffset = 1000
	peerOffset = 2000
)

// complete checks the options and fills in defaults.
func (o *Options) complete() error {
	if o.Nodes < 1 || o.Nodes > maxNodes {
		return fmt.Errorf("--nodes %d: give 1 to %d", o.Nodes, maxNodes)
	}
	if o.Sites == 0 {
		o.Sites = o.Nodes
	}
	if o.Sites < 1 || o.Sites > o.Nodes {
		return fmt.Errorf("--sites %d: give 1 to %d, the number of nodes", o.Sites, o.Nodes)
	}
	if last := 65535 - peerOffset - o.Nodes + 1; o.Port < 1 || o.Port > last {
		return fmt.Errorf("--port %d: give 1 to %d: HTTP and peer ports lie %d and %d higher", o.Port, last, httpOffset, peerOffset)
	}
	if o.Nodes > httpOffset {
		return errors.New("too many nodes for the distance between ports")
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Ready == 0 {
		o.Ready = time.Minute
	}
	if o.Stop == 0 {
		o.Stop = 10 * time.Second
	}
	if o.Program == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("cannot find this program to run nodes with: %w", err)
		}
		o.Program = self
	}
	return nil
}

// plan names the nodes and their addresses.
func (o *Options) plan() (nodes []Node, peers []config.Member) {
	local := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	for i := range o.Nodes {
		n := Node{
			Name:  "n" + strconv.Itoa(i+1),
			Site:  "s" + strconv.Itoa(i%o.Sites+1),
			RESP:  local(o.Port + i),
			HTTP:  local(o.Port + httpOffset + i),
			State: StateStopped,
		}
		nodes = append(nodes, n)
		peers = append(peers, config.Member{Name: n.Name, Site: n.Site, Peer: local(o.Port + peerOffset + i)})
	}
	return nodes, peers
}

// serveArgs are the arguments that start a node. The nodes share the machine's
// memory.
func (o *Options) serveArgs(n Node, peers []config.Member, dir string) []string {
	share := config.MachineMemory() / config.Size(o.Nodes)
	args := []string{"serve", "--name", n.Name, "--site", n.Site, "--dir", filepath.Join(dir, n.Name),
		"--resp", n.RESP, "--http", n.HTTP, "--allow-faults",
		"--memory", share.String()}
	for _, p := range peers {
		if p.Name == n.Name {
			args = append(args, "--peer", p.Peer)
		}
	}
	if len(peers) > 1 {
		args = append(args, "--initial", config.FormatMembers(peers))
	}
	return append(args, o.Serve...)
}

// The ports that FreePort gives, with those that are derived from them, lie below
// the ones that systems hand out themselves, which begin at 32768.
const (
	firstFree = 10000
	lastFree  = 32767 - peerOffset
)

// given is the last port that FreePort gave.
var given atomic.Uint32

// FreePort is a port for Options.Port such that nobody listens on it and on those
// that are derived from it. The first is drawn, so that programs which start
// clusters at the same time do not choose alike; each call gives others.
func FreePort(nodes int) (int, error) {
	given.CompareAndSwap(0, firstFree+rand.Uint32N(lastFree-firstFree))
	for range (lastFree - firstFree) / maxNodes {
		end := given.Add(uint32(nodes))
		port := int(end) - nodes
		if end > lastFree {
			given.CompareAndSwap(end, firstFree)
			continue
		}
		o := Options{Nodes: nodes, Sites: nodes, Port: port}
		if n, p := o.plan(); checkPorts(n, p) == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free ports for %d nodes between %d and %d: name one with port", nodes, firstFree, lastFree)
}

// checkPorts tells which port is taken, before a node fails on it in its log.
func checkPorts(nodes []Node, peers []config.Member) error {
	for i, n := range nodes {
		for _, a := range []struct{ what, address string }{{"Redis", n.RESP}, {"HTTP", n.HTTP}, {"peer", peers[i].Peer}} {
			l, err := net.Listen("tcp", a.address)
			if err != nil {
				if errors.Is(err, syscall.EADDRINUSE) {
					return fmt.Errorf("%s, the %s address of %s, is in use: stop what uses it (another `parley dev`?), or choose other ports with --port", a.address, a.what, n.Name)
				}
				return fmt.Errorf("%s address of %s: %w", a.what, n.Name, err)
			}
			if err := l.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}
