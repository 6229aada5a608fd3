package serve

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
)

// httpConns is how many connections of HTTP a node takes at a time.
const httpConns = 1024

// limitConns closes connections beyond most at once.
func limitConns(most int) func(net.Conn, http.ConnState) {
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	return func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			if open[c] = true; len(open) > most {
				_ = c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			delete(open, c)
		}
	}
}

// loopPatience is how long an HTTP request waits for the loop.
const loopPatience = 2 * time.Second

// ask runs fn on the loop and waits for it; false if the loop does not answer.
func (s *Server) ask(fn func()) bool {
	done := make(chan struct{})
	s.loop.Post(func() { fn(); close(done) })
	select {
	case <-done:
		return true
	case <-time.After(loopPatience):
		return false
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health(func() error { return s.node.Err() }))
	mux.HandleFunc("GET /readyz", s.health(func() error {
		if !s.node.Ready() {
			return fmt.Errorf("a group has no leader")
		}
		return s.node.Err()
	}))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		var st Status
		if !s.ask(func() { st = s.status() }) {
			http.Error(w, "the node's loop does not answer", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(st)
	})
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("POST /faults", s.postFaults)
	mux.Handle("POST /v1/command", s.commandHandler())
	return mux
}

func (s *Server) health(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var err error
		if !s.ask(func() { err = check() }) {
			err = fmt.Errorf("the node's loop does not answer within %v", loopPatience)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// Status is what GET /status answers.
type Status struct {
	Node      string           `json:"node"`
	Site      string           `json:"site"`
	Cluster   string           `json:"cluster"`
	Nodes     []NodeStatus     `json:"nodes"`
	Keyspaces []KeyspaceStatus `json:"keyspaces"`
	Groups    []GroupStatus    `json:"groups"`
}

// NodeStatus is a member as this node sees it.
type NodeStatus struct {
	ID        kv.NodeID `json:"id"`
	Name      string    `json:"name"`
	Site      string    `json:"site"`
	Peer      string    `json:"peer"`
	RESP      string    `json:"resp,omitempty"` // of the node that answers
	HTTP      string    `json:"http,omitempty"` // of the node that answers
	Connected bool      `json:"connected"`
	RTT       int64     `json:"rtt_us"`
	Offset    int64     `json:"clock_offset_ms"`
}

// KeyspaceStatus is a keyspace and where it lives.
type KeyspaceStatus struct {
	ID          kv.KeyspaceID `json:"id"`
	Name        string        `json:"name"`
	Model       kv.Model      `json:"model"`
	Shards      int           `json:"shards"`
	Replication int           `json:"replication"`
	Groups      []kv.GroupID  `json:"groups"`
}

// GroupStatus is a group's replica on this node; Lag is the age of its closed
// timestamp in milliseconds, -1 if it has none yet.
type GroupStatus struct {
	group.Status
	Lag int64 `json:"lag_ms"`
}

func (s *Server) status() Status {
	s.setTime()
	m := s.node.Meta()
	st := Status{Node: s.self.Name, Site: s.self.Site, Cluster: fmt.Sprintf("%016x", s.cluster)}
	for _, mem := range m.Members {
		ns := NodeStatus{ID: mem.ID, Name: mem.Name, Site: mem.Site, Peer: mem.Peer, Connected: mem.ID == s.node.ID()}
		for _, p := range s.node.Peers() {
			if p.ID == mem.ID {
				ns.Connected, ns.RTT, ns.Offset = p.Connected, p.RTT.Microseconds(), p.Offset.Milliseconds()
			}
		}
		if mem.ID == s.node.ID() {
			ns.RESP, ns.HTTP = s.cfg.RESP, s.cfg.HTTP
		}
		st.Nodes = append(st.Nodes, ns)
	}
	for _, k := range m.Keyspaces {
		ks := KeyspaceStatus{ID: k.ID, Name: k.Name, Model: k.Model, Shards: len(k.Groups), Replication: k.Replication}
		for _, g := range k.Groups {
			ks.Groups = append(ks.Groups, g.ID)
		}
		st.Keyspaces = append(st.Keyspaces, ks)
	}
	for _, g := range s.node.Groups() {
		st.Groups = append(st.Groups, GroupStatus{Status: g, Lag: lag(s.node.Wall(), g.Closed)})
	}
	return st
}

// lag is the age of a closed timestamp in milliseconds; -1 where none is known
// yet, as on a replica that has applied nothing.
func lag(wall int64, closed clock.Timestamp) int64 {
	if closed == 0 {
		return -1
	}
	return max(0, wall-closed.Millis())
}
