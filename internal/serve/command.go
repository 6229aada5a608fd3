package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parleydb/parley/internal/front"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
)

// What commands over HTTP may cost. Longer ones go through the Redis protocol.
const (
	httpBody     = 16 << 20 // bytes of a request
	httpInFlight = 64       // requests
	httpBodies   = 64 << 20 // bytes of all requests under way
	httpPatience = 30 * time.Second
)

// commandRequest is the body of POST /v1/command.
type commandRequest struct {
	Command  []argument `json:"command"`
	Keyspace argument   `json:"keyspace"`
	Level    string     `json:"level"`
	Once     string     `json:"once"`
	Token    string     `json:"token"`
	Deadline int64      `json:"deadline_ms"`
}

// commandReply is the answer, whatever the outcome.
type commandReply struct {
	Outcome kv.Outcome   `json:"outcome"`
	Reply   any          `json:"reply"`
	Error   *jsonError   `json:"error,omitempty"`
	Receipt *jsonReceipt `json:"receipt,omitempty"`
	Token   string       `json:"token,omitempty"`
}

type jsonReceipt struct {
	Level     string     `json:"level"`
	Node      kv.NodeID  `json:"node"`
	Site      string     `json:"site"`
	Staleness int64      `json:"staleness_ms"`
	Stamp     string     `json:"stamp"`
	Outcome   kv.Outcome `json:"outcome"`
}

// commands takes commands over HTTP.
type commands struct {
	s    *Server
	slot chan struct{} // one for each request under way
	held atomic.Int64  // bytes that the bodies of requests under way may have
}

func (s *Server) commandHandler() http.Handler {
	return &commands{s: s, slot: make(chan struct{}, httpInFlight)}
}

// ServeHTTP implements http.Handler.
func (h *commands) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.slot <- struct{}{}:
		defer func() { <-h.slot }()
	default:
		fail(w, http.StatusServiceUnavailable, kv.Errorf(kv.KindBusy, "%d commands over HTTP are under way; nothing was done", httpInFlight))
		return
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(httpPatience))
	timeout, ok := h.admit(w, r)
	if !ok {
		return
	}
	size := r.ContentLength
	if size < 0 || size > httpBody {
		size = httpBody // it is not told, or will be refused
	}
	defer h.held.Add(-size)
	if h.held.Add(size) > httpBodies {
		fail(w, http.StatusServiceUnavailable, kv.Errorf(kv.KindBusy, "commands over HTTP of more than %d bytes are under way; nothing was done", httpBodies))
		return
	}
	cmd, err := readCommand(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, kv.Errorf(kv.KindErr, "%v; nothing was done", err))
		return
	}
	if cmd.Timeout > 0 {
		timeout = cmd.Timeout
	}
	_ = rc.SetWriteDeadline(time.Now().Add(timeout + httpPatience))
	h.run(w, cmd, timeout)
}

