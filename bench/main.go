package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	only      string
	side      string
	runs      int
	seconds   float64
	out       string
	dir       string
	checkout  string
	clients   int
	scaleKeys int
	shards    int
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.only, "only", "etcd3,redis1,failover,scale", "parts to run, with commas between them")
	flag.StringVar(&o.side, "side", "both", "both, parley or peer: one side alone is for working on this program")
	flag.IntVar(&o.runs, "runs", 5, "runs of each side; the table shows medians")
	flag.Float64Var(&o.seconds, "seconds", 5, "length of one measurement")
	flag.StringVar(&o.out, "out", "", "file for the table, such as ../docs/benchmarks.md; it is printed in any case")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where to make the data directories; must be on a real disk")
	flag.StringVar(&o.checkout, "checkout", "..", "checkout of Parley to build")
	flag.IntVar(&o.clients, "etcd-conns", 16, "TCP connections that etcd's concurrent clients share")
	flag.IntVar(&o.scaleKeys, "scale-keys", 10_000_000, "keys of the large keyspace in part scale")
	flag.IntVar(&o.shards, "scale-shards", 64, "shards of the wide keyspace in part scale")
	flag.Parse()
	return o
}

// part is one section of the benchmark: it measures and adds to the report.
type part struct {
	name string
	run  func(context.Context, *bench) error
}

var parts = []part{{"etcd3", quorumPart}, {"redis1", singlePart}, {"failover", failoverPart}, {"scale", scalePart}}

// bench is one run of this program.
type bench struct {
	options
	procs  *processes
	bin    binaries
	report *report
}

// measures says whether a side is to be run.
func (b *bench) measures(side string) bool { return b.side == "both" || b.side == side }

// seconds of one measurement, and how long one may take before it is given up.
func (b *bench) patience() time.Duration {
	return time.Minute + time.Duration(10*b.seconds*float64(time.Second))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == etcdLoadCommand {
		exit(etcdLoadMain(os.Args[2:]))
	}
	o := parseOptions()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, o options) (err error) {
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	procs, err := newProcesses(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, procs.close()) }()
	b := &bench{options: o, procs: procs}
	if b.bin, err = build(ctx, b); err != nil {
		return err
	}
	if b.report, err = newReport(ctx, b); err != nil {
		return err
	}
	for _, p := range chosen {
		progress("part %s", p.name)
		if err := p.run(ctx, b); err != nil {
			b.report.failed(p.name, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return b.report.write(o.out)
}

func choose(o options) ([]part, error) {
	if !slices.Contains([]string{"both", "parley", "peer"}, o.side) || o.runs < 1 || o.seconds <= 0 {
		return nil, errors.New("--side is both, parley or peer; --runs and --seconds are positive")
	}
	var chosen []part
	for name := range strings.SplitSeq(o.only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no part %q: there are etcd3, redis1, failover and scale", name)
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}

var began = time.Now()

// progress prints a line on standard error, with the time since the start.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%7.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}
