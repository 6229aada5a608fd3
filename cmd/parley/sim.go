package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/sim"
)

func simCommand() *cobra.Command {
	var seed, seeds uint64
	var ops, nodes int
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run simulated clusters from a seed and judge them",
		Long: `Run whole clusters of the real node parts in simulated time, with crashes,
torn disk writes, pauses, partitions, message loss and clock jumps, and judge
the clients' histories. The same seed and build give the same run: the trace
number printed is a digest of everything that happened.

Exit code 1 means that a promise was broken; the seed to replay is printed.`,
		Example: `  parley sim --seed 7 --ops 500
  parley sim --seed 1 --seeds 1000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < 1 || nodes > 9 || ops < 1 {
				return fmt.Errorf("--nodes must be 1 to 9 and --ops at least 1")
			}
			start := time.Now()
			for s := seed; s < seed+seeds; s++ {
				rep, err := sim.Run(sim.Options{Seed: s, Ops: ops, Nodes: nodes})
				if err != nil {
					return fmt.Errorf("%w --ops %d --nodes %d", err, ops, nodes)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "seed %d trace %016x simulated %v crashes %d partitions %d ok %d failed %d unknown %d\n",
					s, rep.Trace, rep.Elapsed, rep.Crashes, rep.Cuts, rep.Outcome["ok"], rep.Outcome["failed"], rep.Outcome["unknown"])
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d seeds held in %v\n", seeds, time.Since(start).Round(time.Millisecond))
			return nil
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "first seed")
	cmd.Flags().Uint64Var(&seeds, "seeds", 1, "how many seeds, counted up from --seed")
	cmd.Flags().IntVar(&ops, "ops", 300, "operations of clients in each run")
	cmd.Flags().IntVar(&nodes, "nodes", 3, "nodes of each cluster, 1 to 9")
	return cmd
}
