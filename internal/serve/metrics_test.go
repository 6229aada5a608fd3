package serve

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/parleydb/parley/clock"
)

// scrape is /metrics: the value of each metric with its labels.
func scrape(t *testing.T, s *Server) map[string]float64 {
	t.Helper()
	w := get(s, "GET", "/metrics", "")
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	out := map[string]float64{}
	for _, line := range strings.Split(w.Body.String(), "\n") {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatal(line)
		}
		out[line[:at]] = v
	}
	return out
}

// Operations are counted by command, level and outcome, those too that are
// refused; a transaction is one.
func TestOperationsAreCounted(t *testing.T) {
	s, _ := run(t, testConfig(t))
	for _, body := range []string{
		`{"command":["SET","k","v"]}`, `{"command":["SET","k","v"]}`, `{"command":["INCR","k"]}`, `{"command":["GET","k"]}`,
		`{"command":["GET","k"],"level":"eventual"}`, `{"command":["GET","k"],"level":"bounded:10s"}`,
		`{"command":["OUTCOME","id","k"]}`, `{"command":["KEYSPACE","CREATE","wide","SHARDS","4"]}`,
		`{"command":["MSET","a","1","b","2"],"keyspace":"wide"}`,
	} {
		command(t, s, body)
	}
	exchange(t, s.cfg.RESP, "WATCH k\r\nMULTI\r\nSET k 1\r\nGET k\r\nEXEC\r\nQUIT\r\n")
	got := scrape(t, s)
	for series, want := range map[string]float64{
		`{command="set",level="linearizable",outcome="ok"}`:      2,
		`{command="incr",level="linearizable",outcome="failed"}`: 1,
		`{command="get",level="linearizable",outcome="ok"}`:      1,
		`{command="get",level="eventual",outcome="ok"}`:          1,
		`{command="get",level="bounded",outcome="ok"}`:           1,
		`{command="outcome",level="linearizable",outcome="ok"}`:  1,
		`{command="mset",level="linearizable",outcome="failed"}`: 1,
		`{command="watch",level="linearizable",outcome="ok"}`:    1,
		`{command="exec",level="linearizable",outcome="ok"}`:     1,
	} {
		if n := got["parley_operations_total"+series]; n != want {
			t.Errorf("%s: %v, want %v", series, n, want)
		}
	}
	if n := got[`parley_operation_seconds_count{command="set",level="linearizable"}`]; n != 2 {
		t.Errorf("the histogram of SET has %v", n)
	}
	until(t, "the client to be gone", func() bool { return scrape(t, s)["parley_clients"] == 0 })
	if got[`parley_keys{keyspace="main"}`] != 1 || got["parley_received_bytes_total"] == 0 ||
		got["parley_log_bytes"] == 0 || got["go_goroutines"] == 0 || got["process_resident_memory_bytes"] == 0 {
		t.Errorf("keys %v, clients %v, received %v, log %v", got[`parley_keys{keyspace="main"}`], got["parley_clients"], got["parley_received_bytes_total"], got["parley_log_bytes"])
	}
}

// The time of an operation has the wait for the disk in it, in metrics and in
// the slow log, also where the answer comes in the round of the question.
func TestTimesHaveTheDiskInThem(t *testing.T) {
	cfg := testConfig(t)
	cfg.AllowFaults = true
	s, _ := run(t, cfg)
	command(t, s, `{"command":["SET","k","fast"]}`)
	if w := get(s, "POST", "/faults", `{"sync":"300ms"}`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	command(t, s, `{"command":["SET","k","slow"]}`)
	get(s, "POST", "/faults", `{}`)
	got := scrape(t, s)
	if sum := got[`parley_operation_seconds_sum{command="set",level="linearizable"}`]; sum < 0.3 {
		t.Errorf("two SETs took %v s", sum)
	}
	if sum := got["parley_fsync_seconds_sum"]; sum < 0.3 || got["parley_fsync_seconds_count"] < 2 {
		t.Errorf("syncs took %v s", sum)
	}
	log := exchange(t, cfg.RESP, "SLOWLOG GET\r\nQUIT\r\n")
	took := regexp.MustCompile(`:(\d+)\r\n\*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$4\r\nslow`).FindStringSubmatch(log)
	if took == nil {
		t.Fatalf("the slow log is %q", log)
	}
	if us, _ := strconv.Atoi(took[1]); us < 300_000 {
		t.Errorf("the slow log says %s us", took[1])
	}
}

// A replica that has applied nothing has no closed timestamp, not one from 1970.
func TestLagBeforeTheFirstEntry(t *testing.T) {
	if got := lag(1_800_000_000_000, 0); got != -1 {
		t.Errorf("a lag of %d ms", got)
	}
	if got := lag(2000, clock.At(1500)); got != 500 {
		t.Errorf("a lag of %d ms, not 500", got)
	}
	cfg := testConfig(t)
	cfg.Name, cfg.Initial = "n1", "n1="+cfg.Peer+",n2="+freeAddress(t)+",n3="+freeAddress(t)
	s, _ := run(t, cfg) // alone of three: nothing can be applied
	for series, v := range scrape(t, s) {
		if strings.HasPrefix(series, "parley_group_closed_lag_seconds") {
			t.Errorf("%s is %v", series, v)
		}
	}
}

// Each node tells where each group stands, and how it sees the others.
func TestStateOfGroups(t *testing.T) {
	nodes, stop := startCluster(t)
	lead := leader(nodes)
	leads := 0.0
	for _, s := range nodes {
		until(t, "a closed timestamp", func() bool {
			_, ok := scrape(t, s)[`parley_group_closed_lag_seconds{group="1",keyspace="main"}`]
			return ok
		})
		got := scrape(t, s)
		at := func(name string) float64 {
			v, ok := got[fmt.Sprintf(`parley_group_%s{group="1",keyspace="main"}`, name)]
			if !ok {
				t.Errorf("%s: there is no %s", s.cfg.Name, name)
			}
			return v
		}
		leads += at("is_leader")
		if at("leader") != float64(lead+1) || at("term") < 1 || at("applied_index") < 1 || at("commit_index") < at("applied_index") ||
			at("inflight_entries") < 0 || at("closed_lag_seconds") > 30 {
			t.Errorf("%s: %v", s.cfg.Name, got)
		}
		for _, o := range nodes {
			peer := fmt.Sprintf(`{peer=%q}`, o.cfg.Name)
			if up, ok := got["parley_peer_connected"+peer]; (o != s) != ok || o != s && up != 1 {
				t.Errorf("%s sees %s connected: %v, %v", s.cfg.Name, o.cfg.Name, up, ok)
			}
		}
	}
	if leads != 1 {
		t.Errorf("%v nodes lead", leads)
	}
	follower := (lead + 1) % 3
	if err := stop[follower](); err != nil {
		t.Fatal(err)
	}
	series := fmt.Sprintf(`parley_peer_connected{peer=%q}`, nodes[follower].cfg.Name)
	until(t, "the stopped node to be missed", func() bool { return scrape(t, nodes[lead])[series] == 0 })
}
