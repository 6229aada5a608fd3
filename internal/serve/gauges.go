package serve

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/loop"
)

// gauges are the metrics that are read from the node when somebody asks. It
// implements prometheus.Collector: answers to several at a time do not mix.
type gauges struct{ s *Server }

// gauge is the name of a metric, its meaning and its labels.
type gauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newGauge(kind prometheus.ValueType, name, help string, labels ...string) gauge {
	return gauge{prometheus.NewDesc("parley_"+name, help, labels, nil), kind}
}

func (g gauge) of(v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(g.desc, g.kind, v, labels...)
}

const (
	isGauge   = prometheus.GaugeValue
	isCounter = prometheus.CounterValue
)

var (
	groupLeader   = newGauge(isGauge, "group_leader", "Number of the node that leads the group, as this node knows; 0 for none.", "group", "keyspace")
	groupLeads    = newGauge(isGauge, "group_is_leader", "1 if this node leads the group.", "group", "keyspace")
	groupTerm     = newGauge(isGauge, "group_term", "Raft term of the replica.", "group", "keyspace")
	groupApplied  = newGauge(isGauge, "group_applied_index", "Index of the last log entry applied.", "group", "keyspace")
	groupCommit   = newGauge(isGauge, "group_commit_index", "Index of the last log entry known to be agreed.", "group", "keyspace")
	groupInflight = newGauge(isGauge, "group_inflight_entries", "Entries that this node proposed and that are not applied yet.", "group", "keyspace")
	groupLag      = newGauge(isGauge, "group_closed_lag_seconds", "Age of the replica's closed timestamp.", "group", "keyspace")

	peerUp     = newGauge(isGauge, "peer_connected", "1 if this node has a connection to the other.", "peer")
	peerRTT    = newGauge(isGauge, "peer_round_trip_seconds", "Round trip to the other node.", "peer")
	peerOffset = newGauge(isGauge, "peer_clock_offset_seconds", "How far the other node's clock is ahead.", "peer")

	clientCount   = newGauge(isGauge, "clients", "Connections of Redis clients.")
	clientMemory  = newGauge(isGauge, "client_memory_bytes", "Memory that connections of clients hold: commands half received, transactions, unread replies.")
	clientEvicted = newGauge(isCounter, "clients_evicted_total", "Clients closed because all together used more than --max-client-memory.")
	bytesIn       = newGauge(isCounter, "received_bytes_total", "Bytes received, of clients and of nodes.")
	bytesOut      = newGauge(isCounter, "sent_bytes_total", "Bytes sent, to clients and to nodes.")

	logBytes   = newGauge(isGauge, "log_bytes", "Size of the log that is kept.")
	stateBytes = newGauge(isGauge, "state_bytes", "Size of the state's files.")
	keyCount   = newGauge(isGauge, "keys", "Keys in this node's copy of a keyspace.", "keyspace")
)

// reading is what a node shows at one moment.
type reading struct {
	status  Status
	loop    loop.Stats
	clients int
	disk    disk.Metrics
	keys    map[string]int64
}

func (s *Server) read() (r reading, err error) {
	if !s.ask(func() {
		r = reading{status: s.status(), loop: s.loop.Stats(), clients: s.front.Clients(), disk: s.disk.Metrics(), keys: map[string]int64{}}
		for _, k := range r.status.Keyspaces {
			if n, here := s.node.Keys(k.ID); here {
				r.keys[k.Name] = n
			}
		}
	}) {
		err = errors.New("the node's loop does not answer")
	}
	return r, err
}

// Describe implements prometheus.Collector: what there is depends on the
// cluster, so it is not said in advance.
func (g gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	r, err := g.s.read()
	if err != nil {
		out <- prometheus.NewInvalidMetric(clientCount.desc, err)
		return
	}
	r.groups(out)
	for _, n := range r.status.Nodes {
		if n.Name == r.status.Node {
			continue
		}
		out <- peerUp.of(number(n.Connected), n.Name)
		out <- peerRTT.of(float64(n.RTT)/1e6, n.Name)
		out <- peerOffset.of(float64(n.Offset)/1e3, n.Name)
	}
	for name, keys := range r.keys {
		out <- keyCount.of(float64(keys), name)
	}
	out <- clientCount.of(float64(r.clients))
	out <- clientMemory.of(float64(r.loop.Memory))
	out <- clientEvicted.of(float64(r.loop.Evicted))
	out <- bytesIn.of(float64(r.loop.BytesIn))
	out <- bytesOut.of(float64(r.loop.BytesOut))
	out <- logBytes.of(float64(r.disk.LogBytes))
	out <- stateBytes.of(float64(r.disk.StateBytes))
}

// groups are the replicas, with the names of their keyspaces; that of the
// configuration has none.
func (r *reading) groups(out chan<- prometheus.Metric) {
	keyspace := map[kv.GroupID]string{}
	for _, k := range r.status.Keyspaces {
		for _, g := range k.Groups {
			keyspace[g] = k.Name
		}
	}
	var self kv.NodeID
	for _, n := range r.status.Nodes {
		if n.Name == r.status.Node {
			self = n.ID
		}
	}
	for _, g := range r.status.Groups {
		labels := []string{strconv.FormatUint(uint64(g.ID), 10), keyspace[g.ID]}
		out <- groupLeader.of(float64(g.Leader), labels...)
		out <- groupLeads.of(number(g.Leader == self), labels...)
		out <- groupTerm.of(float64(g.Term), labels...)
		out <- groupApplied.of(float64(g.Applied), labels...)
		out <- groupCommit.of(float64(g.Commit), labels...)
		out <- groupInflight.of(float64(g.Inflight), labels...)
		if g.Lag >= 0 {
			out <- groupLag.of(float64(g.Lag)/1000, labels...)
		}
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
