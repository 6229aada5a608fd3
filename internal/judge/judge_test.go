package judge

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// stale is the issue's own example: a session reads 2, then 1 from n2.
const stale = `{"history":"parley/1","model":"register"}
{"type":"invoke","process":1,"time":1000000000,"key":"x","op":"write","value":1}
{"type":"ok","process":1,"time":1100000000}
{"type":"invoke","process":1,"time":2000000000,"key":"x","op":"write","value":2}
{"type":"ok","process":1,"time":2100000000}
{"type":"invoke","process":4,"time":2800000000,"key":"x","op":"read","node":"n1"}
{"type":"ok","process":4,"time":2900000000,"value":2}
{"type":"invoke","process":4,"time":3100000000,"key":"x","op":"read","node":"n2"}
{"type":"ok","process":4,"time":3200000000,"value":1}
`

func run(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = Run(args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

func TestExitCodes(t *testing.T) {
	good := strings.Replace(stale, `"time":3200000000,"value":1`, `"time":3200000000,"value":2`, 1)
	doubled := strings.Replace(good, `"op":"write","value":2`, `"op":"write","value":1`, 1)
	for _, c := range []struct {
		name  string
		stdin string
		args  []string
		code  int
		out   string
		errs  string
	}{
		{"holds", good, []string{"-"}, 0, "linearizable         holds", ""},
		{"violated", stale, []string{"-"}, 1, "n2 answered x=1 to session 4 at 3.2 s, although the same session had read x=2 at 2.9 s; 2 was written after 1", ""},
		{"weaker holds", stale, []string{"-", "--level", "ryw"}, 0, "ryw                  holds", ""},
		{"all", stale, []string{"-", "--level", "all"}, 1, "strongest that holds: ryw, mw, wfr", ""},
		{"bounded", stale, []string{"-", "--level", "bounded:2s"}, 0, "bounded:2s           holds", ""},
		{"not that bounded", stale, []string{"-", "--level", "bounded:500ms"}, 1, "a staleness of 500ms, which is allowed", ""},
		{"unknown", doubled, []string{"-", "--level", "causal"}, 1, "phantom value", ""},
		{"out of steps", doubled, []string{"-", "--steps", "1"}, 2, "the budget of 1 steps ran out", ""},
		{"initial", good, []string{"-", "--initial", "7"}, 0, "holds", ""},
		{"model", good, []string{"-", "--model", "queue", "--level", "linearizable"}, 2, `no operation "write"`, ""},
		{"no such model", good, []string{"-", "--model", "x"}, 2, "", `unknown model "x"`},
		{"no such level", good, []string{"-", "--level", "x"}, 2, "", `unknown level "x"`},
		{"no such format", good, []string{"-", "--format", "x"}, 2, "", `unknown format "x"`},
		{"no such flag", good, []string{"-", "--x"}, 2, "", "unknown flag: --x; see parley check --help"},
		{"bad duration", good, []string{"-", "--level", "bounded:x"}, 2, "", "bounded needs a duration"},
		{"no file", "", nil, 2, "", "want one file"},
		{"missing file", "", []string{"/nowhere/at/all"}, 2, "", "no such file"},
		{"unreadable", good[:len(good)-5], []string{"-"}, 2, "", "-: line 9: the file is cut off"},
		{"too many", good, []string{"-", "--max-ops", "2"}, 2, "", "-: line 6: more than 2 operations; --max-line and --max-ops allow more"},
		{"header's model", strings.Replace(good, `"register"`, `"zebra"`, 1), []string{"-"}, 2, "", `-: line 1: unknown model "zebra"`},
		{"another than the header's", strings.Replace(good, `"register"`, `"zebra"`, 1), []string{"-", "--model", "kv"}, 0, "holds", ""},
		{"empty", "", []string{"-"}, 2, "", "line 1: the file is empty"},
		{"timeless", "w(1,2,0,0)\nr(1,2,1,1)\n", []string{"-", "--level", "linearizable"}, 2, "the history has no clock", ""},
		{"plume", "w(1,2,0,0)\nr(1,2,1,1)\n", []string{"-", "--level", "all"}, 0, "strongest that holds: serializable, causal-convergent, causal-memory", ""},
		{"edn", "{:process 1 :type :invoke :f :read :value nil}\n{:process 1 :type :ok :f :read :value nil}\n", []string{"-"}, 0, "(edn, model kv)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := run(t, c.stdin, c.args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) || c.errs == "" && errs != "" {
				t.Errorf("code %d, want %d\n%s%s", code, c.code, out, errs)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "", path, "--level", "mr,ryw", "--json")
	var v verdicts
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	if code != ExitViolated || v.File != path || v.Format != history.Parley || v.Operations != 4 || len(v.Levels) != 2 || strings.Join(v.Strongest, " ") != "ryw" {
		t.Fatalf("%d %+v", code, v)
	}
	x := v.Levels[0].Violations[0]
	if v.Levels[0].Verdict != "violated" || x.Kind != "stale read" || len(x.Operations) != 4 || x.Operations[3].Line != 8 || string(x.Operations[3].Result) != "1" {
		t.Fatalf("%+v", x)
	}
}

func TestReportIsWritten(t *testing.T) {
	var got []check.Result
	cmd := Command(func(path string, h *history.History, results []check.Result) error {
		got = results
		if path != "out.html" || len(h.Ops) != 4 {
			t.Errorf("%s, %d operations", path, len(h.Ops))
		}
		return nil
	})
	cmd.SetIn(strings.NewReader(stale))
	cmd.SetOut(new(strings.Builder))
	cmd.SetErr(new(strings.Builder))
	cmd.SetArgs([]string{"-", "--level", "ryw", "--report", "out.html"})
	if err := cmd.Execute(); err != nil || len(got) != 1 {
		t.Fatal(err, got)
	}
	var exit *ExitError
	cmd.SetIn(strings.NewReader(stale))
	cmd.SetArgs([]string{"-", "--level", "mr", "--report", "out.html"})
	if err := cmd.Execute(); !errors.As(err, &exit) || exit.ExitCode() != ExitViolated || exit.Unwrap() != nil {
		t.Fatal(err)
	}
}

// TestProgress: a step that takes long is told of, a quick one is not.
func TestProgress(t *testing.T) {
	lines := make(chan string, 1)
	p := progress{w: lineWriter(lines), wait: time.Millisecond}
	p.during("judging", func() int64 { return 5 << 20 }, func() {
		if line := <-lines; !strings.HasPrefix(line, "judging: ") || !strings.Contains(line, "5 MiB read") {
			t.Error(line)
		}
	})
	if _, _, errs := run(t, stale, "-"); errs != "" {
		t.Error(errs)
	}
}

// lineWriter passes on the first line that nobody has taken yet.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	select {
	case w <- string(p):
	default:
	}
	return len(p), nil
}
