package meta

import (
	"slices"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/kv"
)

func members(sites ...string) (list []Member) {
	for i, s := range sites {
		list = append(list, Member{ID: kv.NodeID(i + 1), Name: "n", Site: s})
	}
	return list
}

func TestMainExistsFromTheStart(t *testing.T) {
	c := Initial(members("a", "b", "c", "d"))
	k := c.Named("main")
	if k == nil || k.ID != kv.MainKeyspace || len(k.Groups) != 1 || len(k.Groups[0].Replicas) != 3 {
		t.Fatalf("keyspace main is %+v", k)
	}
	if _, err := c.Apply(Change{Drop: "main"}); err == nil {
		t.Fatal("keyspace main could be dropped")
	}
}

func TestReplicasSpreadOverSites(t *testing.T) {
	c := Initial(members("a", "a", "b", "b", "c", "c"))
	c, err := c.Apply(Change{Name: "x", Model: kv.ModelStrong, Shards: 12})
	if err != nil {
		t.Fatal(err)
	}
	load := map[kv.NodeID]int{}
	for _, g := range c.Named("x").Groups {
		sites := map[string]bool{}
		for _, id := range g.Replicas {
			sites[c.Member(id).Site] = true
			load[id]++
		}
		if len(sites) != 3 || !slices.IsSorted(g.Replicas) {
			t.Errorf("group %v has replicas %v in %d sites", g.ID, g.Replicas, len(sites))
		}
	}
	for id, n := range load {
		if n < 5 || n > 7 { // keyspace main has one group too
			t.Errorf("node %v has %d of 36 replicas, far from 6", id, n)
		}
	}
}

func TestEverySlotHasOneShard(t *testing.T) {
	for _, shards := range []int{1, 2, 3, 7, 64, 1024} {
		k := Keyspace{Groups: make([]Group, shards)}
		for slot := range Slots {
			s := k.Shard(uint16(slot))
			if first := int(k.FirstSlot(s)); slot < first || s+1 < shards && slot >= int(k.FirstSlot(s+1)) {
				t.Fatalf("%d shards: slot %d is in shard %d, which begins at %d", shards, slot, s, first)
			}
		}
	}
}

func TestBadChangesSayWhy(t *testing.T) {
	c := Initial(members("a"))
	for want, ch := range map[string]Change{
		"keyspace name":  {Name: "X", Model: kv.ModelStrong, Shards: 1},
		"exists already": {Name: "main", Model: kv.ModelStrong, Shards: 1},
		"not built":      {Name: "x", Model: kv.ModelCausal, Shards: 1},
		"shards":         {Name: "x", Model: kv.ModelStrong, Shards: 0},
		"replication 2":  {Name: "x", Model: kv.ModelStrong, Shards: 1, Replication: 2},
		"no keyspace":    {Drop: "x"},
	} {
		before := string(c.Encode())
		if _, err := c.Apply(ch); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", ch, err, want)
		}
		if string(c.Encode()) != before {
			t.Errorf("%+v changed the configuration", ch)
		}
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	c := Initial(members("a", "b", "c"))
	got, err := Decode(c.Encode())
	if err != nil || string(got.Encode()) != string(c.Encode()) {
		t.Fatalf("%v: %s", err, got.Encode())
	}
}
