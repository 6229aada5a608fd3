package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/config"
)

// The test binary is also the node, and a supervisor to be killed.
const (
	nodeEnv = "PARLEY_DEV_TEST_NODE"
	devEnv  = "PARLEY_DEV_TEST_PORT"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "serve":
		if err := fakeNode(os.Getenv(nodeEnv), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "fake node:", err)
			os.Exit(1)
		}
		os.Exit(0)
	case os.Getenv(devEnv) != "":
		port, _ := strconv.Atoi(os.Getenv(devEnv))
		_ = os.Unsetenv(devEnv)
		if err := Run(context.Background(), Options{Nodes: 2, Dir: os.Args[1], Port: port, Out: os.Stdout}); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// fakeNode answers as a node does. behaviour: "dies", "stubborn" ignores
// SIGTERM, "never" is never ready, "refuses" faults.
func fakeNode(behaviour string, args []string) error {
	c := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.Flags(fs, &c)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := c.Load(fs); err != nil {
		return err
	}
	if behaviour == "dies" {
		return fmt.Errorf("disk of %s is on fire", c.Name)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	var mu sync.Mutex // guards body
	body := []byte("none")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if behaviour == "never" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	ending := false // guarded by mu
	mux.HandleFunc("POST /end", func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		ending = true
	})
	mux.HandleFunc("/faults", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if ending { // it takes nothing more, and is gone a little later
			time.AfterFunc(100*time.Millisecond, func() { os.Exit(3) })
			panic(http.ErrAbortHandler)
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
			return
		}
		if behaviour == "refuses" || !c.AllowFaults {
			http.Error(w, "faults are not allowed", http.StatusForbidden)
			return
		}
		body, _ = io.ReadAll(r.Body)
	})
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(c.HTTP, mux) }()
	for {
		select {
		case err := <-failed:
			return err
		case <-term:
			if behaviour != "stubborn" {
				fmt.Println(c.Name, "stopped in order")
				return nil
			}
		}
	}
}

// output is a writer that tests can wait on.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
	}
}

func freePort(t *testing.T, nodes int) int {
	t.Helper()
	port, err := FreePort(nodes)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// cluster is a running one under test.
type cluster struct {
	t    *testing.T
	opts Options
	out  *output
	stop context.CancelFunc
	done chan error
}

func launch(t *testing.T, opts Options, behaviour string) *cluster {
	t.Helper()
	out := &output{}
	opts.Out = out
	opts.Env = []string{nodeEnv + "=" + behaviour, "GORACE=atexit_sleep_ms=0"} // a race build else takes a second to exit
	if opts.Port == 0 {
		opts.Port = freePort(t, opts.Nodes)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := &cluster{t: t, opts: opts, out: out, stop: cancel, done: make(chan error, 1)}
	go func() { c.done <- Run(ctx, opts) }()
	t.Cleanup(func() { _ = c.end() })
	return c
}

// end stops the cluster and waits for it; a second call does nothing.
func (c *cluster) end() error {
	c.stop()
	if c.done == nil {
		return nil
	}
	select {
	case err := <-c.done:
		c.done = nil
		return err
	case <-time.After(20 * time.Second):
		c.t.Error("the supervisor does not end")
		return nil
	}
}

func (c *cluster) ready() *cluster {
	c.t.Helper()
	eventually(c.t, "ready", func() bool {
		if len(c.done) > 0 {
			c.t.Fatalf("ended early: %v", c.end())
		}
		return strings.Contains(c.out.String(), "\nready")
	})
	return c
}

func (c *cluster) inject(f Fault) string {
	c.t.Helper()
	message, err := Inject(c.t.Context(), c.opts.Dir, f)
	if err != nil {
		c.t.Fatalf("%+v: %v", f, err)
	}
	return message
}

func (c *cluster) node(i int) Node {
	c.t.Helper()
	state, err := Read(c.opts.Dir)
	if err != nil {
		c.t.Fatal(err)
	}
	return state.Nodes[i-1]
}

// told are the faults that node i has been sent, nil for none.
func (c *cluster) told(i int) *faultBody {
	c.t.Helper()
	resp, err := http.Get("http://" + c.node(i).HTTP + "/faults")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if string(text) == "none" {
		return nil
	}
	var b faultBody
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return &b
}

func (c *cluster) wantTold(i int, want faultBody) {
	c.t.Helper()
	if want.Cut == nil {
		want.Cut = []string{}
	}
	if want.Delay == nil {
		want.Delay = map[string]string{}
	}
	if want.Drop == nil {
		want.Drop = map[string]int{}
	}
	if want.Clock == "" {
		want.Clock = "0s"
	}
	if got := c.told(i); got == nil || !reflect.DeepEqual(*got, want) {
		c.t.Errorf("n%d was told %+v, want %+v", i, got, want)
	}
}

func logOf(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
