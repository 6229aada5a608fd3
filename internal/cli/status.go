package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/dev"
)

// status is what a node answers at /status.
type status struct {
	Node      string           `json:"node"`
	Site      string           `json:"site"`
	Cluster   string           `json:"cluster"`
	Nodes     []nodeStatus     `json:"nodes"`
	Keyspaces []keyspaceStatus `json:"keyspaces"`
	Groups    []groupStatus    `json:"groups"`
}

type nodeStatus struct {
	ID        uint64 `json:"id"`
	Name      string `json:"name"`
	Site      string `json:"site"`
	Peer      string `json:"peer"`
	RESP      string `json:"resp"`
	HTTP      string `json:"http"`
	Connected bool   `json:"connected"`
	RTT       int64  `json:"rtt_us"`
	Clock     int64  `json:"clock_offset_ms"`
}

type keyspaceStatus struct {
	ID          uint64   `json:"id"`
	Name        string   `json:"name"`
	Model       string   `json:"model"`
	Shards      int      `json:"shards"`
	Replication int      `json:"replication"`
	Groups      []uint64 `json:"groups"`
}

type groupStatus struct {
	ID      uint64 `json:"id"`
	Leader  uint64 `json:"leader"` // 0: none known
	Term    uint64 `json:"term"`
	Role    string `json:"role"`
	Applied uint64 `json:"applied"`
	Commit  uint64 `json:"commit"`
	Closed  uint64 `json:"closed"`
	Lag     int64  `json:"lag_ms"`
}

// maxStatus bounds what a node may answer; bytes.
const maxStatus = 64 << 20

// Status is `parley status`.
func Status() *cobra.Command {
	var address, dir string
	var asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show nodes, keyspaces, groups, leaders and lag",
		Long: `Shows the cluster as one node sees it: the nodes with the time of a round trip
and the difference of their clocks, the keyspaces, and this node's copies of the
groups: who leads, what is applied and committed, and the lag, which is how far
the copy's closed timestamp is behind now.

In a partition nodes see different things: ask each with --http.`,
		Example: `  parley status                        # of the node at 127.0.0.1:8001
  parley status --http 127.0.0.1:8002  # as n2 sees it
  parley status --dir ./cluster        # of any node of a 'parley dev'
  parley status --json                 # for programs`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" && cmd.Flags().Changed("http") {
				return usageError{errors.New("give --http or --dir, not both")}
			}
			addresses := []string{address}
			if dir != "" {
				var err error
				if addresses, err = running(dir); err != nil {
					return err
				}
			}
			text, err := askAny(addresses, timeout)
			if err != nil {
				return err
			}
			if asJSON {
				say(cmd.OutOrStdout(), "%s\n", strings.TrimSpace(string(text)))
				return nil
			}
			var s status
			if err := json.Unmarshal(text, &s); err != nil {
				return fmt.Errorf("the node's status is not what it should be (another version?): %w", err)
			}
			s.print(cmd.OutOrStdout())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "http", "127.0.0.1:8001", "HTTP `host:port` of any node")
	f.StringVar(&dir, "dir", "", "directory of a 'parley dev', whose first node that answers is asked (default none)")
	f.BoolVar(&asJSON, "json", false, "print what the node answered (default a table)")
	f.DurationVar(&timeout, "timeout", 3*time.Second, "longest wait for a node's answer, as 3s")
	return cmd
}

// running are the HTTP addresses of a dev cluster's processes.
func running(dir string) (addresses []string, err error) {
	c, err := dev.Read(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		if n.PID != 0 && n.State != dev.StatePaused {
			addresses = append(addresses, n.HTTP)
		}
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("no node of %s runs: `parley dev --dir %s` starts them", dir, dir)
	}
	return addresses, nil
}

// askAny returns the status of the first node that gives it.
func askAny(addresses []string, timeout time.Duration) ([]byte, error) {
	var errs []error
	for _, a := range addresses {
		text, err := ask(a, timeout)
		if err == nil {
			return text, nil
		}
		errs = append(errs, fmt.Errorf("no status from %s: %w", a, err))
	}
	return nil, errors.Join(errs...)
}

func ask(address string, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	return text, nil
}

func (s *status) print(out io.Writer) {
	say(out, "cluster %s as %s (site %s) sees it\n\n", shown(s.Cluster), shown(s.Node), shown(s.Site))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	names := map[uint64]string{0: "none"}
	say(w, "NODE\tID\tSITE\tREDIS\tHTTP\tPEER\tCONNECTED\tRTT\tCLOCK\n")
	for _, n := range s.Nodes {
		names[n.ID] = shown(n.Name)
		connected, rtt, clock := "no", "-", "-"
		switch {
		case n.Name == s.Node:
			connected = "itself"
		case n.Connected:
			connected = "yes"
			rtt = (time.Duration(n.RTT) * time.Microsecond).String()
			clock = fmt.Sprintf("%+dms", n.Clock)
		}
		say(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shown(n.Name), n.ID, shown(n.Site), shown(n.RESP), shown(n.HTTP), shown(n.Peer), connected, rtt, clock)
	}
	say(w, "\nKEYSPACE\tID\tMODEL\tSHARDS\tREPLICATION\tGROUPS\n")
	for _, k := range s.Keyspaces {
		say(w, "%s\t%d\t%s\t%d\t%d\t%s\n", shown(k.Name), k.ID, shown(k.Model), k.Shards, k.Replication, groupList(k.Groups))
	}
	say(w, "\nGROUP\tLEADER\tROLE HERE\tTERM\tAPPLIED\tCOMMIT\tLAG\n")
	for _, g := range s.Groups {
		leader, ok := names[g.Leader]
		if !ok {
			leader = strconv.FormatUint(g.Leader, 10)
		}
		role := strings.ToLower(strings.TrimPrefix(g.Role, "State"))
		lag := "-" // it has no closed timestamp yet
		if g.Lag >= 0 {
			lag = fmt.Sprintf("%dms", g.Lag)
		}
		say(w, "%d\t%s\t%s\t%d\t%d\t%d\t%s\n", g.ID, leader, shown(role), g.Term, g.Applied, g.Commit, lag)
	}
	_ = w.Flush()
}

// maxGroupsShown keeps the line of a keyspace with many shards short.
const maxGroupsShown = 8

func groupList(groups []uint64) string {
	var b strings.Builder
	for i, g := range groups {
		if i == maxGroupsShown {
			fmt.Fprintf(&b, " and %d more", len(groups)-i)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatUint(g, 10))
	}
	return shown(b.String())
}

// shown is a text from a node in a form that is safe in a table: never empty,
// and without control characters, which a terminal would obey.
func shown(text string) string {
	if text == "" {
		return "-"
	}
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}
