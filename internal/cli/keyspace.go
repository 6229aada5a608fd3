package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/resp"
)

// passwordEnv holds the password when --password does not.
const passwordEnv = "PARLEY_PASSWORD"

// Keyspace is `parley keyspace` with its commands.
func Keyspace() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:   "keyspace",
		Short: "Create, list, show and drop keyspaces",
		Long: `Creates, lists, shows and drops keyspaces: named sets of keys, each with a model,
a number of shards and a replication factor. 'main', number 0, exists from the
start. Clients choose one with SELECT <name or number>. The same is done by the
commands KEYSPACE CREATE, LIST, INFO and DROP of any Redis client.`,
		Example: `  parley keyspace create carts --shards 4
  parley keyspace list
  parley keyspace info carts --addr 127.0.0.1:7002
  parley keyspace drop carts`,
		RunE: group,
	}
	f := cmd.PersistentFlags()
	f.StringVar(&c.address, "addr", "127.0.0.1:7001", "`host:port` for Redis clients of any node")
	f.StringVar(&c.password, "password", "", "the cluster's password; better in $"+passwordEnv+", since others can see a command line (default none)")
	f.DurationVar(&c.timeout, "timeout", 10*time.Second, "longest wait for the answer, as 10s")
	cmd.AddCommand(createKeyspace(&c),
		namedKeyspace(&c, "info", "Show one keyspace"),
		namedKeyspace(&c, "drop", "Drop a keyspace with all its keys, for good"),
		&cobra.Command{
			Use: "list", Short: "List all keyspaces", Example: "  parley keyspace list",
			Args: usage(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error { return c.show(cmd, "KEYSPACE", "LIST") },
		})
	return cmd
}

func createKeyspace(c *client) *cobra.Command {
	var model string
	var shards, replication int
	cmd := &cobra.Command{
		Use:   "create <name>",
		Short: "Create a keyspace",
		Long: `Creates a keyspace. With one shard all multi-key commands and transactions work
as in Redis; with more, which spread its keys over groups with leaders of their
own, commands across shards are answered with CROSSSLOT, as in Redis Cluster.`,
		Example: `  parley keyspace create carts
  parley keyspace create events --shards 16 --replication 3`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if shards < 1 || replication < 0 {
				return usageError{errors.New("--shards must be at least 1, and --replication not below 0")}
			}
			words := []string{"KEYSPACE", "CREATE", args[0], "MODEL", model, "SHARDS", strconv.Itoa(shards)}
			if replication > 0 {
				words = append(words, "REPLICATION", strconv.Itoa(replication))
			}
			return c.show(cmd, words...)
		},
	}
	f := cmd.Flags()
	f.StringVar(&model, "model", "strong", "strong: one copy for the cluster, ordered by consensus")
	f.IntVar(&shards, "shards", 1, "number of shards")
	f.IntVar(&replication, "replication", 0, "copies of every shard (default 0: 3, or as many as there are nodes)")
	return cmd
}

func namedKeyspace(c *client, what, short string) *cobra.Command {
	return &cobra.Command{
		Use: what + " <name>", Short: short, Example: "  parley keyspace " + what + " carts",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.show(cmd, "KEYSPACE", strings.ToUpper(what), args[0])
		},
	}
}

// client asks one node by RESP.
type client struct {
	address  string
	password string
	timeout  time.Duration
}

// show runs a command and prints its reply.
func (c *client) show(cmd *cobra.Command, words ...string) error {
	r, err := c.run(words...)
	if err != nil {
		return err
	}
	printReply(cmd.OutOrStdout(), r)
	return nil
}

