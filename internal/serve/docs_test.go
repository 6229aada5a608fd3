package serve

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every metric of the node is in the documentation, there in full or after the
// one before it by its end, as `_term`.
func TestEveryMetricIsInTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	nodes, _ := startCluster(t)
	command(t, nodes[0], `{"command":["SET","k","v"]}`)
	known := map[string]bool{}
	for series := range scrape(t, nodes[0]) {
		name, _, _ := strings.Cut(series, "{")
		name = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if known[name] || !strings.HasPrefix(name, "parley_") {
			continue
		}
		known[name] = true
		found := strings.Contains(string(text), "`"+name+"`")
		for at := range name {
			found = found || at > len("parley_") && name[at] == '_' && strings.Contains(string(text), "`"+name[at:]+"`")
		}
		if !found {
			t.Errorf("docs/operations.md does not have %s", name)
		}
	}
	if len(known) < 20 {
		t.Errorf("only %d metrics: %v", len(known), known)
	}
}
