package idea

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab/story"
)

// liveSkew is two writes under two leaders, of whom the first's clock was ahead.
type liveSkew struct {
	leaders [2]string
	stamps  [2]clock.Timestamp
	behind  int64 // how far the second leader's clock was behind the first stamp, in ms
	value   string
}

// aheadBy is far more than an election takes, so that the second leader's clock
// is certainly behind the first one's stamp.
const aheadBy = "20s"

func tellLiveSkew(ctx context.Context, s *story.Stage, port int) error {
	s.Step("The same on a cluster, with the clock of its leader %s ahead", aheadBy)
	// The nodes would refuse to stamp with a clock that is off by more.
	c, err := start(ctx, s, port, "--clock-bound", "1m")
	if err != nil {
		return err
	}
	defer c.close()
	f, err := writeUnderTwoLeaders(ctx, c)
	if err != nil {
		return err
	}
	s.Saw("%s leads, its clock %s ahead, and takes x=first: stamp %s", f.leaders[0], aheadBy, f.stamps[0])
	s.Saw("%s is killed; %s leads, and takes x=second: stamp %s", f.leaders[0], f.leaders[1], f.stamps[1])
	s.Good("The second stamp is above, though the clock of %s was %d ms behind the first when it gave it. x is %s.", f.leaders[1], f.behind, f.value)
	return nil
}

func writeUnderTwoLeaders(ctx context.Context, c *cluster) (f liveSkew, err error) {
	leader, err := c.leader(ctx, 0, 1, 2)
	if err != nil {
		return f, err
	}
	if err := c.fault(ctx, dev.Fault{Op: "clock", Nodes: []string{c.name(leader)}, Duration: aheadBy}); err != nil {
		return f, err
	}
	if _, f.stamps[0], err = c.write(ctx, leader, "x", "first"); err != nil {
		return f, err
	}
	f.leaders[0] = c.name(leader)
	if err := c.fault(ctx, dev.Fault{Op: "kill", Nodes: []string{c.name(leader)}}); err != nil {
		return f, err
	}
	second, err := c.leader(ctx, c.others(leader)...)
	if err != nil {
		return f, err
	}
	f.leaders[1] = c.name(second)
	n, stamp, err := c.write(ctx, second, "x", "second")
	if err != nil {
		return f, err
	}
	f.stamps[1] = stamp
	f.behind = f.stamps[0].Millis() - time.Now().UnixMilli() // this machine's clock is that of all but the first leader
	f.value = n.call("GET x").text()
	return f, nil
}

// write sets a key and gives the write's stamp.
func (c *cluster) write(ctx context.Context, node int, key, value string) (*conn, clock.Timestamp, error) {
	n, err := c.dial(ctx, node)
	if err != nil {
		return nil, 0, err
	}
	if err := n.do("SET", key, value).failed(); err != nil {
		return nil, 0, fmt.Errorf("writing %s at %s: %w", key, c.name(node), err)
	}
	stamp, err := parseStamp(n.call("RECEIPT LAST").field("stamp"))
	return n, stamp, err
}

// parseStamp reads what a receipt shows.
func parseStamp(text string) (clock.Timestamp, error) {
	millis, logical, ok := strings.Cut(text, ".")
	m, err := strconv.ParseInt(millis, 10, 64)
	l, err2 := strconv.ParseUint(logical, 10, 16)
	if !ok || errors.Join(err, err2) != nil {
		return 0, fmt.Errorf("the receipt's stamp %q is none", text)
	}
	return clock.At(m) + clock.Timestamp(l), nil
}
