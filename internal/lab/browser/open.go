package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Seen is what came of a page.
type Seen struct {
	Errors    []string        // exceptions, and what was written to the console as an error or warning
	Resources []string        // what the page asked for beside itself
	Value     json.RawMessage // what the script returned
}

// names under which Chromium is installed.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// patience is after how long a browser that does not end is taken for broken.
const patience = 2 * time.Minute

const (
	catcher = `<script>
window.seen = { Errors: [], Resources: [] };
addEventListener("error", (e) => seen.Errors.push(String(e.message || "cannot load " + (e.target.src || e.target.href))), true);
addEventListener("unhandledrejection", (e) => seen.Errors.push(String(e.reason)));
for (const level of ["error", "warn"]) { console[level] = (...a) => seen.Errors.push(a.join(" ")); }
</script>`
	runner = `<script>
addEventListener("load", () => {
  try { seen.Value = (() => {%s})(); } catch (e) { seen.Errors.push(String(e.stack || e)); }
  seen.Resources = performance.getEntriesByType("resource").map((r) => r.name);
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
});
</script></body>`
)

// Open loads a page from a file and runs the body of a function in it, whose
// result is in Seen.Value. It skips the test where there is no Chromium.
func Open(t testing.TB, page, script string, flags ...string) Seen {
	t.Helper()
	program := find(t)
	head, rest, ok := strings.Cut(page, "<head>")
	if !ok || !strings.Contains(rest, "</body>") {
		t.Fatal("the page has no head or no body")
	}
	end := strings.LastIndex(rest, "</body>")
	page = head + "<head>" + catcher + rest[:end] + fmt.Sprintf(runner, script) + rest[end+len("</body>"):]
	dir, err := os.MkdirTemp("", "parley-browser-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir) // what Chromium leaves behind is no failure
	path := filepath.Join(dir, "page.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	dom := run(t, program, dir, append(flags, "file://"+path))
	_, text, ok := strings.Cut(dom, `<pre id="seen">`)
	if !ok {
		t.Fatalf("the page did not finish:\n%.2000s", dom)
	}
	text, _, _ = strings.Cut(text, "</pre>")
	var seen Seen
	if err := json.Unmarshal([]byte(html.UnescapeString(text)), &seen); err != nil {
		t.Fatalf("%v in %.2000s", err, text)
	}
	return seen
}

func find(t testing.TB) string {
	t.Helper()
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path
		}
	}
	t.Skip("no Chromium on the path: install Debian's chromium to try pages in a real browser")
	return ""
}

// run gives the page's DOM after it has loaded.
func run(t testing.TB, program, dir string, args []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-extensions", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,900", "--dump-dom",
	}, args...)
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	alone(cmd)
	err := cmd.Run()
	if err != nil {
		t.Fatalf("%s: %v\n%.4000s", program, err, errs.String())
	}
	return out.String()
}

// Check fails the test if the page had errors or wanted anything from elsewhere,
// and decodes what the script returned.
func (s Seen) Check(t testing.TB, into any) {
	t.Helper()
	if len(s.Errors) > 0 || len(s.Resources) > 0 {
		t.Errorf("errors: %q, resources: %q", s.Errors, s.Resources)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(s.Value, into); err != nil {
		t.Fatalf("%v in %s", err, s.Value)
	}
}
