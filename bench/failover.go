package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"
)

// opDeadline ends each write of the failover writers, so that one lost request
// does not hide a cluster that works again.
const opDeadline = 50 * time.Millisecond

const (
	failoverBefore              = time.Second      // writing before the fault
	failoverWindow              = 5 * time.Second  // and after it
	failoverGiveUp              = 20 * time.Second // without any acknowledged write
	retryPause                  = time.Millisecond // after an error, so that writers leave CPU to the cluster
	endKill, endTerm, endFreeze = "kill -9", "SIGTERM", "SIGSTOP"
)

// faults is how the leader goes away. A killed process leaves refused
// connections behind, which tell that it is gone; a frozen one, like a lost
// machine, leaves silence.
var faults = map[string]syscall.Signal{endKill: syscall.SIGKILL, endTerm: syscall.SIGTERM, endFreeze: syscall.SIGSTOP}

// failoverPart measures how long no write is acknowledged when the leader is
// killed, when it is asked to stop, and when it freezes.
func failoverPart(ctx context.Context, b *bench) error {
	gaps := map[[2]string][]time.Duration{} // by how the leader ended, and system
	err := b.failovers(ctx, gaps)
	b.report.failover(gaps)
	return err
}

func (b *bench) failovers(ctx context.Context, gaps map[[2]string][]time.Duration) error {
	sides := []starter{{"parley", "parley", startParley}, {"peer", "etcd", startEtcd}}
	for run := range b.runs {
		for _, how := range []string{endKill, endTerm, endFreeze} {
			for _, side := range sides {
				if !b.measures(side.side) {
					continue
				}
				gap, err := b.failover(ctx, side, how)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", how, side.name, err)
				}
				progress("failover: run %d of %d, %s of the leader of %s: no write acknowledged for %.0f ms",
					run+1, b.runs, how, side.name, millis(gap))
				gaps[[2]string{how, side.name}] = append(gaps[[2]string{how, side.name}], gap)
			}
		}
	}
	return nil
}

// failover is one gap, on a cluster of its own.
func (b *bench) failover(ctx context.Context, side starter, how string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s, err := side.start(ctx, b)
	if s != nil {
		defer s.stop()
	}
	if err != nil {
		return 0, err
	}
	time.Sleep(failoverBefore) // the cluster settles
	leader, err := s.leader(ctx, 0)
	if err != nil {
		return 0, err
	}
	acks, err := startWriters(ctx, s, leader)
	if err != nil {
		return 0, err
	}
	defer acks.stop()
	time.Sleep(failoverBefore)
	fault := time.Now()
	s.nodes[leader].signal(faults[how])
	for ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		since := time.Since(fault)
		switch last := acks.last(); {
		case since > failoverWindow && last.After(fault) && time.Since(last) < time.Second:
			return longestGap(acks.stop(), fault)
		case since > failoverGiveUp:
			return 0, fmt.Errorf("no write was acknowledged within %v", failoverGiveUp)
		}
	}
	return 0, ctx.Err()
}

// longestGap is the longest time without an acknowledgement that reaches
// beyond the fault.
func longestGap(acks []time.Time, fault time.Time) (time.Duration, error) {
	slices.SortFunc(acks, time.Time.Compare)
	if len(acks) == 0 || acks[0].After(fault) {
		return 0, errors.New("no write was acknowledged before the fault")
	}
	var gap time.Duration
	for i := 1; i < len(acks); i++ {
		if acks[i].After(fault) {
			gap = max(gap, acks[i].Sub(acks[i-1]))
		}
	}
	return gap, nil
}

// ackLog is when writes were acknowledged, by any of the writers.
type ackLog struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu struct {
		sync.Mutex
		at []time.Time
	}
}

// startWriters lets one writer per survivor write as fast as it can.
func startWriters(ctx context.Context, s *server, leader int) (*ackLog, error) {
	ctx, cancel := context.WithCancel(ctx)
	a := &ackLog{cancel: cancel}
	for i := range s.nodes {
		if i == leader {
			continue
		}
		w, err := s.writer(i)
		if err != nil {
			a.stop()
			return nil, err
		}
		a.wg.Go(func() {
			defer w.close()
			a.write(ctx, w)
		})
	}
	return a, nil
}

func (a *ackLog) write(ctx context.Context, w writer) {
	for ctx.Err() == nil {
		if err := w.write(ctx); err != nil {
			time.Sleep(retryPause)
			continue
		}
		a.mu.Lock()
		a.mu.at = append(a.mu.at, time.Now())
		a.mu.Unlock()
	}
}

func (a *ackLog) last() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mu.at) == 0 {
		return time.Time{}
	}
	return a.mu.at[len(a.mu.at)-1]
}

// stop ends the writers; it may be called again.
func (a *ackLog) stop() []time.Time {
	a.cancel()
	a.wg.Wait()
	return a.mu.at
}
