package redis

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/parleydb/parley/internal/lab"
)

// Open is a lab.Opener: "" or "?nodes=N&sentinel=yes" starts a primary and replicas,
// "[:password@]host:port,host:port" takes servers that run.
func Open(ctx context.Context, spec string, out io.Writer) (lab.Target, error) {
	addresses, query, _ := strings.Cut(spec, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("redis target: %w", err) // the spec may hold a password
	}
	o, err := options(values, addresses != "")
	if err != nil {
		return nil, err
	}
	password := ""
	if at := strings.LastIndex(addresses, "@"); at >= 0 {
		password, addresses = strings.TrimPrefix(addresses[:at], ":"), addresses[at+1:]
	}
	if addresses != "" {
		return opened(Connect(ctx, password, strings.Split(addresses, ",")...))
	}
	t, err := Start(ctx, o)
	if err == nil {
		_, _ = fmt.Fprintf(out, "%s, a primary and replicas (%d), serves at %s; data and logs: %s\n", t.Name(), len(t.names)-1, t.servers[0], t.cluster.Dir())
	}
	return opened(t, err)
}

// options are those of servers to be started.
func options(values url.Values, given bool) (o Options, err error) {
	for name := range values {
		text := values.Get(name)
		switch {
		case given || name != "nodes" && name != "sentinel":
			return o, fmt.Errorf("redis target: %q is not known here; there are redis?nodes=N&sentinel=yes and redis://[:PASSWORD@]HOST:PORT,…", name)
		case name == "nodes":
			if o.Nodes, err = strconv.Atoi(text); err != nil || o.Nodes == 0 {
				return o, fmt.Errorf("nodes=%s is no number above zero", text)
			}
		case text != "yes" && text != "no":
			return o, fmt.Errorf("sentinel=%s: yes or no", text)
		default:
			o.Sentinel = text == "yes"
		}
	}
	return o, nil
}

// opened keeps a nil *Target from becoming a lab.Target that is not nil.
func opened(t *Target, err error) (lab.Target, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}
