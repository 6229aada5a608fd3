package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/dev"
)

// Injector applies a fault to the cluster of `parley dev` on dir: dev.Inject.
type Injector func(ctx context.Context, dir string, f dev.Fault) (string, error)

// dirEnv names the directory of a cluster when --dir does not.
const dirEnv = "PARLEY_DIR"

// Fault is `parley fault` with a command for each fault.
func Fault(inject Injector) *cobra.Command {
	f := &faultCommand{inject: inject}
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Break a cluster of 'parley dev', and heal it",
		Long: `Breaks a cluster that 'parley dev' runs: its processes, its network, its clocks,
its disks. None of it needs root: processes get signals, and the nodes themselves
lose or delay messages, read a wrong clock and fail to write. Such faults stay
until 'heal', also over restarts of a node. (Flipped bytes stay for good.)`,
		Example: `  parley fault --dir ./cluster kill n1           # as kill -9
  parley fault --dir ./cluster restart n1
  parley fault --dir ./cluster isolate n2        # a minority of one
  parley fault --dir ./cluster cut n1 n2 --one-way
  parley fault --dir ./cluster delay n1 n3 200ms
  parley fault --dir ./cluster clock n3 -2s
  parley fault --dir ./cluster heal
  export PARLEY_DIR=./cluster                    # instead of --dir`,
		RunE: group,
	}
	cmd.PersistentFlags().StringVar(&f.dir, "dir", "", "the directory that 'parley dev' printed (default: $"+dirEnv+")")

	cmd.AddCommand(
		f.simple("kill <node>", "End a node's process at once, as a crash does"),
		f.simple("pause <node>", "Freeze a node's process, as a long pause of a machine does"),
		f.simple("resume <node>", "Let a paused node go on"),
		f.simple("restart <node>", "Stop a node in order, if it runs, and start it again"),
		f.simple("stop <node>", "Stop a node in order"),
		f.link("cut <a> <b>", "Let no message pass between two nodes", noValue),
		f.link("join <a> <b>", "End a cut between two nodes", noValue),
		f.simple("isolate <node>", "Cut a node off from all others, both ways"),
		f.link("delay <a> <b> <duration>", "Delay messages between two nodes, each way (0s ends it)", durationValue),
		f.link("drop <a> <b> <percent>", "Lose a part of the messages between two nodes (0 ends it)", percentValue),
		f.link("duplicate <a> <b> <percent>", "Let a part of the messages between two nodes arrive twice (0 ends it)", percentValue),
		f.link("slow <a> <b> <bytes>", "Let a link carry only so many bytes a second (0 ends it)", bytesValue),
		f.clock(),
		f.disk(),
		f.simple("flip <node>", "Change a byte in the log of a node that does not run"),
		f.simple("heal", "End all faults of networks, clocks and disks"),
	)
	return cmd
}

type faultCommand struct {
	inject Injector
	dir    string
	oneWay bool
	every  string
}

// simple is a fault that only names nodes.
func (f *faultCommand) simple(use, short string) *cobra.Command {
	words := strings.Fields(use)
	return &cobra.Command{
		Use: use, Short: short,
		Example: example(words),
		Args:    usage(cobra.ExactArgs(len(words) - 1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.apply(cmd, dev.Fault{Op: words[0], Nodes: args})
		},
	}
}

// link is a fault of the connection between two nodes, with a value or none.
func (f *faultCommand) link(use, short string, value func(*dev.Fault, []string) error) *cobra.Command {
	words := strings.Fields(use)
	cmd := &cobra.Command{
		Use: use, Short: short,
		Example: example(words),
		Args:    usage(cobra.ExactArgs(len(words) - 1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			fault := dev.Fault{Op: words[0], Nodes: args[:2], OneWay: f.oneWay}
			if err := value(&fault, args[2:]); err != nil {
				return usageError{err}
			}
			return f.apply(cmd, fault)
		},
	}
	cmd.Flags().BoolVar(&f.oneWay, "one-way", false, "only messages from the first node to the second (default both ways)")
	return cmd
}

func noValue(*dev.Fault, []string) error { return nil }

func durationValue(f *dev.Fault, args []string) error {
	f.Duration = args[0]
	return nil
}

func percentValue(f *dev.Fault, args []string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(args[0], "%"))
	if err != nil {
		return fmt.Errorf("percent %q is not a whole number", args[0])
	}
	f.Percent = n
	return nil
}

func bytesValue(f *dev.Fault, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("%q bytes a second is not a whole number", args[0])
	}
	f.Bytes = n
	return nil
}

