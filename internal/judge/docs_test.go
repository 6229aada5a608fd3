package judge

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

const page = "../../docs/checking.md"

func docs(t *testing.T) string {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is what stands under a heading of the second level.
func section(t *testing.T, heading string) string {
	_, after, ok := strings.Cut(docs(t), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/checking.md has no section %q", heading)
	}
	text, _, _ := strings.Cut(after, "\n## ")
	return text
}

// rows are the rows of the table in a section, by the names in code in the first column.
func rows(t *testing.T, heading string) (names []string, row map[string]string) {
	row = make(map[string]string)
	for _, line := range strings.Split(section(t, heading), "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		first, _, _ := strings.Cut(line[1:], "|")
		for _, n := range regexp.MustCompile("`[^`]+`").FindAllString(first, -1) {
			n = strings.Trim(n, "`")
			names = append(names, n)
			row[n] = line
		}
	}
	return names, row
}

// TestDocsNameAll: what the code knows and what docs/checking.md tells of is the
// same, and so is what the help says.
func TestDocsNameAll(t *testing.T) {
	cmd := Command(func(string, *history.History, []check.Result) error { return nil })
	cmd.InitDefaultHelpFlag()
	help := cmd.Long
	same := func(what string, documented, known []string) {
		slices.Sort(documented)
		slices.Sort(known)
		if !slices.Equal(documented, known) {
			t.Errorf("%s: documented are %v, the code knows %v", what, documented, known)
		}
	}
	levels := append(check.LevelNames(), check.Bounded)
	documented, row := rows(t, "Levels")
	same("levels", documented, slices.Clone(levels))
	for _, n := range levels {
		about := check.LevelAbout(n)
		if about == "" || !strings.Contains(row[n], about) || !strings.Contains(help, fmt.Sprintf("  %-20s %s\n", n, about)) {
			t.Errorf("level %s: docs and help do not both say %q", n, about)
		}
	}
	documented, row = rows(t, "Models")
	same("models", documented, check.ModelNames())
	for _, n := range check.ModelNames() {
		about := check.ModelAbout(n)
		if about == "" || !strings.Contains(row[n], about) || !strings.Contains(help, fmt.Sprintf("  %-20s %s\n", n, about)) {
			t.Errorf("model %s: docs and help do not both say %q", n, about)
		}
	}
	documented, _ = rows(t, "Formats")
	same("formats", documented, history.Formats())
	var flags []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
	documented, _ = rows(t, "Options")
	same("options", documented, flags)
}

// TestDocsNeedOfClock: the table says of a level that it needs a clock exactly if
// a history without one leaves it unknown.
func TestDocsNeedOfClock(t *testing.T) {
	_, row := rows(t, "Levels")
	h := &history.History{Header: history.Header{Timeless: true}, Ops: []history.Op{{F: history.Read, Outcome: history.OK}}}
	for _, n := range append(check.LevelNames(), "bounded:1s") {
		r, err := check.Judge(h, n, check.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(n, "bounded:") {
			n = check.Bounded
		}
		if told, needs := strings.Contains(row[n], "Needs a clock"), strings.Contains(r.Why, "has no clock"); told != needs {
			t.Errorf("%s: documented %v, is %v", n, told, needs)
		}
	}
}

var (
	block    = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$")
	fileName = regexp.MustCompile("(?m)^`([a-z.]+)`:\n\n\\z")
)

// TestDocsWereRun writes the sample files of docs/checking.md and runs its
// transcripts. With UPDATE_DOCS set to a path it writes the page with what came out
func TestDocsWereRun(t *testing.T) {
	text := docs(t)
	dir := t.TempDir()
	t.Chdir(dir)
	formats := map[string]bool{}
	var out strings.Builder
	last, transcripts := 0, 0
	for _, at := range block.FindAllStringSubmatchIndex(text, -1) {
		body := text[at[2]:at[3]]
		out.WriteString(text[last:at[2]])
		last = at[2]
		name := fileName.FindStringSubmatch(text[:at[0]])
		switch {
		case name != nil:
			if err := os.WriteFile(filepath.Join(dir, name[1]), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, format, err := history.ReadFormat(strings.NewReader(body), history.Auto, history.DefaultLimits()); err != nil {
				t.Errorf("%s: %v", name[1], err)
			} else {
				formats[format] = true
			}
		case strings.HasPrefix(body, "$ parley check "):
			transcripts++
			got := replay(t, body)
			if got != body && os.Getenv("UPDATE_DOCS") == "" {
				t.Errorf("documented:\n%s\ncame out:\n%s", body, got)
			}
			out.WriteString(got)
			last = at[3]
		}
	}
	out.WriteString(text[last:])
	for _, f := range history.Formats()[1:] {
		if !formats[f] && f != history.DBCop { // binary: no text can show it
			t.Errorf("no sample of format %s", f)
		}
	}
	if transcripts == 0 {
		t.Error("no transcript was run")
	}
	t.Chdir(filepath.Dir(dir))
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(os.Getenv("UPDATE_DOCS"), []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// replay runs the commands of a transcript and gives it as it comes out.
func replay(t *testing.T, body string) string {
	var b strings.Builder
	code := 0
	for _, line := range strings.Split(body, "\n") {
		switch {
		case line == "$ echo $?":
			fmt.Fprintf(&b, "%s\n%d\n", line, code)
		case strings.HasPrefix(line, "$ parley check "):
			var out, errs string
			code, out, errs = run(t, "", strings.Fields(line)[3:]...)
			b.WriteString(line + "\n" + out + errs)
		}
	}
	return b.String()
}
