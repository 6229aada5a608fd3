package verify

import (
	"container/heap"
	"context"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/workload"
)

// BenchmarkJudge reads back and judges the recording of a run of five minutes at
// 10 000 operations a second, of 100 clients on registers:
//
//	go test -run '^$' -bench Judge -benchtime 1x ./internal/lab/verify
//
// The recording is made in simulated time: each operation takes effect about 2.5 ms
// after its call, and is answered as long after that.
func BenchmarkJudge(b *testing.B) {
	const ops, rate, clients = 3_000_000, 10_000, 100
	w, err := workload.Named("register")
	if err != nil {
		b.Fatal(err)
	}
	r := &run{o: Options{Workload: w, OpTimeout: time.Second}, target: newFake(), out: io.Discard, nemesis: &faultLog{}}
	if r.rec, err = newRecorder(time.Now(), "", history.Header{Model: w.Model, Sessions: history.ByProcess}, false); err != nil {
		b.Fatal(err)
	}
	simulate(r, ops, rate, clients)
	if err := r.rec.finish(); err != nil {
		b.Fatal(err)
	}
	info, err := r.rec.file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	for b.Loop() {
		begin := time.Now()
		found, err := r.readBack()
		if err == nil {
			err = r.judge(context.Background(), found, begin)
		}
		if err != nil || len(found.History.Ops) != ops || found.Results[0].Verdict != check.Holds || len(found.Problems) > 0 {
			b.Fatal(err, found.Results, found.Problems)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ops, "ns/operation")
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	if err := r.rec.close(); err != nil {
		b.Error(err)
	}
}

// simulated is a client of a simulated run: what it waits for, and when.
type simulated struct {
	gen    *workload.Client
	tape   tape
	op     history.Op
	at     int64 // of what comes next
	call   int64 // when its next operation is due
	called bool  // an operation is under way
	done   bool  // it has taken effect
	number int64
}

type schedule []*simulated

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, k int) bool { return s[i].at < s[k].at }
func (s schedule) Swap(i, k int)      { s[i], s[k] = s[k], s[i] }
func (s *schedule) Push(x any)        { *s = append(*s, x.(*simulated)) }
func (s *schedule) Pop() any          { panic("nobody leaves") }

// over says that all rest.
func (s schedule) over() bool {
	for _, c := range s {
		if c.at != history.Never {
			return false
		}
	}
	return true
}

// simulate records so many operations, at a rate, of a database in memory.
func simulate(r *run, ops, rate, clients int) {
	f := newFake()
	rng := rand.New(rand.NewPCG(1, 2))
	half := func() int64 { return int64(rng.ExpFloat64() * 2.5e6) }
	every := int64(time.Second) * int64(clients) / int64(rate)
	var s schedule
	for i := range clients {
		at := rng.Int64N(every)
		s = append(s, &simulated{gen: r.o.Workload.Client(1, i, clients), tape: tape{r: r.rec}, at: at, call: at, number: int64(i) + 1})
	}
	heap.Init(&s)
	for begun := 0; ; {
		c := s[0]
		switch {
		case !c.called && begun == ops: // it rests; in the end all do
			c.at = history.Never
			if c.tape.flush(); s.over() {
				return
			}
		case !c.called:
			begun++
			c.called, c.done, c.op = true, false, c.gen.Next()
			c.op.Process, c.op.Node, c.op.Call = c.number, "n1", c.at
			c.call += every
			c.at += 1 + half()
		case !c.done:
			c.done, c.op.Outcome = true, history.OK
			f.apply(r.o.Workload.Model, &c.op, fine)
			c.at += 1 + half()
		default:
			c.called, c.op.Return = false, c.at
			r.counts.add(&c.op)
			c.tape.add(record{op: c.op, end: c.at})
			c.gen.Done(&c.op)
			c.at = max(c.at+1, c.call)
		}
		heap.Fix(&s, 0)
	}
}
