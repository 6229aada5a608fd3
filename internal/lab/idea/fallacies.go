package idea

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func fallacies() idea {
	var port int
	return idea{
		name: "fallacies", section: inFailures,
		short: "the eight fallacies, as faults on a live cluster",
		long: `What programmers new to networks take for granted, and wrongly (Deutsch and others
at Sun, 1994; the eighth by Gosling). One after the other is made false on a
cluster of real processes, and it is shown what Parley does then, and what it
leaves to you.`,
		example: "  parley lab fallacies\n  parley lab fallacies --out fallacies.html",
		flags:   func(f *pflag.FlagSet) { portFlag(f, &port) },
		run: func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			c, err := start(ctx, s, port)
			if err != nil {
				return nil, err
			}
			defer c.close()
			found, err := eightFallacies(ctx, s, c)
			if err != nil {
				return nil, err
			}
			s.Next("parley lab partition       # the network, cut", "parley lab remote-call     # the first fallacy, in full", "parley fault --help        # break a cluster yourself")
			return fallaciesPicture(found), nil
		},
	}
}

// fallacy is one of the eight: what is made false, and what is seen.
type fallacy struct {
	claim string
	topic string // a word and
	short string // the fault in a few, for the picture
	fault string // what is done
	show  func(context.Context, *cluster, *fallacyFound) error
	leave string // what it means, and what is left to the user
}

// fallacyFound is what was seen. Held says that Parley did what it promises.
type fallacyFound struct {
	claim    string
	topic    string
	short    string
	seen     []string
	held     bool
	from, to time.Duration // since the first began
}

func (f *fallacyFound) saw(format string, args ...any) {
	f.seen = append(f.seen, fmt.Sprintf(format, args...))
}

func allFallacies() []fallacy {
	return []fallacy{
		{"The network is reliable", "reliable", "30% of messages lost", "30% of all messages between nodes are lost.", showLoss,
			"Raft sends again what its log needs; a client's command is passed on once only, so it may end as -UNKNOWN. Nothing is lost and nothing done twice. Give writes an id."},
		{"Latency is zero", "latency", "50 ms between nodes", "50 ms between all nodes.", showLatency,
			"A write needs a majority, so it costs a round trip between nodes at least, two if the client talks to another node than the leader. A weak read does not leave its node."},
		{"Bandwidth is infinite", "bandwidth", "400 kB a second", "Each link between nodes carries 400 kB a second. A value of 100 kB; one byte behind it; then a client that declares a value of 1 GiB.", showBandwidth,
			"What is large keeps waiting what comes behind it, the heartbeats of leaders too: a value that takes longer on a link than followers wait for their leader (500 ms or more, --election-ticks) makes them elect another, and may end as -UNKNOWN. Keep values small where links are. Every size has a limit (--max-bulk, --max-command, --max-output), and what waits is bounded: beyond it comes -BUSY."},
		{"The network is secure", "secure", "a stranger, a forged token", "A stranger talks to the port between nodes; a client brings a forged token.", showSecurity,
			"What does not read is closed and logged. But nothing is encrypted in this version, and the ports between nodes and HTTP have no password: keep them in a network that you trust."},
		{"Topology does not change", "topology", "the leader killed", "The leader is killed, and starts again.", showTopology,
			"Every node takes every command, so a client needs any one that lives. Members themselves are fixed when a cluster is made: adding and removing is not built."},
		{"There is one administrator", "administrator", "a clock 2 s ahead", "Somebody sets the clock of n3 two seconds ahead.", showAdministrator,
			"Nodes compare clocks. One that is off from most others by more than --clock-bound stamps nothing and leads nothing, so its mistake stays its own. Its clients are served through other leaders."},
		{"Transport cost is zero", "cost", "200 writes, one by one and at once", "200 writes, each waiting for its answer; then 200 sent at once.", showCost,
			"Each message and each sync of a disk has its price. What comes in together shares one log entry, one message to each follower and one sync: pipeline, or use many connections."},
		{"The network is homogeneous", "homogeneous", "links 300 ms slower", "A follower's links are 300 ms slower than the others; clients speak three dialects.", showMixed,
			"A majority does not wait for its slowest member. RESP2, RESP3 and inline commands get the same answers on one port; nodes of another version of the protocol between nodes are refused by name."},
	}
}

// eightFallacies goes through all, healing between them.
func eightFallacies(ctx context.Context, s *story.Stage, c *cluster) (all []fallacyFound, err error) {
	begin := time.Now()
	for i, f := range allFallacies() {
		s.Step("%d. %q", i+1, f.claim)
		s.Say("%s", f.fault)
		found := fallacyFound{claim: f.claim, topic: f.topic, short: f.short, from: time.Since(begin)}
		if err := f.show(ctx, c, &found); err != nil {
			return all, fmt.Errorf("%s: %w", f.claim, err)
		}
		found.to = time.Since(begin)
		for _, seen := range found.seen {
			if found.held {
				s.Good("%s", seen)
			} else {
				s.Bad("%s", seen)
			}
		}
		s.Say("%s", f.leave)
		all = append(all, found)
		if err := c.fault(ctx, dev.Fault{Op: "heal"}); err != nil {
			return all, err
		}
		if _, err := c.leader(ctx, 0, 1, 2); err != nil {
			return all, err
		}
	}
	return all, nil
}

// pairs is a fault between every two nodes.
func pairs(f dev.Fault) (faults []dev.Fault) {
	for _, p := range [][]string{{"n1", "n2"}, {"n1", "n3"}, {"n2", "n3"}} {
		f.Nodes = p
		faults = append(faults, f)
	}
	return faults
}

// fallaciesPicture has a lane for each fallacy, with what made it false.
func fallaciesPicture(all []fallacyFound) *spacetime.Diagram {
	d := &spacetime.Diagram{
		Title:    "The eight fallacies",
		Subtitle: "What made each false, one after the other, on a live cluster. Green: Parley kept its promise",
	}
	for i, f := range all {
		mood := spacetime.Good
		if !f.held {
			mood = spacetime.Bad
		}
		detail := strings.Join(f.seen, " ")
		d.Lanes = append(d.Lanes, spacetime.Lane{Name: fmt.Sprintf("%d. %s", i+1, f.topic), Kind: "node"})
		d.Spans = append(d.Spans, spacetime.Span{Lane: i, From: tenths(f.from), To: tenths(f.to), Label: f.short, Detail: f.claim + ": " + detail, Mood: mood})
		d.Notes = append(d.Notes, fmt.Sprintf("%d. %s? %s", i+1, f.claim, detail))
	}
	return d
}
