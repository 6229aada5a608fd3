package parley

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/lab"
)

var _ lab.Led = (*target)(nil)

// Leader implements lab.Led: the node that leads the group of keyspace main, by
// its own word; of several, the one of the newest term.
func (t *target) Leader(ctx context.Context) (int, error) {
	leader, newest := -1, -1
	for n := range t.nodes {
		once, cancel := context.WithTimeout(ctx, time.Second) // it may stand still
		text, err := t.info(once, n, "groups")
		cancel()
		if err != nil {
			continue
		}
		_, main, _ := strings.Cut(text, mainGroup)
		var term int
		line, _, _ := strings.Cut(main, "\r\n")
		role, rest, _ := strings.Cut(line, ",")
		if _, after, ok := strings.Cut(rest, "term="); ok {
			_, _ = fmt.Sscanf(after, "%d", &term) // 0 if it is not there
		}
		if strings.HasSuffix(role, "Leader") && term > newest {
			leader, newest = n, term
		}
	}
	if leader < 0 {
		return -1, errors.New("no node of Parley says that it leads")
	}
	return leader, nil
}

// mainGroup begins the line of INFO about the group of keyspace main.
const mainGroup = "g1:role="

// info is a section of a node's INFO.
func (t *target) info(ctx context.Context, n int, section string) (string, error) {
	c, err := open(ctx, t.addresses[n], t.nodes[n], lab.Session{Model: "register"})
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	r, err := c.call(ctx, command{"INFO", section})
	if err != nil {
		return "", err
	}
	return r[0].Str, nil
}
