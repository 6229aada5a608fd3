package etcd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// The messages of the gateway (etcd's rpc.proto as JSON; 64-bit numbers are
// strings, bytes are base64, and what is zero is left out).
type (
	rangeRequest struct {
		Key          []byte `json:"key"`
		Serializable bool   `json:"serializable,omitempty"`
	}
	putRequest struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	}
	keyRequest struct {
		Key []byte `json:"key"`
	}
	compare struct {
		Key    []byte `json:"key"`
		Target string `json:"target"`
		Result string `json:"result"`
		// One of these, by Target.
		Value    []byte `json:"value,omitempty"`
		Version  *int64 `json:"version,string,omitempty"`
		Revision *int64 `json:"mod_revision,string,omitempty"`
	}
	request struct {
		Range  *rangeRequest `json:"request_range,omitempty"`
		Put    *putRequest   `json:"request_put,omitempty"`
		Delete *keyRequest   `json:"request_delete_range,omitempty"`
	}
	txnRequest struct {
		Compare []compare `json:"compare,omitempty"`
		Success []request `json:"success,omitempty"`
		Failure []request `json:"failure,omitempty"`
	}

	header struct {
		Member   string `json:"member_id"`
		Revision uint64 `json:"revision,string"`
	}
	keyValue struct {
		Value    []byte `json:"value"`
		Revision uint64 `json:"mod_revision,string"`
	}
	rangeResponse struct {
		Header header     `json:"header"`
		KVs    []keyValue `json:"kvs"`
	}
	putResponse struct {
		Header header `json:"header"`
	}
	deleteResponse struct {
		Header  header `json:"header"`
		Deleted int64  `json:"deleted,string"`
	}
	txnResponse struct {
		Header    header `json:"header"`
		Succeeded bool   `json:"succeeded"`
		Responses []struct {
			Range rangeResponse `json:"response_range"`
		} `json:"responses"`
	}
	statusResponse struct {
		Header  header `json:"header"`
		Version string `json:"version"`
		Leader  string `json:"leader"`
	}
)

// maxAnswer bounds an answer's bytes; etcd's own limit of a request is 1.5 MiB.
const maxAnswer = 64 << 20

// gateway is one member's HTTP address.
type gateway struct {
	base string
	http *http.Client
}

func newGateway(address string) *gateway {
	return &gateway{base: "http://" + address, http: &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{}).DialContext}}}
}

func (g *gateway) close() { g.http.CloseIdleConnections() }

// uncertain is an error after which the request may have had its effect.
type uncertain struct{ error }

func (u uncertain) Unwrap() error { return u.error }

// post sends a request once and decodes the answer. The error is uncertain
// unless the request was never sent or etcd says that it refused it.
func (g *gateway) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	// A POST is sent again by net/http only if nothing of it was written.
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, g.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := g.http.Do(req)
	switch {
	case err != nil && !connected.Load():
		return err
	case err != nil:
		return uncertain{err}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return uncertain{err}
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return uncertain{fmt.Errorf("%s%s answered what is no etcd answer: %w", g.base, path, err)}
	}
	return nil
}

// The codes of gRPC with which etcd refuses a request before it has had any
// effect. Others, such as Unavailable ("request timed out"), say nothing.
const (
	invalidArgument    = 3
	notFound           = 5
	permissionDenied   = 7
	resourceExhausted  = 8
	failedPrecondition = 9
	outOfRange         = 11
	unimplemented      = 12
	unauthenticated    = 16
)

// refusal is an answer that is no success.
func refusal(status int, answer []byte) error {
	var told struct {
		Error   string `json:"error"`
		Message string `json:"message"`
		Code    int    `json:"code"`
	}
	if json.Unmarshal(answer, &told) != nil || told.Code == 0 {
		return uncertain{fmt.Errorf("HTTP status %d: %.200s", status, answer)}
	}
	text := told.Error
	if text == "" {
		text = told.Message
	}
	switch told.Code {
	case invalidArgument, notFound, permissionDenied, resourceExhausted, failedPrecondition, outOfRange, unimplemented, unauthenticated:
		return errors.New(text)
	}
	return uncertain{errors.New(text)}
}

func (g *gateway) status(ctx context.Context) (s statusResponse, err error) {
	return s, g.post(ctx, "/v3/maintenance/status", struct{}{}, &s)
}
