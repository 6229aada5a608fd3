package dev

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/config"
)

// Each node counts on its share of the machine, unless its flags say otherwise.
func TestNodesShareTheMemory(t *testing.T) {
	memory := func(o Options) config.Size {
		t.Helper()
		nodes, peers := o.plan()
		c := config.Default()
		fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		config.Flags(fs, &c)
		if err := fs.Parse(o.serveArgs(nodes[0], peers, t.TempDir())[1:]); err != nil {
			t.Fatal(err)
		}
		if err := c.Load(fs); err != nil {
			t.Fatal(err)
		}
		return c.Memory
	}
	if got, want := memory(Options{Nodes: 4, Sites: 1, Port: 7001}), config.MachineMemory()/4; got != want {
		t.Errorf("a node of four counts on %v, want %v", &got, &want)
	}
	if got := memory(Options{Nodes: 4, Sites: 1, Port: 7001, Serve: []string{"--memory", "3GiB"}}); got != 3*config.GiB {
		t.Errorf("a node told 3GiB counts on %v", &got)
	}
}
