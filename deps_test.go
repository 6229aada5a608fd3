package parley_test

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/parleydb/parley/"

// allowed says which packages of the module each package may import. What is
// not listed is not allowed, so that a new import is a decision. The reasons
// are in docs/architecture.md.
var allowed = map[string]string{
	"clock":                "",
	"history":              "clock",
	"check":                "history clock",
	"internal/kv":          "clock",
	"internal/resp":        "",
	"internal/data":        "clock internal/resp",
	"internal/group":       "internal/planted clock internal/kv",
	"internal/meta":        "internal/kv",
	"internal/disk":        "internal/planted",
	"internal/wire":        "internal/kv",
	"internal/lane":        "internal/wire",
	"internal/loop":        "",
	"internal/node":        "internal/planted clock internal/kv internal/resp internal/data internal/group internal/meta internal/disk internal/wire",
	"internal/front":       "clock internal/kv internal/resp internal/data internal/node",
	"internal/config":      "",
	"internal/serve":       "clock internal/kv internal/resp internal/config internal/disk internal/front internal/group internal/lane internal/loop internal/meta internal/node internal/wire",
	"internal/sim":         "internal/planted clock internal/kv internal/data internal/disk internal/group internal/lane internal/meta internal/node internal/wire internal/sim/crashfs",
	"internal/sim/crashfs": "",
	"internal/planted":     "",
	"internal/judge":       "history check",
	"internal/dev":         "internal/config",
	"internal/cli":         "internal/dev internal/config internal/resp",

	"internal/lab":                 "history",
	"internal/lab/axis":            "",
	"internal/lab/browser":         "", // for tests
	"internal/lab/spacetime":       "internal/lab/axis",
	"internal/lab/report":          "history check internal/lab/axis internal/lab/spacetime",
	"internal/lab/generals":        "",
	"internal/lab/idea":            "clock history check internal/resp internal/dev internal/lab/generals internal/lab/spacetime internal/lab/story",
	"internal/lab/story":           "",
	"internal/lab/workload":        "history",
	"internal/lab/nemesis":         "internal/lab",
	"internal/lab/target/parley":   "history internal/dev internal/lab internal/lab/respclient internal/resp",
	"internal/lab/verify":          "history check internal/judge internal/lab internal/lab/nemesis internal/lab/report internal/lab/workload",
	"cmd/parley":                   "internal/cli internal/config check history internal/judge internal/lab/analyze internal/lab/idea internal/lab/target/parley internal/lab/report internal/lab/target/etcd internal/lab/target/redis internal/lab/verify internal/serve internal/sim",
	"internal/lab/analyze":         "history check internal/lab internal/lab/nemesis internal/lab/report internal/lab/script internal/lab/story internal/lab/verify internal/lab/workload",
	"internal/lab/proxy":           "internal/lab",
	"internal/lab/servers":         "internal/lab internal/lab/proxy",
	"internal/lab/respclient":      "internal/resp",
	"internal/lab/script":          "history internal/lab",
	"internal/lab/target/schedule": "history check internal/lab internal/lab/script",
	"internal/lab/target/etcd":     "history internal/lab internal/lab/servers",
	"internal/lab/target/redis":    "history internal/resp internal/lab internal/lab/servers internal/lab/respclient",
}

// pure packages take time as an argument and return effects: no goroutine,
// lock, clock, random source, file or socket.
var pure = []string{"clock", "history", "check", "internal/kv", "internal/planted", "internal/data", "internal/group", "internal/lane", "internal/meta", "internal/lab/axis", "internal/lab/spacetime", "internal/lab/generals"}

// impure standard packages. time is allowed for its types; impureCalls lists
// what of it is not.
var impure = []string{"os", "net", "net/http", "sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand", "runtime", "log", "log/slog", "io/ioutil", "syscall"}

var impureCalls = []string{"time.Now(", "time.Since(", "time.Sleep(", "time.After(", "time.NewTimer(", "time.NewTicker(", "time.Tick(", "time.Until("}

// exempt files of pure packages, with the reason.
var exempt = map[string]string{}

func goFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !strings.HasSuffix(f, "_test.go") {
			files = append(files, f)
		}
	}
	return files
}

func imports(t *testing.T, file string) (paths []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

// TestImportDirection keeps imports going one way.
func TestImportDirection(t *testing.T) {
	err := filepath.WalkDir(".", func(dir string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir == "bench" || strings.HasPrefix(d.Name(), ".") && dir != "." || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		files := goFiles(t, dir)
		if len(files) == 0 {
			return nil
		}
		may, known := allowed[filepath.ToSlash(dir)]
		if !known {
			t.Errorf("package %s is not in the table of allowed imports: add it with what it may import", dir)
		}
		for _, f := range files {
			for _, p := range imports(t, f) {
				own, ok := strings.CutPrefix(p, module)
				if ok && !strings.Contains(" "+may+" ", " "+own+" ") {
					t.Errorf("%s imports %s, which %s may not", f, own, dir)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPureCore keeps the core free of what would make a run irreproducible.
func TestPureCore(t *testing.T) {
	for _, dir := range pure {
		files := goFiles(t, dir)
		if len(files) == 0 {
			t.Errorf("pure package %s has no files", dir)
		}
		for _, f := range files {
			if exempt[path.Clean(f)] == "" {
				checkPure(t, f)
			}
		}
	}
}

func checkPure(t *testing.T, file string) {
	for _, p := range imports(t, file) {
		for _, bad := range impure {
			if p == bad {
				t.Errorf("%s imports %s: the core is pure", file, p)
			}
		}
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(src), "\n") {
		code, _, _ := strings.Cut(line, "//")
		for _, bad := range impureCalls {
			if strings.Contains(code, bad) {
				t.Errorf("%s:%d calls %s): the core takes time as an argument", file, i+1, bad)
			}
		}
		if strings.HasPrefix(strings.TrimSpace(code), "go func") {
			t.Errorf("%s:%d starts a goroutine: the core has none", file, i+1)
		}
	}
}
