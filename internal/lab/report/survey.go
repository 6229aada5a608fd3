package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/axis"
)

// How finely a run is counted.
const (
	mostBuckets  = 240
	leastBuckets = 12
	mostRows     = 48      // of the overview
	mostKeys     = 100_000 // that are counted
)

// survey is a history counted into buckets of time and rows of sessions.
type survey struct {
	ops      int
	outcomes [3]int // by history.Outcome
	from, to int64
	sessions []string // in the order of their names
	keys     int
	moreKeys bool
	nodes    []string
	width    uint64 // of a bucket, in nanoseconds
	buckets  []bucket
	rows     [][]tally // by row and bucket
	perRow   int       // sessions in a row

	byName    map[string]int32
	byProcess map[int64]int32
}

// tally counts operations by their outcome.
type tally [3]uint32

// bucket is a short time of the run.
type bucket struct {
	done    tally // by when they returned; the ambiguous by when they were called
	latency *histogram
}

func newSurvey(h *history.History) *survey {
	s := &survey{ops: len(h.Ops), byName: make(map[string]int32), byProcess: make(map[int64]int32)}
	s.measure(h)
	s.sortSessions()
	n := min(max(s.ops/5, leastBuckets), mostBuckets)
	length := uint64(s.to) - uint64(s.from)
	s.width = max(uint64(axis.Round(float64(length)/float64(n))), 1)
	s.buckets = make([]bucket, max((length+s.width-1)/s.width, 1))
	s.perRow = max((len(s.sessions)+mostRows-1)/mostRows, 1)
	s.rows = make([][]tally, (len(s.sessions)+s.perRow-1)/s.perRow)
	for i := range s.rows {
		s.rows[i] = make([]tally, len(s.buckets))
	}
	for i := range h.Ops {
		s.add(&h.Ops[i])
	}
	return s
}

// measure finds the run's extent and its names.
func (s *survey) measure(h *history.History) {
	keys, nodes := make(map[[2]string]bool), make(map[string]bool)
	s.from, s.to = math.MaxInt64, math.MinInt64
	for i := range h.Ops {
		op := &h.Ops[i]
		s.from, s.to = min(s.from, op.Call), max(s.to, ended(op))
		s.outcomes[op.Outcome]++
		if op.Session == "" {
			s.byProcess[op.Process] = 0
		} else {
			s.byName[op.Session] = 0
		}
		if op.Node != "" && len(nodes) < mostKeys {
			nodes[op.Node] = true
		}
		if len(keys) >= mostKeys {
			s.moreKeys = true
			continue
		}
		if op.F != history.Txn {
			keys[[2]string{op.Keyspace, op.Key}] = true
			continue
		}
		for _, st := range op.Txn {
			keys[[2]string{op.Keyspace, st.Key}] = true
		}
	}
	if s.ops == 0 {
		s.from, s.to = 0, 0
	}
	s.keys = len(keys)
	for n := range nodes {
		s.nodes = append(s.nodes, n)
	}
	slices.SortFunc(s.nodes, byNumber)
}

// ended is when an operation returned, or was called if it did not.
func ended(op *history.Op) int64 {
	if op.Return == history.Never {
		return op.Call
	}
	return max(op.Call, op.Return)
}

// sortSessions numbers the sessions in the order of their names. A process
// without a session's name has the name of its number.
func (s *survey) sortSessions() {
	for name := range s.byName {
		s.sessions = append(s.sessions, name)
	}
	for p := range s.byProcess {
		if name := strconv.FormatInt(p, 10); !has(s.byName, name) {
			s.sessions = append(s.sessions, name)
		}
	}
	slices.SortFunc(s.sessions, byNumber)
	for i, name := range s.sessions {
		if has(s.byName, name) {
			s.byName[name] = int32(i)
		}
		if p, err := strconv.ParseInt(name, 10, 64); err == nil && has(s.byProcess, p) {
			s.byProcess[p] = int32(i)
		}
	}
}

func has[K comparable, V any](m map[K]V, k K) bool { _, ok := m[k]; return ok }

// byNumber orders names as people do: n2 before n10.
func byNumber(a, b string) int {
	i, n := number(a)
	j, m := number(b)
	return cmp.Or(cmp.Compare(a[:i], b[:j]), cmp.Compare(n, m), cmp.Compare(a, b))
}

// number is the number at the end of a name and where it begins; -1 if there is none.
func number(s string) (at, n int) {
	at = len(s)
	for at > 0 && len(s)-at < 18 && '0' <= s[at-1] && s[at-1] <= '9' {
		at--
	}
	n, err := strconv.Atoi(s[at:])
	if err != nil {
		return at, -1
	}
	return at, n
}

func (s *survey) session(op *history.Op) int {
	if op.Session == "" {
		return int(s.byProcess[op.Process])
	}
	return int(s.byName[op.Session])
}

func (s *survey) bucketOf(t int64) int {
	return min(int((uint64(t)-uint64(s.from))/s.width), len(s.buckets)-1)
}

func (s *survey) row(op *history.Op) int { return s.session(op) / s.perRow }

func (s *survey) grouped() bool { return s.perRow > 1 }

func (s *survey) add(op *history.Op) {
	at := s.bucketOf(ended(op))
	b := &s.buckets[at]
	b.done[op.Outcome]++
	s.rows[s.row(op)][at][op.Outcome]++
	if op.Outcome != history.OK {
		return
	}
	if b.latency == nil {
		b.latency = new(histogram)
	}
	b.latency.add(uint64(ended(op)) - uint64(op.Call))
}

// begin is when a bucket begins; the last ends with the run.
func (s *survey) begin(i int) int64 { return int64(uint64(s.from) + uint64(i)*s.width) }

func (s *survey) end(i int) int64 {
	if i == len(s.buckets)-1 {
		return max(s.to, s.begin(i))
	}
	return s.begin(i + 1)
}

// each says how long a bucket is in words.
func (s *survey) each() string { return axis.Duration(float64(s.width)) }
