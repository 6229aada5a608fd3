package analyze

import (
	"slices"
	"strings"

	"github.com/parleydb/parley/check"
)

// Promise is what a database's own documents say of a level, and the guarantees
// that must hold if they are right.
type Promise struct {
	Mode   string
	Says   string
	Source string
	Must   []string // levels of package check
	Writes bool     // no acknowledged write is lost
}

const (
	etcdDocs   = "etcd documentation, \"etcd API guarantees\""
	redisDocs  = "Redis documentation, \"Redis replication\""
	redisWait  = "Redis documentation, command WAIT"
	parleyDocs = "Parley, docs/consistency.md"
)

// promises are those of the databases that are known, by the first word of the
// target's name. Where the documents leave a level open nothing must hold.
var promises = map[string][]Promise{
	"etcd": {
		{"linearizable", "strictly serializable, and what is completed is durable", etcdDocs, []string{"linearizable", "strict-serializable"}, true},
		{"serializable", "reads come from one member and may be stale; writes are as above", etcdDocs, nil, true},
	},
	"Redis": {
		{"primary", "replication is asynchronous: a failover can lose acknowledged writes", redisDocs, nil, false},
		{"replica", "a replica may lag behind its primary: reads may be stale", redisDocs, nil, false},
		{"wait", "WAIT makes loss less likely; it does not make Redis strongly consistent", redisWait, nil, false},
	},
	"Parley": {
		{"linearizable", "the newest state; acknowledged writes survive any minority", parleyDocs, []string{"linearizable", "strict-serializable"}, true},
		{"session", "read your writes and monotonic reads, over all nodes", parleyDocs, []string{"ryw", "mr", "mw", "wfr"}, true},
		{"causal", "all that the session has read and written, in causal order", parleyDocs, []string{"causal"}, true},
		{"bounded:" + bound.String(), "a state that is not older than the bound", parleyDocs, []string{"bounded:" + bound.String()}, true},
		{"eventual", "some state that once was the newest", parleyDocs, nil, true},
	},
}

// Promises are those of the analyzed database; none if it is not known.
func (a *Analysis) Promises() (all []Promise) {
	kind, _, _ := strings.Cut(a.Target, " ")
	for _, p := range promises[kind] {
		if a.mode(p.Mode) != nil {
			all = append(all, p)
		}
	}
	return all
}

func (a *Analysis) mode(name string) *Mode {
	i := slices.IndexFunc(a.Modes, func(m *Mode) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return a.Modes[i]
}

// Kept says how a promise compares with the run, in a few words, and whether it
// was broken.
func (a *Analysis) Kept(p Promise) (words string, broken bool) {
	m := a.mode(p.Mode)
	var bad []string
	for _, level := range p.Must {
		if m.Verdict(level) == check.Violated {
			bad = append(bad, level)
		}
	}
	lost := m.Writes().Lost
	switch {
	case len(bad) > 0:
		return "BROKEN: not " + strings.Join(bad, ", "), true
	case p.Writes && lost > 0:
		return "BROKEN: acknowledged writes were lost", true
	case len(p.Must) > 0 || p.Writes && len(m.Broken()) == 0:
		return "kept", false
	case lost > 0:
		return "as it says: acknowledged writes were lost", false
	case len(m.Broken()) > 0:
		return "as it says: weaker than linearizable", false
	}
	return "nothing was broken", false
}