// disk is a fault of a node's disk, with a time if it is slow.
func (f *faultCommand) disk() *cobra.Command {
	return &cobra.Command{
		Use:   "disk <node> <" + strings.Join(dev.DiskFaults, "|") + "|ok|slow> [<duration>]",
		Short: "Fill a node's disk, let its syncs fail or be slow ('ok' ends it)",
		Long: `Lets a node's disk misbehave: 'full' has no room for another byte, 'fsync' fails
to make anything durable, 'slow' takes a duration longer for each sync. A node
whose disk fails ends with exit code 1 at its next write; say 'ok', then restart it.`,
		Example: `  parley fault --dir ./cluster disk n1 full
  parley fault --dir ./cluster disk n1 slow 200ms
  parley fault --dir ./cluster disk n1 ok`,
		Args: usage(cobra.RangeArgs(2, 3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			fault := dev.Fault{Op: "disk", Nodes: args[:1], Disk: args[1]}
			if len(args) == 3 {
				fault.Duration = args[2]
			}
			return f.apply(cmd, fault)
		},
	}
}

// clock takes offsets below zero, which look like flags, so it sorts them out
// before flags are parsed.
func (f *faultCommand) clock() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "clock <node> <offset>",
		Short: "Set a node's clock off (0s ends it)",
		Example: `  parley fault --dir ./cluster clock n1 2s
  parley fault --dir ./cluster clock n1 -500ms
  parley fault --dir ./cluster clock n1 10s --every 500ms`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			var flags, offsets []string
			for _, a := range args {
				if len(a) > 1 && a[0] == '-' && strings.ContainsRune("0123456789.", rune(a[1])) {
					offsets = append(offsets, a)
				} else {
					flags = append(flags, a)
				}
			}
			cmd.DisableFlagParsing = false
			if err := cmd.ParseFlags(append(append(flags, "--"), offsets...)); err != nil {
				return cmd.FlagErrorFunc()(cmd, err)
			}
			if help, err := cmd.Flags().GetBool("help"); err == nil && help {
				return cmd.Help()
			}
			rest := cmd.Flags().Args()
			if err := usage(cobra.ExactArgs(2))(cmd, rest); err != nil {
				return err
			}
			return f.apply(cmd, dev.Fault{Op: "clock", Nodes: rest[:1], Duration: rest[1], Every: f.every})
		},
	}
	cmd.Flags().StringVar(&f.every, "every", "", "let the clock jump: off for so long, right for so long, and so on")
	return cmd
}

func (f *faultCommand) apply(cmd *cobra.Command, fault dev.Fault) error {
	dir := f.dir
	if dir == "" {
		dir = os.Getenv(dirEnv)
	}
	if dir == "" {
		return usageError{errors.New("which cluster? Give --dir with the directory that `parley dev` printed")}
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	said, err := f.inject(ctx, dir, fault)
	if err != nil {
		return err
	}
	say(cmd.OutOrStdout(), "%s\n", said)
	return nil
}

// example fills the places of a usage.
func example(words []string) string {
	filled := map[string]string{"<node>": "n1", "<a>": "n1", "<b>": "n2", "<duration>": "100ms", "<percent>": "30", "<bytes>": "10000"}
	line := "  parley fault --dir ./cluster"
	for _, w := range words {
		if v, ok := filled[w]; ok {
			w = v
		}
		line += " " + w
	}
	return line
}
