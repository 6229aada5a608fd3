package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// BenchmarkGroups is what a SET costs three nodes together, without sockets and
// disks, when 64 clients of one node write at a time: with one shard, and with
// as many as clients.
func BenchmarkGroups(b *testing.B) {
	for _, shards := range []int{1, 64} {
		b.Run(fmt.Sprintf("shards=%d", shards), func(b *testing.B) { benchmarkGroups(b, shards) })
	}
}

type countdown struct {
	b    *testing.B
	left int
}

// Complete implements Completer.
func (c *countdown) Complete(_ *Request, _ []byte, _ kv.Receipt, err error) {
	if err != nil {
		c.b.Error(err)
	}
	c.left--
}

func benchmarkGroups(b *testing.B, shards int) {
	const clients = 64
	c := newTestCluster(b, 3)
	c.leader()
	ks := kv.MainKeyspace
	if shards > 1 {
		ks = c.keyspace(shards)
	}
	value := make([]byte, 100)
	var requests [clients]Request
	left := &countdown{b: b}
	for i := range requests {
		requests[i] = Request{Keyspace: ks, Calls: calls(fmt.Sprintf("set key:%012d v", i)), Done: left}
		requests[i].Calls[0].Args[2] = value
	}
	write := func() {
		left.left = clients
		for i := range requests {
			c.nodes[0].Submit(&requests[i])
		}
		for left.left > 0 {
			c.wake[0] = c.now
			c.step()
		}
	}
	write()
	for start := c.now; c.now < start+time.Second; {
		c.step()
	}
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/SET")
}
