package idea

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/resp"
)

// showLoss counts what was acknowledged while messages were lost, settles the
// doubts, and compares with the counter.
func showLoss(ctx context.Context, c *cluster, f *fallacyFound) error {
	n1, err := c.dial(ctx, 0)
	if err != nil {
		return err
	}
	defer n1.close()
	if err := errors.Join(n1.call("CLIENT DEADLINE 500").failed(), c.faults(ctx, pairs(dev.Fault{Op: "drop", Percent: 30})...)); err != nil {
		return err
	}
	const writes = 15
	var ok, refused int
	var doubts []string
	for i := range writes {
		id := fmt.Sprintf("loss-%d", i)
		switch a := n1.call("ONCE %s INCR lossy", id); {
		case a.failed() == nil:
			ok++
		case a.code() == "UNKNOWN":
			doubts = append(doubts, id)
		case a.code() == "UNAVAILABLE":
			refused++
		default:
			return fmt.Errorf("a write was answered %q", a.text())
		}
	}
	if err := c.fault(ctx, dev.Fault{Op: "heal"}); err != nil {
		return err
	}
	if err := n1.call("CLIENT DEADLINE 5000").failed(); err != nil {
		return err
	}
	applied := 0
	for _, id := range doubts {
		a := n1.call("OUTCOME %s lossy", id)
		if err := a.failed(); err != nil {
			return err
		}
		if strings.HasPrefix(a.text(), "applied") {
			applied++
		}
	}
	counter := n1.call("GET lossy").text()
	if counter == "(nil)" {
		counter = "0"
	}
	f.saw("%d increments with ids: %d acknowledged, %d refused, %d unknown, of which OUTCOME says that %d were done.", writes, ok, refused, len(doubts), applied)
	f.saw("The counter is %s: what was acknowledged and what was found to be done.", counter)
	f.held = counter == strconv.Itoa(ok+applied)
	return nil
}

// linkDelay is what showLatency puts on each link.
const linkDelay = 50 * time.Millisecond

func showLatency(ctx context.Context, c *cluster, f *fallacyFound) error {
	n1, err := c.dial(ctx, 0)
	if err != nil {
		return err
	}
	defer n1.close()
	before := n1.call("SET far 1")
	if err := c.faults(ctx, pairs(dev.Fault{Op: "delay", Duration: linkDelay.String()})...); err != nil {
		return err
	}
	write, strong, weak := n1.call("SET far 2"), n1.call("GET far"), n1.call("AT eventual GET far")
	for _, a := range []answer{before, write, strong, weak} {
		if err := a.failed(); err != nil {
			return err
		}
	}
	f.saw("A write took %s, now %s. A linearizable read takes %s, an eventual one %s.", short(before.took), short(write.took), short(strong.took), short(weak.took))
	f.held = write.took >= 2*linkDelay && strong.took >= 2*linkDelay && strong.text() == "2"
	return nil
}

// Links that carry so many bytes a second, and a value that takes a quarter of a
// second on one: less than the half after which a follower that hears nothing
// may hold its leader for dead.
const (
	linkBytes  = 400_000
	largeValue = linkBytes / 4
)

func showBandwidth(ctx context.Context, c *cluster, f *fallacyFound) error {
	leader, err := c.leader(ctx, 0, 1, 2)
	if err != nil {
		return err
	}
	conns, err := c.dialAll(ctx, leader, leader, leader)
	if err != nil {
		return err
	}
	for _, k := range conns {
		defer k.close()
	}
	good, behind, greedy := conns[0], conns[1], conns[2]
	value := strings.Repeat("x", largeValue)
	before := good.do("SET", "large", value)
	if err := errors.Join(before.failed(), c.faults(ctx, pairs(dev.Fault{Op: "slow", Bytes: linkBytes})...)); err != nil {
		return err
	}
	small, large := good.do("SET", "small", "x"), good.do("SET", "large", value)
	if err := errors.Join(small.failed(), large.failed(), good.send("SET", "large", value)); err != nil {
		return err
	}
	waiting := behind.do("SET", "small", "y")
	if err := errors.Join(waiting.failed(), good.receive(longest).failed()); err != nil {
		return err
	}
	f.saw("100 kB were written in %s before, and now take %s. One byte takes %s, but %s if it comes behind 100 kB of another client.", short(before.took), short(large.took), short(small.took), short(waiting.took))
	if _, err := greedy.c.Write([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\n")); err != nil {
		return err
	}
	refused := greedy.receive(longest)
	f.saw("The client that declares 1 GiB is told at once, before it has sent any of it: %s", refused.text())
	f.held = large.took >= largeValue*time.Second/linkBytes && refused.code() == "ERR" && good.call("GET small").text() == "y"
	return nil
}

func showSecurity(ctx context.Context, c *cluster, f *fallacyFound) error {
	n1, err := c.dial(ctx, 0)
	if err != nil {
		return err
	}
	defer n1.close()
	_, text, err := net.SplitHostPort(c.nodes[0].RESP)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	stranger, err := c.dialTo(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(port+2000))) // as dev has it
	if err != nil {
		return err
	}
	defer stranger.close()
	if _, err := stranger.c.Write(bytes.Repeat([]byte("let me in "), 20)); err != nil {
		return err
	}
	if err := stranger.c.SetReadDeadline(time.Now().Add(longest)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, stranger.c)
	closed := !errors.Is(err, os.ErrDeadlineExceeded)
	if err := c.logged(ctx, 0, "a peer connection was refused"); err != nil {
		return err
	}
	f.saw("The stranger's connection is closed, and the log of n1 says so.")
	forged := n1.call("SESSION RESUME aGVsbG8gd29ybGQhIQ")
	f.saw("The forged token: %s", forged.text())
	f.held = closed && forged.code() == "TOKEN" && n1.call("PING").text() == "PONG"
	return nil
}

