package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// Options of a run.
type Options struct {
	Seed    uint64
	Ops     int // operations of clients
	Nodes   int
	Profile string    // "": the seed picks one
	Bug     string    // a planted bug; "" for none
	Trace   io.Writer // gets a line for everything that happens; may be nil
}

// optionError is a mistake in the options.
type optionError struct{ error }

// ExitCode is the command's.
func (optionError) ExitCode() int { return 2 }

// Report is what a run showed.
type Report struct {
	Seed       uint64
	Profile    string
	Trace      uint64 // the same for the same seed
	Outcome    map[kv.Outcome]int
	Faults     int
	Steps      int
	Crashes    int
	Cuts       int
	Flips      int
	Elapsed    time.Duration // simulated
	Violations []Violation
	Unjudged   bool // Porcupine gave up on the pairs of keys
}

// Run simulates one cluster under faults and judges it. The error is for options
// that are not possible; broken promises are in the report.
func Run(o Options) (rep Report, err error) {
	p := profiles[o.Seed%uint64(len(profiles))]
	b := bugNamed(o.Bug)
	if o.Bug != "" && b == nil {
		return rep, optionError{fmt.Errorf("there is no planted bug %q; see `parley sim --list-bugs`", o.Bug)}
	}
	if o.Profile == "" && b != nil {
		o.Profile = b.Profile
	}
	if o.Profile != "" {
		if p = profileNamed(o.Profile); p == nil {
			return rep, optionError{fmt.Errorf("there is no profile %q; see `parley sim --list`", o.Profile)}
		}
	}
	if o.Nodes < 1 || o.Nodes > maxNodes || o.Ops < 1 {
		return rep, optionError{fmt.Errorf("--nodes must be 1 to %d and --ops at least 1", maxNodes)}
	}
	c := newCluster(o, p, b)
	defer c.close()
	rep = Report{Seed: o.Seed, Profile: p.name}
	w := newWorkload(c, p, o.Ops)
	c.crashed = w.crashed
	n := &nemesis{c: c, w: w, rep: &rep}
	n.next()
	for limit := c.now + time.Hour; w.left > 0 && c.now < limit; {
		c.run(c.now + time.Second)
	}
	c.limit = c.steps + stepsPerOp*100
	n.healAll()
	c.run(c.now + settle)
	w.readFinal()
	c.compareAll()
	w.h.skew = c.maxSkew
	rep.Steps = c.steps
	rep.Trace, rep.Outcome, rep.Elapsed = c.trace.sum.Sum64(), w.outcome, c.now
	rep.Violations = append(c.watch.found, judge(w.h)...)
	rep.Unjudged = w.h.unjudged
	if w.outcome[kv.OutcomeOK] == 0 {
		rep.Violations = append(rep.Violations, Violation{"recovery", "no operation succeeded"})
	}
	return rep, nil
}

// settle is how long a healed cluster gets until it must serve.
const settle = 10 * time.Second

// readFinal reads all logs and counters, as whatever happened before left them.
func (w *workload) readFinal() {
	c := w.c
	for _, kind := range []string{"log", "count"} {
		for i := range w.p.keys {
			key := fmt.Sprintf("%s%d", kind, i)
			for at := 0; ; at++ {
				if at == 4*len(c.nodes) {
					c.watch.report("recovery", "%s cannot be read %v after all was healed", key, settle)
					break
				}
				cl := &client{w: w, at: c.nodes[at%len(c.nodes)]}
				if !cl.at.up {
					continue
				}
				var got *answer
				cl.ask(command("get", key), func(a answer) { got = &a })
				c.limit = c.steps + stepsPerOp*100
				for limit := c.now + patience + time.Second; got == nil && c.now < limit; {
					c.run(c.now + 10*time.Millisecond)
				}
				if got != nil && got.outcome == kv.OutcomeOK {
					w.h.final[key] = text(got.reply)
					break
				}
			}
		}
	}
}

// compareAll compares the replicas after healing.
func (c *Cluster) compareAll() {
	digests := map[kv.GroupID]digest{}
	for _, m := range c.nodes {
		if !m.up {
			c.watch.report("recovery", "n%d is down after all was healed", m.id)
			continue
		}
		if !m.node.Ready() {
			c.watch.report("recovery", "n%d knows no leader %v after all was healed", m.id, settle)
		}
		for _, st := range m.node.Groups() {
			d, ok := m.node.Digests()[st.ID]
			if !ok {
				continue
			}
			if first, known := digests[st.ID]; known && first.sum != d {
				c.watch.report("replicas", "n%d and n%d hold different states of %v after healing", first.node, m.id, st.ID)
			} else {
				digests[st.ID] = digest{d, m.id}
			}
		}
	}
}
