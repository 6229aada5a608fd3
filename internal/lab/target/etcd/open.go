package etcd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/parleydb/parley/internal/lab"
)

// Open is a lab.Opener: "" or "?nodes=N" starts a cluster, "host:port,host:port"
// takes members that run.
func Open(ctx context.Context, spec string, out io.Writer) (lab.Target, error) {
	addresses, query, _ := strings.Cut(spec, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("etcd://%s: %w", spec, err)
	}
	nodes := 0
	for name := range values {
		if name != "nodes" || addresses != "" {
			return nil, fmt.Errorf("etcd://%s: %q is not known here; there are etcd?nodes=N and etcd://HOST:PORT,…", spec, name)
		}
		if nodes, err = strconv.Atoi(values.Get(name)); err != nil || nodes == 0 {
			return nil, fmt.Errorf("nodes=%s is no number above zero", values.Get(name))
		}
	}
	if addresses != "" {
		return opened(Connect(ctx, strings.Split(addresses, ",")...))
	}
	t, err := Start(ctx, Options{Nodes: nodes})
	if err == nil {
		_, _ = fmt.Fprintf(out, "%s with %d members serves at %s; data and logs: %s\n", t.Name(), len(t.names), t.clients[0], t.cluster.Dir())
	}
	return opened(t, err)
}

// opened keeps a nil *Target from becoming a lab.Target that is not nil.
func opened(t *Target, err error) (lab.Target, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}
