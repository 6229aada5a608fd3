package idea

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func usage(err error, cmd *cobra.Command) error {
	if err == nil {
		return nil
	}
	return &story.ExitError{Code: story.ExitUsage, Err: fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
}

// Command is `parley lab`, with a command for each idea, and those given, which
// are ideas of consistency.
func Command(more ...*cobra.Command) *cobra.Command {
	lab := &cobra.Command{
		Use:   "lab <idea>",
		Short: "See an idea of distributed systems happen",
		Long: `One command for each idea of a course on distributed systems. It makes the thing
happen on the real parts (where the idea needs a cluster, on one of real
processes that it starts and stops), tells what is seen and why, and with --out
draws it. Each takes a minute or less. The course itself, with its exercises and
answers, is docs/course.md.`,
		Example: `  parley lab list
  parley lab remote-call
  parley lab lamport --out lamport.svg
  parley lab sessions --out sessions.html`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &story.ExitError{Code: story.ExitUsage, Err: fmt.Errorf("there is no idea %q; `parley lab list` names them", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, s := range sections {
		lab.AddGroup(&cobra.Group{ID: s.id, Title: s.title + ":"})
	}
	for _, i := range ideas() {
		lab.AddCommand(i.command())
	}
	for _, c := range more {
		c.GroupID = inConsistency
		lab.AddCommand(c)
	}
	lab.AddCommand(listCommand(more))
	return lab
}

func (i idea) command() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: i.name, Short: i.short, Long: story.Paragraphs(i.long), Example: i.example, GroupID: i.section,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args), cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			draw, err := writer(out)
			if err != nil {
				return usage(err, cmd)
			}
			ctx := cmd.Context()
			if ctx == nil {
				ctx = context.Background()
			}
			s := story.On(cmd.OutOrStdout())
			picture, err := i.run(ctx, s)
			if ctx.Err() != nil {
				return &story.ExitError{Code: story.ExitInterrupted, Err: errors.New("interrupted")}
			}
			if err != nil {
				return err
			}
			return save(s, picture, out, draw)
		},
	}
	if i.flags != nil {
		i.flags(cmd.Flags())
	}
	cmd.Flags().StringVar(&out, "out", "", "draw it to this `file`, as .svg or .html (default: no picture)")
	return cmd
}

// writer is how to write a picture to a file of that name, known before the
// work begins.
func writer(out string) (func(*spacetime.Diagram, io.Writer) error, error) {
	switch filepath.Ext(out) {
	case ".svg":
		return (*spacetime.Diagram).SVG, nil
	case ".html":
		return (*spacetime.Diagram).HTML, nil
	}
	if out != "" {
		return nil, fmt.Errorf("--out %s: the name must end with .svg or .html, which says how to draw", out)
	}
	return nil, nil
}

func save(s *story.Stage, d *spacetime.Diagram, out string, draw func(*spacetime.Diagram, io.Writer) error) error {
	if draw == nil {
		return nil
	}
	file, err := os.Create(out)
	if err == nil {
		err = errors.Join(draw(d, file), file.Close())
	}
	if err != nil {
		return fmt.Errorf("the picture was not written: %w", err)
	}
	s.Line("")
	s.Line("The picture is in %s.", out)
	return nil
}

func listCommand(more []*cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Name the ideas", Example: "  parley lab list",
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args), cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := story.On(cmd.OutOrStdout())
			for _, section := range sections {
				s.Step("%s", section.title)
				for _, i := range ideas() {
					if i.section == section.id {
						s.Line("  %-13s %s", i.name, i.short)
					}
				}
				for _, c := range more {
					if c.GroupID == section.id {
						s.Line("  %-13s %s", c.Name(), c.Short)
					}
				}
			}
			s.Say("")
			s.Say("Each says with --help what it does and what to look at, and draws with --out. The course that they follow, with its exercises and answers, is docs/course.md.")
			s.Next("parley lab remote-call", "parley lab lamport --help")
			return nil
		},
	}
}
