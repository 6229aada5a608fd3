package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/config"
	"github.com/parleydb/parley/internal/serve"
)

func serveCommand() *cobra.Command {
	cfg := config.Default()
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run one node",
		Long: `Run one node. Alone it is a whole database; with --initial it is part of a
cluster, whose nodes all get the same list.

SIGTERM or Ctrl-C stops it in order: other nodes take over its leaderships
first. Exit code 1 means that it could not start or had to stop.`,
		Example: `  parley serve --dir /var/lib/parley
  parley serve --config n1.toml
  parley serve --name n1 --dir d1 --resp 127.0.0.1:7001 --peer 127.0.0.1:9001 \
    --initial n1=127.0.0.1:9001,n2=127.0.0.1:9002,n3=127.0.0.1:9003`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Load(cmd.Flags()); err != nil {
				return err
			}
			var level slog.Level
			if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
			s, err := serve.Open(cfg, log)
			if err != nil {
				return err
			}
			return s.Run(cmd.Context())
		},
	}
	config.Flags(cmd.Flags(), &cfg)
	return cmd
}
