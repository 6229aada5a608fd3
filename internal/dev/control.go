package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"
)

// Fault is what to do to a running cluster.
type Fault struct {
	Op       string   `json:"op"` // see Ops
	Nodes    []string `json:"nodes,omitempty"`
	OneWay   bool     `json:"one_way,omitempty"`  // faults between two nodes: only from the first to the second
	Duration string   `json:"duration,omitempty"` // delay, clock, slow syncs: as "100ms"; for the clock also negative
	Every    string   `json:"every,omitempty"`    // clock: it is off for so long, then right for so long
	Percent  int      `json:"percent,omitempty"`  // drop, duplicate: 0 to 100
	Bytes    int      `json:"bytes,omitempty"`    // slow: bytes a second
	Disk     string   `json:"disk,omitempty"`     // disk: one of DiskFaults, slow or ok
}

type answer struct {
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
}

const maxFaultBytes = 64 << 10

// control is the server behind the socket.
func (s *supervisor) control() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultBytes))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			reply(w, http.StatusBadRequest, answer{Error: err.Error()})
			return
		}
		message, err := s.apply(f)
		if err != nil {
			reply(w, http.StatusConflict, answer{Error: err.Error()})
			return
		}
		reply(w, http.StatusOK, answer{Message: message})
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: requestTimeout, ReadTimeout: 5 * time.Second}
}

func reply(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // the client is gone if this fails
}

// Inject applies a fault to the cluster whose supervisor runs on dir, and
// returns a sentence that says what was done.
func Inject(ctx context.Context, dir string, f Fault) (string, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	socket := filepath.Join(path, socketFile)
	text, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://dev/fault", bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return "", fmt.Errorf("no `parley dev` runs on %s: start it there, or give the --dir that it printed", path)
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var a answer
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&a); err != nil {
		return "", fmt.Errorf("the supervisor on %s answered %s and no JSON: %w", path, resp.Status, err)
	}
	if a.Error != "" {
		return "", errors.New(a.Error)
	}
	return a.Message, nil
}
