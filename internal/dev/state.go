package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// State is what a node's process is doing.
type State string

// The states of a process.
const (
	StateStarting State = "starting" // runs, and has not said since that it is ready
	StateReady    State = "ready"
	StatePaused   State = "paused"
	StateKilled   State = "killed"  // by a fault
	StateStopped  State = "stopped" // in order, or not started yet
	StateExited   State = "exited"  // by itself
)

// Node is one node in dev.json.
type Node struct {
	Name  string `json:"name"`
	Site  string `json:"site"`
	PID   int    `json:"pid"` // 0 while there is no process
	RESP  string `json:"resp"`
	HTTP  string `json:"http"`
	State State  `json:"state"`
}

// Cluster is the content of dev.json.
type Cluster struct {
	Nodes []Node `json:"nodes"`
}

// The files of a directory.
const (
	stateFile  = "dev.json"
	lockFile   = "dev.lock"
	socketFile = "dev.sock"
)

// Read returns the content of dev.json in dir. It may be of a cluster that has
// ended: then no node has a process.
func Read(dir string) (Cluster, error) {
	path := filepath.Join(dir, stateFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Cluster{}, fmt.Errorf("%s does not exist: give the directory that `parley dev` printed", path)
	}
	if err != nil {
		return Cluster{}, err
	}
	var c Cluster
	if err := json.Unmarshal(text, &c); err != nil {
		return Cluster{}, fmt.Errorf("%s is damaged: %w: remove it, and start `parley dev` again", path, err)
	}
	return c, nil
}

// write replaces dev.json, so that readers see the old or the new one whole.
func (c Cluster) write(dir string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stateFile)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// checkSame refuses a directory that holds a cluster of another shape: its
// nodes' data names other peers.
func checkSame(dir string, nodes []Node) error {
	if _, err := os.Stat(filepath.Join(dir, stateFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	old, err := Read(dir)
	if err != nil {
		return err
	}
	same := len(old.Nodes) == len(nodes)
	sites := map[string]bool{}
	for i, n := range old.Nodes {
		sites[n.Site] = true
		same = same && n.Name == nodes[i].Name && n.Site == nodes[i].Site && n.RESP == nodes[i].RESP
	}
	if same {
		return nil
	}
	first := ""
	if len(old.Nodes) > 0 {
		first = old.Nodes[0].RESP
	}
	return fmt.Errorf("%s holds a cluster of %d nodes on %d sites, the first at %s: use the same --nodes, --sites and --port, or another --dir",
		dir, len(old.Nodes), len(sites), first)
}
