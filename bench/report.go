package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// report gathers the Markdown that a run writes.
type report struct {
	head     string
	targets  [][]string
	sections strings.Builder
	runs     [][]string // every single run
	others   []float64  // CPU of others in each
}

// tooBusy is the share of the machine's CPU used by others above which figures
// say little.
const tooBusy = 0.1

func newReport(ctx context.Context, b *bench) (*report, error) {
	head, err := describe(ctx, b)
	return &report{head: head}, err
}

// failed records that a part did not come to its end.
func (r *report) failed(part string, err error) {
	progress("part %s failed: %v", part, err)
	r.targets = append(r.targets, []string{"part " + part, "did not finish: " + firstLine(err.Error()), "", "**missed**"})
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// compare adds the table of Parley beside a peer.
func (r *report) compare(title, intro, peer string, work []workload, got *results) {
	var rows [][]string
	if got.empty() {
		return
	}
	for _, w := range work {
		p, _ := got.median("parley", w)
		e, _ := got.median(peer, w)
		rows = append(rows, []string{w.String(), rate(p), rate(e), ratio(p, e), latency(p), latency(e), cpu(p), cpu(e), client(p), client(e)})
		r.addRuns(w, got, "parley", peer)
	}
	r.section(title, intro, []string{"work", "Parley ops/s", peer + " ops/s", "ratio", "Parley p50 / p99 ms", peer + " p50 / p99 ms",
		"Parley CPU us/op", peer + " CPU us/op", "client CPU us/op, Parley", "client CPU us/op, " + peer}, rows)
}

// scale adds the tables of part scale and their targets.
func (r *report) scale(b *bench, got *results) {
	if got.empty() {
		return
	}
	for _, c := range []struct{ title, base, scaled, what string }{
		{fmt.Sprintf("%d keys beside %d", b.scaleKeys, smallKeys), "few keys", "many keys", fmt.Sprintf("%d keys", b.scaleKeys)},
		{fmt.Sprintf("%d groups beside one", b.shards), "one shard", "many shards", fmt.Sprintf("%d groups", b.shards)},
	} {
		var rows [][]string
		for _, w := range scaleWork(smallKeys, 0) {
			few, _ := got.median(c.base, w)
			many, _ := got.median(c.scaled, w)
			rows = append(rows, []string{w.String(), rate(few), rate(many), ratio(many, few), latency(few), latency(many), cpu(few), cpu(many)})
			r.addRuns(w, got, c.base, c.scaled)
			r.ratioTarget(c.what+", "+w.String()+", of "+c.base, got, w, c.scaled, c.base, 0.7)
		}
		r.section(c.title, "Three nodes, fsync on, Parley beside itself. All clients are at the node that leads most groups.", []string{"work", c.base + " ops/s", c.scaled + " ops/s", "ratio",
			c.base + " p50 / p99 ms", c.scaled + " p50 / p99 ms", c.base + " CPU us/op", c.scaled + " CPU us/op"}, rows)
	}
}

// failover adds the table of gaps and its targets.
func (r *report) failover(gaps map[[2]string][]time.Duration) {
	if len(gaps) == 0 {
		return
	}
	same := func(d time.Duration) time.Duration { return d }
	var rows [][]string
	medians := map[[2]string]time.Duration{}
	for _, how := range []string{endKill, endTerm, endFreeze} {
		for _, system := range []string{"parley", "etcd"} {
			g := gaps[[2]string{how, system}]
			if len(g) == 0 {
				continue
			}
			var each []string
			for _, d := range g {
				each = append(each, fmt.Sprintf("%.0f", millis(d)))
			}
			m := medianOf(g, same)
			medians[[2]string{how, system}] = m
			rows = append(rows, []string{how, system, fmt.Sprintf("%.0f", millis(m)), strings.Join(each, ", ")})
		}
	}
	r.section("The leader goes away",
		fmt.Sprintf("Three nodes, default timings: an election timeout of 500 ms for Parley, of 1000 ms for etcd. One writer at each survivor writes as fast as it can, with %v for each write. "+
			"The gap is the longest time around the fault in which no writer got an acknowledgement. "+
			"A killed process leaves refused connections behind; a frozen one (SIGSTOP), like a lost machine, leaves silence.", opDeadline),
		[]string{"leader ended by", "system", "gap, median, ms", "gap of every run, ms"}, rows)
	p, e := medians[[2]string{endKill, "parley"}], medians[[2]string{endKill, "etcd"}]
	if p > 0 && e > 0 {
		r.target("gap after kill -9 of the leader, of etcd's", fmt.Sprintf("%.2f (%.0f of %.0f ms)", float64(p)/float64(e), millis(p), millis(e)), "below 0.5", p < e/2)
	}
	if p := medians[[2]string{endTerm, "parley"}]; p > 0 {
		r.target("gap after a graceful stop of the leader", fmt.Sprintf("%.0f ms", millis(p)), "below 100 ms", p < 100*time.Millisecond)
	}
}

func (r *report) target(name, measured, want string, met bool) {
	verdict := "met"
	if !met {
		verdict = "**missed**"
	}
	r.targets = append(r.targets, []string{name, measured, want, verdict})
}

func (r *report) ratioTarget(name string, got *results, w workload, of, to string, times float64) {
	a, ok1 := got.median(of, w)
	b, ok2 := got.median(to, w)
	if ok1 && ok2 {
		q := a.opsPerSec / b.opsPerSec
		r.target(name, fmt.Sprintf("%.2f times", q), fmt.Sprintf("at least %g", times), q >= times)
	}
}

func (r *report) p99Target(name string, got *results, w workload, of, to string) {
	a, ok1 := got.median(of, w)
	b, ok2 := got.median(to, w)
	if ok1 && ok2 {
		r.target(name, fmt.Sprintf("%.2f ms", millis(a.p99)), fmt.Sprintf("at most %.2f ms", millis(b.p99)), a.p99 <= b.p99)
	}
}

func (r *report) cpuTarget(name string, got *results, w workload, of string, us float64) {
	if a, ok := got.median(of, w); ok {
		r.target(name, fmt.Sprintf("%.1f us", micros(a.serverCPU)), fmt.Sprintf("at most %g us", us), micros(a.serverCPU) <= us)
	}
}

// addRuns keeps every run for the last table.
func (r *report) addRuns(w workload, got *results, systems ...string) {
	for _, system := range systems {
		var rates, p99s, others []string
		for _, s := range got.of(system, w) {
			rates = append(rates, fmt.Sprintf("%.0f", s.opsPerSec))
			p99s = append(p99s, fmt.Sprintf("%.2f", millis(s.p99)))
			r.others = append(r.others, s.others)
			others = append(others, fmt.Sprintf("%.0f%%", 100*s.others))
		}
		if len(rates) > 0 {
			r.runs = append(r.runs, []string{system, w.String(), strings.Join(rates, ", "), strings.Join(p99s, ", "), strings.Join(others, ", ")})
		}
	}
}

func rate(s sample) string {
	if s.opsPerSec == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", s.opsPerSec)
}

func ratio(a, b sample) string {
	if a.opsPerSec == 0 || b.opsPerSec == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a.opsPerSec/b.opsPerSec)
}

