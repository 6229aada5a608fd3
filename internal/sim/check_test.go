package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// at is a record that was asked at ms and answered a millisecond later.
func at(ms int, session int, v verb, key, value, reply string) *record {
	call := time.Duration(ms) * time.Millisecond
	return &record{
		session: session, verb: v, key: key, value: value, reply: reply, level: kv.Linearizable, node: 1,
		call: call, ret: call + time.Millisecond, outcome: kv.OutcomeOK,
	}
}

// but changes a record.
func but(r *record, change func(*record)) *record {
	change(r)
	return r
}

func str(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

const null = "_\r\n"

// TestCheckers gives each checker of histories one that keeps every promise and
// one that breaks its own.
func TestCheckers(t *testing.T) {
	level := func(l kv.Level) func(*record) { return func(r *record) { r.level = l } }
	failed := func(r *record) { r.outcome = kv.OutcomeFailed }
	unknown := func(r *record) { r.outcome, r.ret = kv.OutcomeUnknown, never }
	lease := func(r *record) { r.ttl, r.stamp = 100*time.Millisecond, clock.At(1000) }
	stamp := func(ms int64) func(*record) { return func(r *record) { r.level, r.stamp = eventual, clock.At(ms) } }
	for _, c := range []struct {
		name    string
		final   map[string]string
		records []*record
		want    []string
	}{
		{"all is well", map[string]string{"log0": "w1;w2;", "count0": "2"}, []*record{
			at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"),
			but(at(2, 2, verbAppend, "log0", "w2;", ""), unknown),
			at(5, 1, verbLog, "log0", "", str("w1;")),
			at(9, 1, verbLog, "log0", "", str("w1;w2;")),
			but(at(9, 3, verbLog, "log0", "", str("w1;")), level(eventual)),
			but(at(9, 3, verbAppend, "log0", "w3;", ""), failed),
			at(1, 1, verbIncr, "count0", "+1", ":1\r\n"),
			at(3, 1, verbIncr, "count0", "+1", ":2\r\n"),
			at(1, 4, verbBoth, "pair0", "w4;", "*2\r\n+OK\r\n+OK\r\n"),
			at(3, 4, verbPair, "pair0", "", "*2\r\n"+str("w4;")+str("w4;")),
			but(at(1, 5, verbLease, "lease0", "w5;", "+OK\r\n"), lease),
			but(at(2, 5, verbLook, "lease0", "", str("w5;")), stamp(1099)),
			but(at(2, 5, verbLook, "lease0", "", null), stamp(1100)),
		}, nil},
		{"a deletion shows a write of unknown outcome", nil, []*record{
			but(at(1, 1, verbSet, "{pair0}b", "w1;", ""), unknown),
			at(5, 2, verbDel, "{pair0}b", "", ":1\r\n"),
			at(7, 2, verbGet, "{pair0}b", "", null),
		}, nil},
		{"a stale linearizable read", map[string]string{"log0": "w1;"}, []*record{
			at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"),
			at(5, 2, verbLog, "log0", "", null),
		}, []string{"linearizable"}},
		{"a read of the future", map[string]string{"log0": "w1;"}, []*record{
			at(1, 2, verbLog, "log0", "", str("w1;")),
			at(5, 1, verbAppend, "log0", "w1;", ":3\r\n"),
		}, []string{"linearizable"}},
		{"half a transaction", nil, []*record{
			at(1, 4, verbBoth, "pair0", "w4;", "*2\r\n+OK\r\n+OK\r\n"),
			at(3, 4, verbPair, "pair0", "", "*2\r\n"+str("w4;")+null),
		}, []string{"linearizable"}},
		{"a swap of a value that had changed", nil, []*record{
			at(1, 4, verbSet, "{pair0}a", "w1;", "+OK\r\n"),
			at(3, 5, verbSet, "{pair0}a", "w2;", "+OK\r\n"),
			but(at(5, 4, verbCAS, "{pair0}a", "w3;", "*1\r\n+OK\r\n"), func(r *record) { r.old = "w1;" }),
		}, []string{"linearizable"}},
		{"own write not read", map[string]string{"log0": "w1;"}, []*record{
			at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"),
			but(at(5, 1, verbLog, "log0", "", null), level(session)),
		}, []string{"session"}},
		{"reads go back", map[string]string{"log0": "w1;"}, []*record{
			at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"),
			but(at(5, 2, verbLog, "log0", "", str("w1;")), level(eventual)),
			but(at(7, 2, verbLog, "log0", "", null), level(session)),
		}, []string{"session"}},
		{"older than the bound", map[string]string{"log0": "w1;"}, []*record{
			at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"),
			but(at(500, 2, verbLog, "log0", "", null), level(bounded(300*time.Millisecond))),
		}, []string{"bounded"}},
		{"a receipt beyond the bound", map[string]string{"log0": ""}, []*record{
			but(at(500, 2, verbLog, "log0", "", null), func(r *record) {
				r.level, r.staleness = bounded(300*time.Millisecond), 301*time.Millisecond
			}),
		}, []string{"bounded"}},
		{"a state that never was", map[string]string{"log0": "w1;w2;"}, []*record{
			but(at(500, 2, verbLog, "log0", "", str("w2;")), level(eventual)),
		}, []string{"prefix"}},
		{"a lost append", map[string]string{"log0": ""}, []*record{
			at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"),
		}, []string{"durability"}},
		{"a lost increment", map[string]string{"count0": "1"}, []*record{
			at(1, 1, verbIncr, "count0", "+1", ":1\r\n"),
			but(at(1, 2, verbIncr, "count0", "+1", ":1\r\n"), func(r *record) { r.ret = time.Second }),
		}, []string{"durability"}},
		{"an append that came twice", map[string]string{"log0": "w1;w1;"}, []*record{
			but(at(1, 1, verbAppend, "log0", "w1;", ""), unknown),
		}, []string{"exactly-once"}},
		{"another reply to the same id", map[string]string{"log0": "w1;"}, []*record{
			but(at(1, 1, verbAppend, "log0", "w1;", ":3\r\n"), func(r *record) { r.again = []string{":6\r\n"} }),
		}, []string{"exactly-once"}},
		{"an increment too many", map[string]string{"count0": "2"}, []*record{
			at(1, 1, verbIncr, "count0", "+1", ":1\r\n"),
		}, []string{"exactly-once"}},
		{"a failure that took effect", map[string]string{"log0": "w1;"}, []*record{
			but(at(1, 1, verbAppend, "log0", "w1;", ""), failed),
		}, []string{"outcome"}},
		{"a lease that shows too long", nil, []*record{
			but(at(1, 5, verbLease, "lease0", "w5;", "+OK\r\n"), lease),
			but(at(2, 5, verbLook, "lease0", "", str("w5;")), stamp(1100)),
		}, []string{"expiry"}},
		{"a lease that is gone too soon", nil, []*record{
			but(at(1, 5, verbLease, "lease0", "w5;", "+OK\r\n"), lease),
			but(at(2, 5, verbLook, "lease0", "", null), stamp(1099)),
		}, []string{"expiry"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, v := range judge(&history{records: c.records, final: c.final}) {
				got = append(got, v.Checker)
			}
			if !slices.Equal(got, c.want) {
				t.Fatalf("found by %v, want %v", got, c.want)
			}
		})
	}
}
