package dev

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxFaultTime bounds delays and clock offsets.
const maxFaultTime = 24 * time.Hour

// between changes the faults of a towards b and, unless one way, of b towards
// a, and tells both.
func (s *supervisor) between(f Fault, ps []*process, change func(fs *faults, to string)) (string, error) {
	a, b := ps[0], ps[1]
	told := []*process{a}
	where := fmt.Sprintf("from %s to %s", a.Name, b.Name)
	if !f.OneWay {
		told = append(told, b)
		where = fmt.Sprintf("between %s and %s", a.Name, b.Name)
	}
	s.do(func() {
		change(&a.faults, b.Name)
		if !f.OneWay {
			change(&b.faults, a.Name)
		}
	})
	note, err := s.tell(told)
	return where + note, err
}

// tell sends the faults of some nodes to those that run. The rest get them
// when they come back, which note says.
func (s *supervisor) tell(ps []*process) (note string, err error) {
	type told struct {
		p    *process
		away bool
		err  error
	}
	results := make(chan told)
	for _, p := range ps {
		var exited chan struct{}
		s.do(func() {
			if p.cmd != nil && p.State != StatePaused {
				exited = p.exited
			}
		})
		go func() {
			if exited == nil {
				results <- told{p: p, away: true}
				return
			}
			away, err := s.pushOrGone(p, exited)
			results <- told{p, away, err}
		}()
	}
	var away []string
	for range ps {
		r := <-results
		if err = errors.Join(err, r.err); r.away {
			away = append(away, r.p.Name)
		}
	}
	if len(away) > 0 {
		slices.Sort(away)
		note = fmt.Sprintf(" (%s: when back)", strings.Join(away, ", "))
	}
	return note, err
}

// pushOrGone is push to a node that may be about to end, as one whose disk failed:
// it takes no requests any more, and is gone soon.
func (s *supervisor) pushOrGone(p *process, exited chan struct{}) (gone bool, err error) {
	if err = s.push(p, true); err == nil {
		return false, nil
	}
	select {
	case <-exited:
		return true, nil
	case <-time.After(requestTimeout):
		return false, err
	case <-s.ctx.Done():
		return false, err
	}
}

func (s *supervisor) cut(f Fault, ps []*process) (string, error) {
	where, err := s.between(f, ps, (*faults).setCut)
	return "nothing goes " + where, err
}

// join ends a cut.
func (s *supervisor) join(f Fault, ps []*process) (string, error) {
	where, err := s.between(f, ps, (*faults).endCut)
	return "messages go again " + where, err
}

func (s *supervisor) isolate(_ Fault, ps []*process) (string, error) {
	s.do(func() {
		for _, p := range s.nodes {
			if p != ps[0] {
				p.faults.setCut(ps[0].Name)
				ps[0].faults.setCut(p.Name)
			}
		}
	})
	note, err := s.tell(s.nodes)
	return ps[0].Name + " is cut off from all others" + note, err
}

func (s *supervisor) delay(f Fault, ps []*process) (string, error) {
	d, err := time.ParseDuration(f.Duration)
	if err != nil || d < 0 || d > maxFaultTime {
		return "", fmt.Errorf("delay %q: give a duration such as 100ms, up to %v; 0s ends it", f.Duration, maxFaultTime)
	}
	where, err := s.between(f, ps, func(fs *faults, to string) { fs.setDelay(to, d) })
	return fmt.Sprintf("%v of delay %s", d, where), err
}

func (s *supervisor) drop(f Fault, ps []*process) (string, error) {
	if f.Percent < 0 || f.Percent > 100 {
		return "", fmt.Errorf("drop %d: give a percentage from 0 to 100; 0 ends it", f.Percent)
	}
	where, err := s.between(f, ps, func(fs *faults, to string) { fs.setDrop(to, f.Percent) })
	return fmt.Sprintf("%d%% of messages are lost %s", f.Percent, where), err
}

func (s *supervisor) duplicate(f Fault, ps []*process) (string, error) {
	if f.Percent < 0 || f.Percent > 100 {
		return "", fmt.Errorf("duplicate %d: give a percentage from 0 to 100; 0 ends it", f.Percent)
	}
	where, err := s.between(f, ps, func(fs *faults, to string) { fs.setDuplicate(to, f.Percent) })
	return fmt.Sprintf("%d%% of messages arrive twice %s", f.Percent, where), err
}

func (s *supervisor) slow(f Fault, ps []*process) (string, error) {
	if f.Bytes < 0 {
		return "", fmt.Errorf("slow %d: give bytes a second; 0 ends it", f.Bytes)
	}
	where, err := s.between(f, ps, func(fs *faults, to string) { fs.setSlow(to, f.Bytes) })
	if f.Bytes == 0 {
		return "full speed " + where, err
	}
	return fmt.Sprintf("%d bytes a second %s", f.Bytes, where), err
}

func (s *supervisor) clock(f Fault, ps []*process) (string, error) {
	d, err := time.ParseDuration(f.Duration)
	if err != nil || d.Abs() > maxFaultTime {
		return "", fmt.Errorf("clock %q: give an offset such as 2s or -500ms, up to %v; 0s ends it", f.Duration, maxFaultTime)
	}
	var every time.Duration
	if f.Every != "" {
		if every, err = time.ParseDuration(f.Every); err != nil || every <= 0 || every > maxFaultTime {
			return "", fmt.Errorf("clock --every %q: give a time such as 500ms, up to %v", f.Every, maxFaultTime)
		}
	}
	s.do(func() { ps[0].faults.clock, ps[0].faults.jump = d, every })
	note, err := s.tell(ps)
	if every > 0 {
		return fmt.Sprintf("the clock of %s jumps by %v and back, every %v%s", ps[0].Name, d, every, note), err
	}
	return fmt.Sprintf("the clock of %s is off by %v%s", ps[0].Name, d, note), err
}

// heal ends the faults of networks, clocks and disks; processes stay as they are.
func (s *supervisor) heal(Fault, []*process) (string, error) {
	s.do(func() {
		for _, p := range s.nodes {
			p.faults = faults{}
		}
	})
	note, err := s.tell(s.nodes)
	return "all faults of networks, clocks and disks are healed" + note, err
}
