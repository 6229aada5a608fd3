package meta

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"

	"github.com/parleydb/parley/internal/kv"
)

// Member is one node of the cluster.
type Member struct {
	ID   kv.NodeID `json:"id"`
	Name string    `json:"name"`
	Site string    `json:"site"`
	Peer string    `json:"peer"` // address for other nodes
}

// Group places one shard.
type Group struct {
	ID       kv.GroupID  `json:"id"`
	Replicas []kv.NodeID `json:"replicas"`
}

// Keyspace is a named set of keys with one model.
type Keyspace struct {
	ID          kv.KeyspaceID `json:"id"`
	Name        string        `json:"name"`
	Model       kv.Model      `json:"model"`
	Replication int           `json:"replication"`
	Groups      []Group       `json:"groups"` // one for each shard, in the order of slots
}

// Slots is the number of hash slots, as in Redis Cluster.
const Slots = 16384

// Limits of a configuration.
const (
	MaxShards    = 1024
	MaxKeyspaces = 1024
)

// Shard is the shard that holds a slot.
func (k *Keyspace) Shard(slot uint16) int { return int(slot) * len(k.Groups) / Slots }

// FirstSlot is the lowest slot of a shard.
func (k *Keyspace) FirstSlot(shard int) uint16 {
	n := len(k.Groups)
	return uint16((shard*Slots + n - 1) / n)
}

// Config is the whole configuration. It is replaced, never modified in place.
type Config struct {
	Members      []Member      `json:"members"` // by rising id
	Keyspaces    []Keyspace    `json:"keyspaces"`
	NextGroup    kv.GroupID    `json:"next_group"`
	NextKeyspace kv.KeyspaceID `json:"next_keyspace"`
}

// Initial is the configuration that a new cluster of the given members starts
// with: keyspace main, strong, one shard, three replicas or as many as there
// are nodes.
func Initial(members []Member) Config {
	c := Config{Members: slices.Clone(members), NextGroup: 1}
	sort.Slice(c.Members, func(i, j int) bool { return c.Members[i].ID < c.Members[j].ID })
	next, err := c.create(Change{Name: "main", Model: kv.ModelStrong, Shards: 1})
	if err != nil {
		panic(err) // the one above is valid whatever the members are
	}
	return next
}

// Keyspace finds a keyspace by number.
func (c *Config) Keyspace(id kv.KeyspaceID) *Keyspace {
	for i := range c.Keyspaces {
		if c.Keyspaces[i].ID == id {
			return &c.Keyspaces[i]
		}
	}
	return nil
}

// Named finds a keyspace by name.
func (c *Config) Named(name string) *Keyspace {
	for i := range c.Keyspaces {
		if c.Keyspaces[i].Name == name {
			return &c.Keyspaces[i]
		}
	}
	return nil
}

// Member finds a node by id.
func (c *Config) Member(id kv.NodeID) *Member {
	for i := range c.Members {
		if c.Members[i].ID == id {
			return &c.Members[i]
		}
	}
	return nil
}

// Change is a command to group 0. Drop names a keyspace to drop; otherwise the
// rest describes one to create.
type Change struct {
	Drop        string   `json:"drop,omitempty"`
	Name        string   `json:"name,omitempty"`
	Model       kv.Model `json:"model,omitempty"`
	Shards      int      `json:"shards,omitempty"`
	Replication int      `json:"replication,omitempty"` // 0: three, or as many as there are nodes
}

// Apply is the configuration after a change, or why it is refused.
func (c Config) Apply(ch Change) (Config, error) {
	if ch.Drop != "" {
		return c.drop(ch.Drop)
	}
	return c.create(ch)
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)

func (c Config) create(ch Change) (Config, error) {
	replication := ch.Replication
	if replication == 0 {
		replication = min(3, len(c.Members))
	}
	switch {
	case !nameForm.MatchString(ch.Name):
		return c, fmt.Errorf("keyspace name %q: use a lower-case letter, then up to 63 letters, digits, '_', '.' or '-'", ch.Name)
	case c.Named(ch.Name) != nil:
		return c, fmt.Errorf("keyspace %q exists already", ch.Name)
	case len(c.Keyspaces) >= MaxKeyspaces:
		return c, fmt.Errorf("there are %d keyspaces, which is the limit", MaxKeyspaces)
	case ch.Model != kv.ModelStrong:
		return c, fmt.Errorf("model %q is not built in this version; use strong", ch.Model)
	case ch.Shards < 1 || ch.Shards > MaxShards:
		return c, fmt.Errorf("%d shards: from 1 to %d are possible", ch.Shards, MaxShards)
	case replication < 1 || replication > len(c.Members):
		return c, fmt.Errorf("replication %d: from 1 to %d are possible with %d nodes", replication, len(c.Members), len(c.Members))
	}
	next := c
	k := Keyspace{ID: c.NextKeyspace, Name: ch.Name, Model: ch.Model, Replication: replication}
	for range ch.Shards {
		k.Groups = append(k.Groups, Group{ID: next.NextGroup, Replicas: c.place(replication, k.Groups)})
		next.NextGroup++
	}
	next.NextKeyspace++
	next.Keyspaces = append(slices.Clone(c.Keyspaces), k)
	return next, nil
}

// place picks n replicas: over as many sites as there are, then the members
// with the fewest replicas, then by id.
func (c Config) place(n int, more []Group) (picked []kv.NodeID) {
	load, perSite := map[kv.NodeID]int{}, map[string]int{}
	count := func(groups []Group) {
		for _, g := range groups {
			for _, id := range g.Replicas {
				load[id]++
			}
		}
	}
	for _, k := range c.Keyspaces {
		count(k.Groups)
	}
	count(more)
	for range n {
		var best *Member
		for i := range c.Members {
			m := &c.Members[i]
			if slices.Contains(picked, m.ID) {
				continue
			}
			if best == nil || perSite[m.Site] < perSite[best.Site] ||
				perSite[m.Site] == perSite[best.Site] && load[m.ID] < load[best.ID] {
				best = m
			}
		}
		picked = append(picked, best.ID)
		perSite[best.Site]++
	}
	slices.Sort(picked)
	return picked
}

func (c Config) drop(name string) (Config, error) {
	k := c.Named(name)
	switch {
	case k == nil:
		return c, fmt.Errorf("there is no keyspace %q", name)
	case k.ID == kv.MainKeyspace:
		return c, fmt.Errorf("keyspace main cannot be dropped; FLUSHDB empties it")
	}
	next := c
	next.Keyspaces = slices.DeleteFunc(slices.Clone(c.Keyspaces), func(o Keyspace) bool { return o.Name == name })
	return next, nil
}

// Encode and Decode are the stored form.
func (c Config) Encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data always encodes
	}
	return b
}

// Decode reads what Encode wrote.
func Decode(b []byte) (c Config, err error) {
	if err = json.Unmarshal(b, &c); err != nil {
		return Config{}, fmt.Errorf("cluster configuration does not read: %w", err)
	}
	return c, nil
}
