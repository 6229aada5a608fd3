package parley

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/config"
	"github.com/parleydb/parley/internal/serve"
)

// TestMain lets the test binary be the nodes of clusters, as `parley` is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := node(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func node(args []string) error {
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.Flags(fs, &cfg)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := cfg.Load(fs); err != nil {
		return err
	}
	s, err := serve.Open(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return s.Run(context.Background()) // they die with the test
}

// start starts a cluster of three nodes for a test. Operations that get no answer
// are given up soon.
func start(t *testing.T) *target {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opened, err := Dev()(ctx, "?serve=--op-timeout=1s", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened.(*target)
}
