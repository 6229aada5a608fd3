package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	requestTimeout = 2 * time.Second       // of one request to a node
	pollInterval   = 20 * time.Millisecond // between questions whether a node is ready
)

// watch follows p's process until it is ready, and closes p.ready then. It
// sends the faults that p has before it asks. On the loop.
func (s *supervisor) watch(p *process) {
	ready, exited := make(chan struct{}), p.exited
	p.ready = ready
	s.others.Go(func() {
		sent := false
		for {
			sent = sent || s.push(p, false) == nil
			if sent && s.asks(p.HTTP) {
				break
			}
			select {
			case <-exited:
				return
			case <-s.ctx.Done():
				return
			case <-time.After(pollInterval):
			}
		}
		s.do(func() {
			if p.exited == exited && p.State == StateStarting {
				p.State = StateReady
				s.save()
			}
		})
		close(ready)
	})
}

// asks tells whether the node says that it is ready.
func (s *supervisor) asks(address string) bool {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// push sends p the whole of its faults as they are now; a healthy node is not
// told so unless always. Not on the loop.
func (s *supervisor) push(p *process, always bool) error {
	// One at a time, and the state read inside: the last request to arrive
	// carries the newest state.
	p.sending <- struct{}{}
	defer func() { <-p.sending }()
	var body faultBody
	var none bool
	s.do(func() { body, none = p.faults.body(), p.faults.none() })
	if none && !always {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.HTTP+"/faults", bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s could not be told: %w", p.Name, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("%s refused the fault: %s: %s", p.Name, resp.Status, strings.TrimSpace(string(said)))
	}
	return nil
}
