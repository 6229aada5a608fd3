package browser

import (
	"strings"
	"testing"
)

// TestSees: errors of a page, and what it wants from elsewhere, do not pass
// unseen; otherwise tests with this package could not fail.
func TestSees(t *testing.T) {
	seen := Open(t, `<!doctype html><html><head><link rel="stylesheet" href="http://parley.example/a.css"></head>
<body><p>one</p><script>console.error("two"); nobody();</script></body></html>`, `return document.querySelector("p").textContent;`)
	all := strings.Join(seen.Errors, "\n")
	for _, want := range []string{"two", "nobody is not defined", "cannot load http://parley.example/a.css"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %q", want, all)
		}
	}
	if len(seen.Resources) != 1 || string(seen.Value) != `"one"` {
		t.Errorf("%+v", seen)
	}
}