func showTopology(ctx context.Context, c *cluster, f *fallacyFound) error {
	old, err := c.leader(ctx, 0, 1, 2)
	if err != nil {
		return err
	}
	alive := c.others(old)
	k, err := c.dial(ctx, alive[0])
	if err != nil {
		return err
	}
	defer k.close()
	if err := c.fault(ctx, dev.Fault{Op: "kill", Nodes: []string{c.name(old)}}); err != nil {
		return err
	}
	write := k.call("SET after kill")
	next, err := c.leader(ctx, alive...)
	if err != nil {
		return err
	}
	if err := c.fault(ctx, dev.Fault{Op: "restart", Nodes: []string{c.name(old)}}); err != nil {
		return err
	}
	f.saw("%s led and is killed. A write through %s, begun at once, is answered %s after %s. Now %s leads.", c.name(old), c.name(alive[0]), outcome(write), short(write.took), c.name(next))
	if err := c.caughtUp(ctx); err != nil {
		return err
	}
	f.saw("%s is back, and has caught up.", c.name(old))
	f.held = (write.failed() == nil || write.code() == "UNKNOWN") && next != old
	return nil
}

func showAdministrator(ctx context.Context, c *cluster, f *fallacyFound) error {
	n3, err := c.dial(ctx, 2)
	if err != nil {
		return err
	}
	defer n3.close()
	if err := c.fault(ctx, dev.Fault{Op: "clock", Nodes: []string{"n3"}, Duration: "2s"}); err != nil {
		return err
	}
	const words = "clock is off from most others"
	if err := c.logged(ctx, 2, words); err != nil {
		return err
	}
	f.saw("n3 notices, and logs: this node's %s' by more than the bound: it stamps nothing until that is mended.", words)
	if err := await(ctx, "another leader than n3", func() bool {
		l := c.leaderSeenBy(ctx, 0)
		return l >= 0 && l != 2 && l == c.leaderSeenBy(ctx, 2)
	}); err != nil {
		return err
	}
	write := n3.call("SET clock wrong")
	f.saw("A write through n3 goes to another leader: %s.", outcome(write))
	f.held = write.failed() == nil
	return nil
}

func showCost(ctx context.Context, c *cluster, f *fallacyFound) error {
	leader, err := c.leader(ctx, 0, 1, 2)
	if err != nil {
		return err
	}
	k, err := c.dial(ctx, leader)
	if err != nil {
		return err
	}
	defer k.close()
	const writes = 200
	single, err := c.syncs(ctx, leader, func() error {
		for i := range writes {
			if err := k.call("SET single %d", i).failed(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	together, err := c.syncs(ctx, leader, func() error {
		var all []byte
		for i := range writes {
			all = resp.AppendCommand(all, "SET", "together", strconv.Itoa(i))
		}
		if _, err := k.c.Write(all); err != nil {
			return err
		}
		for range writes {
			if err := k.receive(longest).failed(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.saw("One by one: %s, %d syncs of the leader's disk.", short(single.took), single.count)
	f.saw("At once: %s, %d of them.", short(together.took), together.count)
	f.held = single.count >= writes && together.count < single.count
	return nil
}

// synced is how long something took, and how often the disk was synced.
type synced struct {
	took  time.Duration
	count int
}

// syncs counts a node's syncs while something is done, by its metrics.
func (c *cluster) syncs(ctx context.Context, node int, do func() error) (synced, error) {
	before, err := c.syncCount(ctx, node)
	if err != nil {
		return synced{}, err
	}
	start := time.Now()
	if err := do(); err != nil {
		return synced{}, err
	}
	took := time.Since(start)
	after, err := c.syncCount(ctx, node)
	return synced{took: took, count: after - before}, err
}

func (c *cluster) syncCount(ctx context.Context, node int) (int, error) {
	text, err := c.get(ctx, node, "/metrics")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "parley_fsync_seconds_count "); ok {
			return strconv.Atoi(n)
		}
	}
	return 0, errors.New("the node's metrics do not count syncs")
}

func showMixed(ctx context.Context, c *cluster, f *fallacyFound) error {
	leader, err := c.leader(ctx, 0, 1, 2)
	if err != nil {
		return err
	}
	others := c.others(leader)
	slow := others[1]
	for _, n := range c.others(slow) {
		if err := c.fault(ctx, dev.Fault{Op: "delay", Nodes: []string{c.name(slow), c.name(n)}, Duration: "300ms"}); err != nil {
			return err
		}
	}
	conns, err := c.dialAll(ctx, leader, leader, leader)
	if err != nil {
		return err
	}
	for _, k := range conns {
		defer k.close()
	}
	write := conns[0].call("SET mixed links")
	f.saw("%s is slow. A write at %s, which needs one of two followers, is answered %s after %s.", c.name(slow), c.name(leader), outcome(write), short(write.took))
	two := conns[0].call("GET mixed").text()
	three := conns[1].call("HELLO 3")
	threeGot := conns[1].call("GET mixed").text()
	if _, err := conns[2].c.Write([]byte("get mixed\r\n")); err != nil {
		return err
	}
	inline := conns[2].receive(longest).text()
	f.saw("RESP2 reads %q, RESP3 %q, a line typed by hand %q.", two, threeGot, inline)
	f.held = write.failed() == nil && three.failed() == nil && two == "links" && threeGot == two && inline == two
	return nil
}
