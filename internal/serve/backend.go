package serve

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/front"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
	"github.com/parleydb/parley/internal/node"
)

// backend is the node as the Redis front sees it.
type backend struct{ s *Server }

func (b backend) Submit(r *node.Request)                   { b.s.node.Submit(r) }
func (b backend) Ahead(id kv.KeyspaceID) bool              { return b.s.node.Ahead(id) }
func (b backend) Prefetch(id kv.KeyspaceID, keys [][]byte) { b.s.node.Prefetch(id, keys) }
func (b backend) Cluster() uint64                          { return b.s.cluster }
func (b backend) Now() int64                               { return b.s.node.Wall() }
func (b backend) Elapsed() time.Duration                   { return b.s.ended }

func (b backend) Site(id kv.NodeID) string {
	if m := b.s.node.Meta().Member(id); m != nil {
		return m.Site
	}
	return ""
}

func (b backend) Keyspace(nameOrNumber string) (kv.KeyspaceID, bool) {
	m := b.s.node.Meta()
	if n, err := strconv.ParseUint(nameOrNumber, 10, 32); err == nil {
		k := m.Keyspace(kv.KeyspaceID(n))
		return kv.KeyspaceID(n), k != nil
	}
	if k := m.Named(nameOrNumber); k != nil {
		return k.ID, true
	}
	return 0, false
}

func (b backend) EachKeyspace(fn func(id kv.KeyspaceID, name string, model kv.Model, shards, replicas int)) {
	for _, k := range b.s.node.Meta().Keyspaces {
		fn(k.ID, k.Name, k.Model, len(k.Groups), k.Replication)
	}
}

func (b backend) CreateKeyspace(name string, model kv.Model, shards, replicas int, timeout time.Duration, done func(error)) {
	b.s.node.Change(meta.Change{Name: name, Model: model, Shards: shards, Replication: replicas}, timeout, done)
}

func (b backend) DropKeyspace(name string, timeout time.Duration, done func(error)) {
	b.s.node.Change(meta.Change{Drop: name}, timeout, done)
}

func (b backend) Refresh(timeout time.Duration, done func(error)) { b.s.node.Refresh(timeout, done) }

func (b backend) Await(token kv.Token, timeout time.Duration, done func(error)) {
	b.s.node.Await(token, timeout, done)
}

func (b backend) Acknowledged(id kv.KeyspaceID) int {
	if k := b.s.node.Meta().Keyspace(id); k != nil {
		return k.Replication / 2 // a majority, less the leader
	}
	return 0
}

func (b backend) Info(section string) string {
	s := b.s
	var out strings.Builder
	part := func(name string, lines ...string) {
		if section == "" || strings.EqualFold(section, name) || strings.EqualFold(section, "all") || strings.EqualFold(section, "everything") {
			fmt.Fprintf(&out, "# %s\r\n%s\r\n\r\n", name, strings.Join(lines, "\r\n"))
		}
	}
	st := s.loop.Stats()
	_, port, _ := net.SplitHostPort(s.cfg.RESP)
	part("Server", "redis_version:"+front.RedisVersion, "redis_mode:standalone", "parley_version:"+Version(),
		"os:"+runtime.GOOS+" "+runtime.GOARCH, "arch_bits:"+strconv.Itoa(strconv.IntSize), "process_id:"+strconv.Itoa(os.Getpid()), "tcp_port:"+port,
		"node:"+s.self.Name, "site:"+s.self.Site, "uptime_in_seconds:"+strconv.Itoa(int(s.loop.Now().Seconds())))
	part("Clients", "connected_clients:"+strconv.Itoa(s.front.Clients()), "maxclients:"+strconv.Itoa(s.cfg.MaxClients), "blocked_clients:0")
	part("Memory", fmt.Sprintf("used_memory:%d", heapBytes()), "maxmemory:0", "maxmemory_policy:noeviction")
	total := s.front.Totals()
	part("Stats", fmt.Sprintf("total_connections_received:%d", total.Connections), fmt.Sprintf("total_commands_processed:%d", total.Commands),
		fmt.Sprintf("total_net_input_bytes:%d", st.BytesIn), fmt.Sprintf("total_net_output_bytes:%d", st.BytesOut))
	part("Replication", "role:master", "connected_slaves:0")
	var groups []string
	for _, g := range s.node.Groups() {
		groups = append(groups, fmt.Sprintf("%v:role=%s,leader=n%d,term=%d,applied=%d", g.ID, g.Role, g.Leader, g.Term, g.Applied))
	}
	part("Groups", groups...)
	var spaces []string
	for _, k := range s.node.Meta().Keyspaces {
		if keys, here := s.node.Keys(k.ID); here && keys > 0 {
			spaces = append(spaces, fmt.Sprintf("db%d:keys=%d,name=%s", k.ID, keys, k.Name))
		}
	}
	part("Keyspace", spaces...)
	return out.String()
}

// heapBytes is the memory in use by objects, without stopping the world.
func heapBytes() uint64 {
	sample := []runtimemetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtimemetrics.Read(sample)
	return sample[0].Value.Uint64()
}

// Version is the version of this build.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