// run connects, runs one command and returns its reply; an error reply is an
// error.
func (c *client) run(words ...string) (resp.Reply, error) {
	conn, err := net.DialTimeout("tcp", c.address, c.timeout)
	if err != nil {
		return resp.Reply{}, fmt.Errorf("no node at %s (--addr): %w", c.address, err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return resp.Reply{}, err
	}
	password := c.password
	if password == "" {
		password = os.Getenv(passwordEnv)
	}
	hello := []string{"HELLO", "3"} // maps have names for their values there
	if password != "" {
		hello = append(hello, "AUTH", "default", password)
	}
	in := bufio.NewReader(conn)
	for _, command := range [][]string{hello, words} {
		if _, err := conn.Write(resp.AppendCommand(nil, command...)); err != nil {
			return resp.Reply{}, fmt.Errorf("%s: %w", c.address, err)
		}
		r, err := resp.ReadReply(in, resp.DefaultLimits())
		if err != nil {
			return resp.Reply{}, c.explain(command[0], words[0], err)
		}
		if err := r.Err(); err != nil {
			return resp.Reply{}, fmt.Errorf("%s answered: %w", c.address, err)
		}
		if command[0] == words[0] {
			return r, nil
		}
	}
	return resp.Reply{}, errors.New("no command")
}

// explain says what a lost reply means: the command may have been done.
func (c *client) explain(sent, command string, err error) error {
	if errors.Is(err, io.EOF) {
		err = errors.New("it closed the connection")
	}
	if sent == command {
		return fmt.Errorf("%s did not answer, so it is not known whether it was done; `parley keyspace list` shows it: %w", c.address, err)
	}
	return fmt.Errorf("%s did not answer: %w", c.address, err)
}

// printReply prints maps in an array as a table, a map as lines of names and
// values, other arrays by line.
func printReply(out io.Writer, r resp.Reply) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	switch {
	case r.Kind == resp.KindMap:
		for i := 0; i+1 < len(r.Elems); i += 2 {
			say(w, "%s\t%s\n", cell(r.Elems[i]), cell(r.Elems[i+1]))
		}
	case isTable(r):
		printMaps(w, r.Elems)
	case r.Kind == resp.KindArray || r.Kind == resp.KindSet:
		for _, e := range r.Elems {
			say(w, "%s\n", cell(e))
		}
	default:
		say(w, "%s\n", cell(r))
	}
	_ = w.Flush()
}

func isTable(r resp.Reply) bool {
	for _, e := range r.Elems {
		if e.Kind != resp.KindMap {
			return false
		}
	}
	return r.Kind == resp.KindArray && len(r.Elems) > 0
}

// printMaps prints a table whose columns are the keys of the first map.
func printMaps(w io.Writer, rows []resp.Reply) {
	var columns []string
	for i := 0; i+1 < len(rows[0].Elems); i += 2 {
		columns = append(columns, cell(rows[0].Elems[i]))
	}
	say(w, "%s\n", strings.ToUpper(strings.Join(columns, "\t")))
	for _, row := range rows {
		values := map[string]string{}
		for i := 0; i+1 < len(row.Elems); i += 2 {
			values[cell(row.Elems[i])] = cell(row.Elems[i+1])
		}
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = shown(values[c])
		}
		say(w, "%s\n", strings.Join(cells, "\t"))
	}
}

// cell is a reply in one word or line.
func cell(r resp.Reply) string {
	switch r.Kind {
	case resp.KindInt:
		return strconv.FormatInt(r.Int, 10)
	case resp.KindBool:
		return strconv.FormatBool(r.Int != 0)
	case resp.KindDouble:
		return strconv.FormatFloat(r.Float, 'g', -1, 64)
	case resp.KindArray, resp.KindSet:
		parts := make([]string, len(r.Elems))
		for i, e := range r.Elems {
			parts[i] = cell(e)
		}
		return shown(strings.Join(parts, " "))
	case resp.KindMap:
		var parts []string
		for i := 0; i+1 < len(r.Elems); i += 2 {
			parts = append(parts, cell(r.Elems[i])+"="+cell(r.Elems[i+1]))
		}
		return shown(strings.Join(parts, " "))
	}
	return shown(r.Str)
}
