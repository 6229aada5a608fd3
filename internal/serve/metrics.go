package serve

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parleydb/parley/internal/kv"
)

// metrics are the node's, for Prometheus. What is counted as it happens is
// here; what is read when somebody asks is in gauges.go.
type metrics struct {
	registry *prometheus.Registry
	ops      *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	fsync    prometheus.Histogram
	cached   map[opKey]opMetrics // of the loop's goroutine
	latest   opKey               // the last operation's, of which there are often many
	of       opMetrics           // latest
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
		cached: map[opKey]opMetrics{},
	}
	m.registry.MustRegister(m.ops, m.latency, m.fsync,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) synced(_ int, took time.Duration) { m.fsync.Observe(took.Seconds()) }

// finished is told of every operation, on the loop.
func (m *metrics) finished(command string, level kv.LevelKind, outcome kv.Outcome, took time.Duration) {
	key := opKey{command, level, outcome}
	if key != m.latest {
		om, ok := m.cached[key]
		if !ok {
			om = opMetrics{m.ops.WithLabelValues(command, level.String(), string(outcome)), m.latency.WithLabelValues(command, level.String())}
			m.cached[key] = om
		}
		m.latest, m.of = key, om
	}
	om := m.of
	om.count.Inc()
	om.latency.Observe(took.Seconds())
}

// handler answers GET /metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}
