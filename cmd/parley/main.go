// Command parley is the whole of Parley in one binary: nodes, development
// clusters, the tools to operate them, and the simulator.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/parleydb/parley/internal/cli"
	"github.com/parleydb/parley/internal/judge"
	"github.com/parleydb/parley/internal/lab/analyze"
	"github.com/parleydb/parley/internal/lab/idea"
	"github.com/parleydb/parley/internal/lab/report"
	"github.com/parleydb/parley/internal/lab/target/etcd"
	"github.com/parleydb/parley/internal/lab/target/parley"
	"github.com/parleydb/parley/internal/lab/target/redis"
	"github.com/parleydb/parley/internal/lab/verify"
	"github.com/parleydb/parley/internal/sim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := cli.Root()
	targets := verify.Targets{"dev": parley.Dev(), "parley": parley.Connect, "etcd": etcd.Open, "redis": redis.Open}
	root.AddCommand(serveCommand(), sim.Command(), judge.Command(writeReport), idea.Command(analyze.Command(targets)), verify.Command(targets, report.Write))
	root.SetContext(ctx)
	os.Exit(cli.Execute(root, os.Args[1:]))
}