func latency(s sample) string {
	if s.p99 == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f / %.2f", millis(s.p50), millis(s.p99))
}

func cpu(s sample) string    { return oneDecimal(s.serverCPU) }
func client(s sample) string { return oneDecimal(s.clientCPU) }

func oneDecimal(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", micros(d))
}

func (r *report) section(title, intro string, columns []string, rows [][]string) {
	fmt.Fprintf(&r.sections, "\n## %s\n\n%s\n\n%s", title, intro, table(columns, rows))
}

// table is a Markdown table. The first column is text, others are aligned
// right.
func table(columns []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(columns)
	b.WriteString("|---|" + strings.Repeat("--:|", len(columns)-1) + "\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

func (r *report) String() string {
	s := r.head
	if len(r.others) > 0 {
		if m := medianOf(r.others, func(f float64) float64 { return f }); m > tooBusy {
			s += fmt.Sprintf("\n**The machine was not free: in the median, other programs used %.0f%% of its CPU. Do not rely on these figures.**\n", 100*m)
		}
	}
	if len(r.targets) > 0 {
		s += "\n## Targets\n\n" + table([]string{"target", "measured", "wanted", ""}, r.targets)
	}
	s += r.sections.String()
	if len(r.runs) > 0 {
		s += "\n## Every run\n\nIn the order in which they were made. The last column is the share of the machine's CPU that went " +
			"neither to the servers nor to the load: runs in which it is large say little.\n\n" +
			table([]string{"system", "work", "ops/s", "p99 ms", "CPU of others"}, r.runs)
	}
	return s
}

// write prints the report, and writes it to a file when one is named.
func (r *report) write(file string) error {
	fmt.Print(r.String())
	if file == "" {
		return nil
	}
	return os.WriteFile(file, []byte(r.String()), 0o644)
}
