package cli

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/dev"
)

// Dev is `parley dev`.
func Dev() *cobra.Command {
	opts := dev.Options{Nodes: 3, Port: 7001}
	cmd := &cobra.Command{
		Use:   "dev [flags] [-- <flags of serve>]",
		Short: "Run a cluster on this machine",
		Long: `Runs a cluster on this machine, each node as a process of its own, until Ctrl-C.
Node i is called n<i>, answers Redis clients at 127.0.0.1:(port+i-1) and HTTP at
127.0.0.1:(port+1000+i-1); the nodes talk to each other at port+2000+i-1.

When all nodes serve, a line that begins with "ready" is printed. The directory
has dev.json (name, site, pid, resp, http and state of every node, kept true),
the nodes' logs (n1.log) and data (n1/). Break the cluster with 'parley fault'.`,
		Example: `  parley dev                             # three nodes on three sites
  parley dev --nodes 6 --sites 2         # n1, n3, n5 on s1; n2, n4, n6 on s2
  parley dev --dir ./cluster             # data stays when it stops
  parley dev --port 9001                 # redis-cli -p 9001
  parley dev -- --fsync=false --tick 20ms  # flags for every node's 'parley serve'`,
		Args: usage(func(cmd *cobra.Command, args []string) error {
			if dash := cmd.ArgsLenAtDash(); dash < 0 || dash > 0 {
				return cobra.NoArgs(cmd, args)
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if ctx == nil {
				ctx = context.Background()
			}
			ctx, restore := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
			defer restore()
			context.AfterFunc(ctx, restore) // a second Ctrl-C does not wait
			opts.Serve, opts.Out = args, cmd.OutOrStdout()
			return dev.Run(ctx, opts)
		},
	}
	f := cmd.Flags()
	f.IntVar(&opts.Nodes, "nodes", opts.Nodes, "number of nodes")
	f.IntVar(&opts.Sites, "sites", opts.Sites, "number of sites, over which nodes go in turn (default 0: one per node)")
	f.StringVar(&opts.Dir, "dir", opts.Dir, "directory for data and logs (default: a temporary one, removed at the end)")
	f.IntVar(&opts.Port, "port", opts.Port, "port of n1 for Redis clients; the others follow")
	return cmd
}
