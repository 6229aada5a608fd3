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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := cli.Root()
	root.AddCommand(serveCommand(), simCommand(), judge.Command(writeReport))
	root.SetContext(ctx)
	os.Exit(cli.Execute(root, os.Args[1:]))
}
