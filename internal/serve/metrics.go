package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parleydb/parley/internal/kv"
)

// metrics are the node's, for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	ops      *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	fsync    prometheus.Histogram
	group    *prometheus.GaugeVec
	cached   map[opKey]opMetrics // of the loop's goroutine
}

type opKey struct {
	command string
	level   kv.LevelKind
	outcome kv.Outcome
}

type opMetrics struct {
	count   prometheus.Counter
	latency prometheus.Observer
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		ops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operations_total", Help: "Operations of clients of this node."}, []string{"command", "level", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_operation_seconds", Help: "Time from receiving an operation to its outcome.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 17)}, []string{"command", "level"}),
		fsync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_fsync_seconds", Help: "Time to make a round's log records durable.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 16)}),
		group: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_group", Help: "State of a Raft group's replica on this node, by field."}, []string{"group", "field"}),
		cached: map[opKey]opMetrics{},
	}
	m.registry.MustRegister(m.ops, m.latency, m.fsync, m.group)
	return m
}

func (m *metrics) synced(_ int, took time.Duration) { m.fsync.Observe(took.Seconds()) }

// finished is told of every operation, on the loop.
func (m *metrics) finished(command string, level kv.LevelKind, outcome kv.Outcome, took time.Duration) {
	key := opKey{command, level, outcome}
	om, ok := m.cached[key]
	if !ok {
		om = opMetrics{m.ops.WithLabelValues(command, level.String(), string(outcome)), m.latency.WithLabelValues(command, level.String())}
		m.cached[key] = om
	}
	om.count.Inc()
	om.latency.Observe(took.Seconds())
}

func (m *metrics) handler(s *Server) http.Handler {
	next := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var st Status
		if !s.ask(func() { st = s.status() }) {
			http.Error(w, "the node's loop does not answer", http.StatusServiceUnavailable)
			return
		}
		m.group.Reset()
		for _, g := range st.Groups {
			id := strconv.FormatUint(uint64(g.ID), 10)
			for field, v := range map[string]float64{
				"leader": float64(g.Leader), "term": float64(g.Term), "applied": float64(g.Applied),
				"commit": float64(g.Commit), "closed_lag_seconds": float64(g.Lag) / 1000, "inflight": float64(g.Inflight),
			} {
				m.group.WithLabelValues(id, field).Set(v)
			}
		}
		next.ServeHTTP(w, r)
	})
}
