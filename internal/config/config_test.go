package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"pgregory.net/rapid"
)

func load(t *testing.T, file string, args ...string) (Config, error) {
	t.Helper()
	c := Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	Flags(fs, &c)
	if file != "" {
		path := filepath.Join(t.TempDir(), "node.toml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	return c, c.Load(fs)
}

func TestDefaultIsANodeAlone(t *testing.T) {
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	members, err := c.Members()
	if err != nil || len(members) != 1 || members[0] != (Member{1, "n1", "n1", c.Peer}) {
		t.Fatalf("members %v, %v", members, err)
	}
	if c.Site != "n1" || !c.Fsync || c.AllowFaults {
		t.Fatalf("unsafe or incomplete default: %+v", c)
	}
}

func TestFlagsOverrideTheFile(t *testing.T) {
	c, err := load(t, "name = 'n2'\nmax-bulk = '1MiB'\nmax-line = 2048\nop-timeout = '2s'\nfsync = false\ntick = '20ms'\n",
		"--op-timeout", "3s", "--max-line", "4KiB", "--fsync=true")
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "n2" || c.MaxBulk != MiB || c.Tick != 20*time.Millisecond {
		t.Errorf("file ignored: %+v", c)
	}
	if c.OpTimeout != 3*time.Second || c.MaxLine != 4*KiB || !c.Fsync {
		t.Errorf("flags ignored: %+v", c)
	}
}

// Every field is a key of the file and a flag of the same name, with a text
// that tells what it is without.
func TestEveryFieldIsDocumented(t *testing.T) {
	c := Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	Flags(fs, &c)
	flags := 0
	fs.VisitAll(func(f *pflag.Flag) {
		flags++
		shown := f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s"
		if !shown && !strings.Contains(f.Usage, "(default") {
			t.Errorf("--%s: the help shows no default", f.Name)
		}
		if f.Value.Type() == "size" && !strings.Contains(f.Usage, "bytes") {
			t.Errorf("--%s: the help names no unit", f.Name)
		}
	})
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		key := fields.Field(i).Tag.Get("toml")
		if key == "-" {
			key = "config"
		}
		if fs.Lookup(key) == nil {
			t.Errorf("field %s has no flag --%s", fields.Field(i).Name, key)
		}
	}
	if flags != fields.NumField() {
		t.Errorf("%d flags for %d fields", flags, fields.NumField())
	}
}

func TestErrorsSayWhat(t *testing.T) {
	const three = "n1@s1=h:1,n2@s2=h:2,n3@s3=h:3"
	for _, test := range []struct {
		file string
		args []string
		want string
	}{
		{"max-bulks = 1\n[limits]\nline = 2", nil, "unknown keys: max-bulks (line 1), limits (line 2)"},
		{"name = ", nil, "line 1"},
		{"max-bulk = '1 banana'", nil, "1 banana"},
		{"op-timeout = 5", nil, "op-timeout: 5ns is out of range"},
		{"", []string{"--config", "/no/such/file"}, "/no/such/file"},
		{"", []string{"--name", "a b"}, "letters, digits"},
		{"", []string{"--name", ""}, "1 to 64"},
		{"", []string{"--dir", ""}, "dir: is empty"},
		{"", []string{"--resp", "7001"}, "resp: \"7001\" is not host:port"},
		{"", []string{"--http", "h:99999"}, "http: port of"},
		{"", []string{"--http", "127.0.0.1:7001"}, "also the address of resp"},
		{"", []string{"--initial", three, "--peer", ""}, "peer: is empty"},
		{"", []string{"--initial", three, "--name", "n9"}, "n9"},
		{"", []string{"--initial", three, "--site", "s2"}, "n1 is at \"s1\""},
		{"", []string{"--initial", "n1@s1"}, "name@site=host:port"},
		{"", []string{"--initial", "n1=h:1,n1=h:2"}, "listed twice"},
		{"", []string{"--initial", "n1=h:1,n2=h:1"}, "same peer address"},
		{"", []string{"--initial", "n1=:1"}, "give a host"},
		{"", []string{"--max-bulk", "10"}, "max-bulk: 10 is out of range: give 1KiB to 64MiB"},
		{"", []string{"--max-command", "1GiB"}, "max-command: 1GiB is out of range: give 64MiB to 65MiB"},
		{"name = 'n1'\n# colour = 1\n'colour' = 1", nil, "unknown keys: colour (line 3)"},
		{"", []string{"--max-client-memory", "1MiB"}, "max-client-memory"},
		{"", []string{"--max-waiting", "1MiB"}, "max-waiting"},
		{"", []string{"--election-ticks", "2"}, "election-ticks"},
		{"", []string{"--idle-timeout", "1ms"}, "idle-timeout"},
		{"", []string{"--log-level", "loud"}, "log-level: \"loud\" is none of"},
	} {
		_, err := load(t, test.file, test.args...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %q: got %v, want %q", test.file, test.args, err, test.want)
		}
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := load(t, "", "--max-clients", "0", "--resp", "x", "--tick", "1ns")
	for _, want := range []string{"max-clients", "resp", "tick"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestMembersAreNumberedByName(t *testing.T) {
	members, err := ParseMembers("n10@b=h:10, n2=h:2,n1@a=h:1")
	want := []Member{{1, "n1", "a", "h:1"}, {2, "n2", "n2", "h:2"}, {3, "n10", "b", "h:10"}}
	if err != nil || !reflect.DeepEqual(members, want) {
		t.Fatalf("got %v, %v", members, err)
	}
	again, err := ParseMembers(FormatMembers(members))
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Fatalf("written and read again: %v, %v", again, err)
	}
}

func TestSiteComesFromTheList(t *testing.T) {
	c, err := load(t, "", "--name", "n2", "--initial", "n1@s1=h:1,n2@s2=h:2")
	if err != nil || c.Site != "s2" {
		t.Fatalf("site %q, %v", c.Site, err)
	}
}

func TestSizeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Size(rapid.Int64Min(0).Draw(t, "size"))
		var back Size
		if err := back.Set(s.String()); err != nil || back != s {
			t.Fatalf("%d wrote %q and read %d, %v", s, s, back, err)
		}
	})
	for _, bad := range []string{"", "-1", "1KB", "9999999999GiB", "1.5MiB"} {
		if err := new(Size).Set(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// Every flag is in the documentation.
func TestEveryFlagIsInTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	Flags(fs, &c)
	fs.VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(string(text), "`--"+f.Name+"`") && !strings.Contains(string(text), "`--"+f.Name+" ") {
			t.Errorf("docs/operations.md does not have --%s", f.Name)
		}
	})
}
