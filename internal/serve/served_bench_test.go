package serve

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/parleydb/parley/internal/resp"
)

// BenchmarkServed is commands over sockets, answered by a node alone and by the
// leader of three nodes, all in this process with the clients. It is for CPU
// profiles of a whole node; for rates, package bench has the clients elsewhere.
func BenchmarkServed(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		for _, name := range []string{"GET", "SET"} {
			for _, pipeline := range []int{1, 16} {
				b.Run(fmt.Sprintf("nodes=%d/%s/pipeline=%d", nodes, name, pipeline), func(b *testing.B) {
					leader := served(b, nodes)
					ask(b, leader, "SET", 32, 20_000)
					b.ResetTimer()
					ask(b, leader, name, pipeline, b.N)
				})
			}
		}
	}
}

// served starts nodes, and returns where the leader answers clients.
func served(b *testing.B, nodes int) (addr string) {
	if nodes == 1 {
		s, _ := run(b, testConfig(b))
		return s.cfg.RESP
	}
	all, _ := startCluster(b)
	return all[leader(all)].cfg.RESP
}

// ask has 50 clients send n commands of random keys, so many at a time.
func ask(b *testing.B, addr, name string, pipeline, n int) {
	const clients, keys = 50, 10_000
	var done sync.WaitGroup
	value := strings.Repeat("v", 100)
	for i := range clients {
		done.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			rnd, in, out := rand.New(rand.NewPCG(uint64(i), uint64(n))), bufio.NewReader(c), []byte(nil)
			for left := n/clients + 1; left > 0; left -= pipeline {
				out = out[:0]
				for range pipeline {
					args := []string{name, benchKey(rnd.IntN(keys)), value}
					if name == "GET" {
						args = args[:2]
					}
					out = resp.AppendCommand(out, args...)
				}
				if _, err := c.Write(out); err != nil {
					b.Error(err)
					return
				}
				for range pipeline {
					if err := skipReply(in); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	done.Wait()
}

func skipReply(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil || line[0] != '$' || line[1] == '-' {
		if err == nil && line[0] == '-' {
			err = fmt.Errorf("%s", line)
		}
		return err
	}
	n := 0
	for _, c := range line[1 : len(line)-2] {
		n = n*10 + int(c-'0')
	}
	_, err = io.CopyN(io.Discard, in, int64(n)+2)
	return err
}