// admit checks what can be checked before the body is read, and gives the
// deadline of commands that have none of their own.
func (h *commands) admit(w http.ResponseWriter, r *http.Request) (timeout time.Duration, ok bool) {
	// A web page cannot send this type to another origin without being asked
	// whether it may.
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, kv.Errorf(kv.KindErr, "the Content-Type must be application/json; nothing was done"))
		return 0, false
	}
	user, password, given := credentials(r)
	allowed := false
	if !h.s.ask(func() { allowed, timeout = h.s.front.Allowed(user, password), h.s.front.Timeout() }) {
		fail(w, http.StatusServiceUnavailable, kv.Errorf(kv.KindUnavailable, "the node's loop does not answer; nothing was done"))
		return 0, false
	}
	if allowed {
		return timeout, true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="parley"`)
	if given {
		fail(w, http.StatusUnauthorized, kv.Errorf("WRONGPASS", "invalid username-password pair or user is disabled."))
	} else {
		fail(w, http.StatusUnauthorized, kv.Errorf("NOAUTH", "Authentication required."))
	}
	return 0, false
}

// credentials are those of a request: Basic with user "default" or none, or
// the password as a Bearer token.
func credentials(r *http.Request) (user, password []byte, given bool) {
	if u, p, ok := r.BasicAuth(); ok {
		if u == "" {
			u = "default"
		}
		return []byte(u), []byte(p), true
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return []byte("default"), []byte(token), ok && strings.EqualFold(scheme, "bearer")
}

func readCommand(w http.ResponseWriter, r *http.Request) (front.Single, error) {
	var req commandRequest
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, httpBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return front.Single{}, fmt.Errorf("the body does not read: %w", err)
	}
	if dec.More() {
		return front.Single{}, errors.New("the body has more than one value")
	}
	if len(req.Command) == 0 {
		return front.Single{}, errors.New(`"command" is missing: give an array such as ["GET", "key"]`)
	}
	if most := node.MaxTimeout.Milliseconds(); req.Deadline < 0 || req.Deadline > most {
		return front.Single{}, fmt.Errorf("deadline_ms is from 1 to %d, or left out", most)
	}
	cmd := front.Single{
		Keyspace: string(req.Keyspace), Level: req.Level, Once: req.Once, Token: req.Token,
		Timeout: time.Duration(req.Deadline) * time.Millisecond, Remote: r.RemoteAddr,
	}
	for _, a := range req.Command {
		cmd.Args = append(cmd.Args, a)
	}
	return cmd, nil
}

// run has the loop run a command and writes the answer.
func (h *commands) run(w http.ResponseWriter, cmd front.Single, timeout time.Duration) {
	s := h.s
	type answered struct {
		commandReply
		neutral []byte
	}
	done := make(chan answered, 1)
	s.loop.Post(func() {
		s.setTime()
		s.front.Run(cmd, func(a front.Answer) {
			out := answered{commandReply{Outcome: a.Outcome, Token: a.Token}, bytes.Clone(a.Reply)}
			if rc := a.Receipt; rc != nil {
				out.Receipt = &jsonReceipt{rc.Level.String(), rc.Node, backend{s}.Site(rc.Node),
					(rc.Staleness + time.Millisecond - 1).Milliseconds(), rc.Stamp.String(), rc.Outcome}
			}
			done <- out
		})
	})
	select {
	case a := <-done:
		reply, err := resp.ReadReply(bufio.NewReader(bytes.NewReader(a.neutral)), anyReply)
		if err != nil {
			fail(w, http.StatusInternalServerError, kv.Errorf(kv.KindUnknown, "the reply does not read: %v", err))
			return
		}
		status := http.StatusOK
		if reply.Kind == resp.KindError {
			a.Error = errorOf(reply.Str)
			status = statusOf(a.Error.Kind)
		} else {
			a.Reply = jsonOf(reply)
		}
		writeJSON(w, status, a.commandReply)
	case <-time.After(timeout + loopPatience):
		fail(w, http.StatusGatewayTimeout, kv.Errorf(kv.KindUnknown, "the node's loop does not answer: the command may have happened"))
	}
}

// anyReply are limits that none of this node's own replies exceeds.
var anyReply = resp.Limits{Line: 1 << 30, Bulk: 1 << 30, Args: 1 << 30, Total: 1 << 30, Depth: 128}

// fail answers a request that did not become a command.
func fail(w http.ResponseWriter, status int, err *kv.Error) {
	writeJSON(w, status, commandReply{Outcome: kv.OutcomeOf(err), Error: &jsonError{string(err.Kind), err.Msg}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}

// statusOf is the HTTP status for a kind of error.
func statusOf(kind string) int {
	switch kv.Kind(kind) {
	case kv.KindUnknown:
		return http.StatusGatewayTimeout
	case kv.KindUnavailable, kv.KindTooStale, kv.KindBusy, kv.KindClock:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}
