package node

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/resp"
)

// scanAll scans a keyspace, each step at another node, and calls between at
// some point on the way.
func scanAll(t *testing.T, c *testCluster, ks kv.KeyspaceID, options string, between func()) map[string]int {
	seen := map[string]int{}
	cursor := "0"
	for step := 0; ; step++ {
		if step == 3 && between != nil {
			between()
		}
		n := c.nodes[step%len(c.nodes)]
		for i := 0; c.cut[n.cfg.ID-1]; i++ {
			n = c.nodes[i]
		}
		p := c.do(n, ks, "scan "+cursor+" "+options)
		v, err := resp.ReadReply(bufio.NewReader(strings.NewReader(p.reply)), resp.DefaultLimits())
		if err != nil || p.err != nil || len(v.Elems) != 2 {
			t.Fatalf("SCAN %s: %q, %v, %v", cursor, p.reply, p.err, err)
		}
		for _, k := range v.Elems[1].Elems {
			seen[k.Str]++
		}
		if cursor = v.Elems[0].Str; cursor == "0" {
			return seen
		}
		if _, err := strconv.ParseUint(cursor, 10, 64); err != nil || step > 10000 {
			t.Fatalf("cursor %q after %d steps", cursor, step)
		}
	}
}

// A scan over shards gives every key exactly once, from any replica and over
// a failover, for numbers of shards that divide the slots and that do not.
func TestScanOverShards(t *testing.T) {
	for _, shards := range []int{2, 3, 7, 64} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			c := newTestCluster(t, 3)
			ks := c.keyspace(shards)
			const keys = 200
			for i := range keys {
				if p := c.do(c.leader(), ks, fmt.Sprintf("set k%d v", i)); p.err != nil {
					t.Fatal(p.err)
				}
			}
			seen := scanAll(t, c, ks, "count 7", func() {
				lead := c.leader()
				c.cut[lead.cfg.ID-1] = true
				c.leader()
			})
			for i := range keys {
				if seen[fmt.Sprint("k", i)] != 1 {
					t.Errorf("k%d was returned %d times", i, seen[fmt.Sprint("k", i)])
				}
			}
			if len(seen) != keys {
				t.Errorf("%d keys, not %d", len(seen), keys)
			}
			if got := scanAll(t, c, ks, "match k1* type string", nil); len(got) != 111 {
				t.Errorf("MATCH k1* found %d keys, not 111", len(got))
			}
			n := c.leader()
			if p := c.do(n, ks, "scan 18446744073709551615"); p.reply != "*2\r\n$1\r\n0\r\n*0\r\n" {
				t.Errorf("the largest cursor: %q, %v", p.reply, p.err)
			}
			if p := c.do(n, ks, "scan x"); p.reply != "-ERR invalid cursor\r\n" {
				t.Errorf("no cursor: %q, %v", p.reply, p.err)
			}
		})
	}
}

// RANDOMKEY draws over all shards by their sizes, and none where there is none.
func TestRandomKeyOverShards(t *testing.T) {
	c := newTestCluster(t, 1)
	ks := c.keyspace(4)
	n := c.nodes[0]
	if p := c.do(n, ks, "randomkey"); p.reply != "_\r\n" || p.err != nil {
		t.Fatalf("of an empty keyspace: %q, %v", p.reply, p.err)
	}
	for i := range 100 {
		tag := "{a}" // one shard has most of the keys
		if i%10 == 0 {
			tag = []string{"{b}", "{c}", "{d}"}[i/10%3]
		}
		if p := c.do(n, ks, fmt.Sprint("set ", tag, i, " v")); p.err != nil {
			t.Fatal(p.err)
		}
	}
	const draws = 400
	heavy := 0
	for _, tag := range []string{"{b}", "{c}", "{d}"} {
		if k := n.Meta().Keyspace(ks); k.Shard(data.Slot([]byte(tag))) == k.Shard(data.Slot([]byte("{a}"))) {
			t.Fatalf("%s shares a shard with {a}", tag)
		}
	}
	for range draws {
		p := c.do(n, ks, "randomkey")
		if p.err != nil || !strings.HasPrefix(p.reply, "$") {
			t.Fatalf("%q, %v", p.reply, p.err)
		}
		if strings.Contains(p.reply, "{a}") {
			heavy++
		}
	}
	// 90 of 100 keys: a draw by shards alone would give about a quarter.
	if heavy < draws*6/10 || heavy == draws {
		t.Errorf("%d of %d draws from the shard with nine of ten keys", heavy, draws)
	}
}

// A command without a key, in a transaction on a keyspace of several shards,
// would see a part of it only.
func TestTransactionWithoutKeyOverShards(t *testing.T) {
	c := newTestCluster(t, 1)
	ks := c.keyspace(4)
	for _, lines := range [][]string{{"dbsize"}, {"set k v", "dbsize"}, {"set k v", "flushdb"}} {
		p := c.wait(c.start(c.nodes[0], Request{Kind: KindTx, Keyspace: ks, Calls: calls(lines...)}))
		if kv.KindOf(p.err) != kv.KindCrossSlot {
			t.Errorf("%v: %q, %v", lines, p.reply, p.err)
		}
	}
	if p := c.do(c.nodes[0], ks, "get k"); p.reply != "_\r\n" {
		t.Errorf("a refused transaction has written: %q", p.reply)
	}
	p := c.wait(c.start(c.nodes[0], Request{Kind: KindTx, Calls: calls("set k v", "dbsize")}))
	if p.reply != "*2\r\n+OK\r\n:1\r\n" {
		t.Errorf("with one shard: %q, %v", p.reply, p.err)
	}
}
