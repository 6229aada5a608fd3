package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// Flags defines a flag on fs for every field of c; the values c has are the
// defaults. After fs was parsed, call Load.
func Flags(fs *pflag.FlagSet, c *Config) {
	fs.StringVar(&c.File, "config", c.File, "TOML `file` with these settings; a key is a flag's name, flags override it (default none)")

	fs.StringVar(&c.Name, "name", c.Name, "the node's name, unique in the cluster")
	fs.StringVar(&c.Site, "site", c.Site, "the node's site: nodes close to each other share one (default: its site in --initial, else the node's name)")
	fs.StringVar(&c.Dir, "dir", c.Dir, "data directory; created if missing, used by one process at a time")
	fs.StringVar(&c.RESP, "resp", c.RESP, "`host:port` for Redis clients")
	fs.StringVar(&c.HTTP, "http", c.HTTP, "`host:port` for status, metrics and health; empty: none")
	fs.StringVar(&c.Peer, "peer", c.Peer, "`host:port` for the other nodes; not opened by a node alone")
	fs.StringVar(&c.Initial, "initial", c.Initial, "all nodes of a new cluster, the same `list` on each: name@site=host:port of --peer, with commas between (default none: this node alone is the database)")
	fs.StringVar(&c.Password, "password", c.Password, "password that clients give with AUTH; better in the file, since others can see a command line (default none: no password)")
	fs.BoolVar(&c.AllowFaults, "allow-faults", c.AllowFaults, "accept faults of network, clock and disk over HTTP, from anyone who reaches it: for tests only (default false)")
	fs.BoolVar(&c.Fsync, "fsync", c.Fsync, "wait for the disk before a write is acknowledged; without, a power failure can lose acknowledged writes")

	limitFlags(fs, c)
	timeFlags(fs, c)

	fs.Var(&c.LogKeep, "log-keep", "log kept for nodes that catch up, in bytes; one further behind gets a snapshot")
	fs.Var(&c.Segment, "segment", "size of one file of the log, in bytes")
	fs.Var(&c.Memory, "memory", "memory that --cache and --generation follow from, in bytes; no limit by itself (default: the machine's, or its container's if that is less)")
	fs.Var(&c.Generation, "generation", "changed state kept in memory before it goes to the storage engine, in bytes; up to three times as much in bursts (default: 1/128 of --memory, at least 32MiB, at most 256MiB)")
	fs.Var(&c.Cache, "cache", "memory for state that was read or written behind, in bytes (default: 1/8 of --memory, at least 128MiB)")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "least important messages to log: debug, info, warn or error")
}

func limitFlags(fs *pflag.FlagSet, c *Config) {
	fs.IntVar(&c.MaxClients, "max-clients", c.MaxClients, "client connections at a time; more are told so and closed")
	fs.Var(&c.MaxLine, "max-line", "longest line of a client (inline command or count), in bytes")
	fs.Var(&c.MaxBulk, "max-bulk", "largest argument of a command, in bytes")
	fs.IntVar(&c.MaxArgs, "max-args", c.MaxArgs, "most arguments of a command")
	fs.Var(&c.MaxCommand, "max-command", "largest command with all its arguments, in bytes; it must fit into one frame between nodes")
	fs.Var(&c.MaxOutput, "max-output", "replies that one client may leave unread before it is closed, in bytes")
	fs.Var(&c.MaxWaiting, "max-waiting", "commands under way on this node, in bytes; beyond, they are refused as busy")
	fs.Var(&c.MaxClientMemory, "max-client-memory", "memory of all clients together, in bytes: commands half received, transactions, replies not read; beyond, the client that uses most is closed")
	fs.DurationVar(&c.IdleTimeout, "idle-timeout", c.IdleTimeout, "time after which a silent client is closed, as 30s or 5m (default 0s: never)")
	fs.DurationVar(&c.WriteTimeout, "write-timeout", c.WriteTimeout, "time after which a client that reads none of its replies is closed, as 30s")
	fs.DurationVar(&c.AuthTimeout, "auth-timeout", c.AuthTimeout, "time after which a client that has not given the password is closed, as 30s; 0s: never")
	fs.DurationVar(&c.OpTimeout, "op-timeout", c.OpTimeout, "time within which every operation is answered, as 5s; a connection can ask for another")
}

func timeFlags(fs *pflag.FlagSet, c *Config) {
	fs.DurationVar(&c.ClockBound, "clock-bound", c.ClockBound, "largest difference between clocks before a node refuses to stamp, as 500ms")
	fs.DurationVar(&c.ClosedInterval, "closed-interval", c.ClosedInterval, "time between closed timestamps of an idle group, as 200ms; shorter makes weak reads fresher")
	fs.DurationVar(&c.Tick, "tick", c.Tick, "time between heartbeats of leaders, as 50ms")
	fs.IntVar(&c.ElectionTicks, "election-ticks", c.ElectionTicks, "ticks without a leader before an election, at least 3")
}

// Load reads the file that --config named, puts the flags which were given on
// the command line over it, and completes and validates the result. Call it
// after fs, which Flags filled for c, was parsed.
func (c *Config) Load(fs *pflag.FlagSet) error {
	if c.File != "" {
		given := map[string]string{}
		fs.Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
		if err := c.read(c.File); err != nil {
			return err
		}
		for name, value := range given {
			if err := fs.Set(name, value); err != nil {
				return fmt.Errorf("--%s: %w", name, err)
			}
		}
	}
	if err := c.Complete(); err != nil {
		return err
	}
	return c.Validate()
}

// read puts the settings of a TOML file over c.
func (c *Config) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	meta, err := toml.Decode(string(text), c)
	if err != nil {
		return fmt.Errorf("configuration %s: %w", path, withPosition(err))
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, key := range unknown {
			names[i] = key.String()
			if line := lineOf(string(text), key[len(key)-1]); line > 0 {
				names[i] += fmt.Sprintf(" (line %d)", line)
			}
		}
		return fmt.Errorf("configuration %s: unknown keys: %s: remove or correct them; `parley serve --help` lists all (a key is a flag's name)",
			path, strings.Join(names, ", "))
	}
	return nil
}

// lineOf is the first line that sets a key or opens a table of that name; 0 if
// it is written in another way.
func lineOf(text, key string) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, _, _ := strings.Cut(line, "=")
		name = strings.Trim(name, " \t\r\n[]\"'")
		if name == key || strings.HasSuffix(name, "."+key) {
			return n
		}
	}
	return 0
}

// withPosition makes a syntax error show the line that it is in.
func withPosition(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return errors.New(parse.ErrorWithPosition())
	}
	return err
}
