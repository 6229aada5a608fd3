package data

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the replies into testdata instead of comparing")

// A transcript is a text file: "> SET key value" is a command, with words quoted
// as in Go where needed, and the line after it is the reply. "! sleep 1000" moves
// the clocks by ms, "! wall 1000" only the node's clock, "! sweep 10" sweeps, and
// "! lagging" and "! next" show what the Store says. Empty lines and lines that
// begin with # are for the reader; a line "---" empties the store.

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			w := newWorld()
			out := replay(t, file, func(line string, args []string) string {
				switch {
				case line == "---":
					w = newWorld()
					return ""
				case line[0] == '!':
					return w.direct(t, args)
				}
				return w.do(args...).String()
			})
			if err := w.checkLayout(); err != nil {
				t.Error(err)
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestTranscriptsAgainstRedis holds a real server to the transcripts that claim
// to show what Redis does.
func TestTranscriptsAgainstRedis(t *testing.T) {
	r := startRedis(t)
	files, _ := filepath.Glob("testdata/redis/*.txt")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r.do("FLUSHALL")
			replay(t, file, func(line string, args []string) string {
				if line == "---" {
					r.do("FLUSHALL")
					return ""
				}
				return r.do(args...).String()
			})
		})
	}
}

func (w *world) direct(t *testing.T, args []string) string {
	n := int64(0)
	if len(args) > 1 {
		var err error
		if n, err = strconv.ParseInt(args[1], 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	switch args[0] {
	case "sleep":
		w.sleep(n)
		return ""
	case "wall":
		w.env.Wall += n
		return ""
	case "sweep":
		return fmt.Sprint(w.s.Sweep(&w.env, int(n)))
	case "lagging":
		return fmt.Sprint(w.s.Lagging())
	case "next":
		return fmt.Sprint(w.s.NextExpiry())
	}
	t.Fatalf("unknown directive %q", args)
	return ""
}

// replay runs a transcript, compares its replies and returns it with the replies
// that came. run returns nothing for lines without a reply.
func replay(t *testing.T, file string, run func(line string, args []string) string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out.WriteString(line + "\n")
		if line == "" || line[0] != '>' && line[0] != '!' && line != "---" {
			continue
		}
		args, err := words(strings.TrimLeft(line, ">!- "))
		if err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
		got := run(line, args)
		if got == "" {
			continue
		}
		want := ""
		if i+1 < len(lines) && isReply(lines[i+1]) {
			i++
			want = lines[i]
		}
		if got != want && !*rewrite {
			t.Errorf("%s:%d: %s: got %s, want %s", file, i+1, line, got, want)
		}
		out.WriteString(got + "\n")
	}
	return out.String()
}

func isReply(line string) bool {
	return line != "" && line != "---" && !strings.ContainsAny(line[:1], ">!#")
}

// words splits at spaces; a word in quotes is a Go string.
func words(line string) (args []string, err error) {
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		word, rest, _ := strings.Cut(line, " ")
		if line[0] == '"' {
			q, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("quoting in %q: %w", line, err)
			}
			word, _ = strconv.Unquote(q)
			rest = line[len(q):]
		}
		args = append(args, word)
		line = rest
	}
	return args, nil
}
