package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Faults is the whole set of faults of a node, for POST /faults: what it does
// to frames it sends, by the receiver's name, to its clock and to its disk.
type Faults struct {
	Cut       []string          `json:"cut"`
	Delay     map[string]string `json:"delay"`
	Drop      map[string]int    `json:"drop"`      // percent
	Duplicate map[string]int    `json:"duplicate"` // percent
	Slow      map[string]int    `json:"slow"`      // bytes a second
	Clock     string            `json:"clock"`     // how far it is off
	Jump      string            `json:"jump"`      // it is off for so long, then right for so long
	Disk      string            `json:"disk"`      // "full": no room; "fsync": syncs fail
	Sync      string            `json:"sync"`      // how much longer syncs take
}

func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.AllowFaults {
		http.Error(w, "this node accepts no faults: start it with --allow-faults", http.StatusForbidden)
		return
	}
	var f Faults
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	err := dec.Decode(&f)
	if err == nil && !s.ask(func() { err = s.setFaults(f) }) {
		err = fmt.Errorf("the node's loop does not answer")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *Server) setFaults(f Faults) error {
	skew, err := optionalDuration(f.Clock)
	if err != nil {
		return err
	}
	jump, err := optionalDuration(f.Jump)
	if err != nil {
		return err
	}
	sync, err := optionalDuration(f.Sync)
	if err != nil {
		return err
	}
	next, err := s.linkFaults(f)
	if err != nil {
		return err
	}
	if err := s.diskBad.set(f.Disk, sync); err != nil {
		return err
	}
	for i, l := range s.links {
		l.linkFaults = next[i]
	}
	s.skew, s.jump = skew, jump
	s.log.Info("faults set", "faults", fmt.Sprintf("%+v", f))
	return nil
}

// optionalDuration reads a duration that is not negative but for an offset; ""
// is none.
func optionalDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// linkFaults are the faults of each link.
func (s *Server) linkFaults(f Faults) ([]linkFaults, error) {
	next := make([]linkFaults, len(s.links))
	var err error
	place := func(name string) *linkFaults {
		for i, l := range s.links {
			if m := s.node.Meta().Member(l.to); m != nil && m.Name == name {
				return &next[i]
			}
		}
		err = fmt.Errorf("there is no other node %q", name)
		return new(linkFaults)
	}
	for _, name := range f.Cut {
		place(name).cut = true
	}
	for name, text := range f.Delay {
		d, bad := time.ParseDuration(text)
		if bad != nil {
			return nil, bad
		}
		place(name).delay = d
	}
	for name, percent := range f.Drop {
		place(name).drop = percent
	}
	for name, percent := range f.Duplicate {
		place(name).duplicate = percent
	}
	for name, bytes := range f.Slow {
		if bytes < 0 {
			return nil, fmt.Errorf("%d bytes a second is no speed", bytes)
		}
		place(name).slow = bytes
	}
	return next, err
}
