package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Members are the nodes of the initial cluster in the order of their ids; a
// node alone is its only member, with id 1.
func (c *Config) Members() ([]Member, error) {
	members, err := ParseMembers(c.Initial)
	if err != nil || len(members) > 0 {
		return members, err
	}
	site := c.Site
	if site == "" {
		site = c.Name
	}
	return []Member{{ID: 1, Name: c.Name, Site: site, Peer: c.Peer}}, nil
}

// Self is this node among Members.
func (c *Config) Self() (Member, error) {
	members, err := c.Members()
	if err != nil {
		return Member{}, err
	}
	for _, m := range members {
		if m.Name == c.Name {
			return m, nil
		}
	}
	return Member{}, fmt.Errorf("name: %q is not in --initial %q: add it there, on every node, or correct --name", c.Name, c.Initial)
}

// Complete fills in what follows from the rest: the site, and sizes from the
// machine's memory.
func (c *Config) Complete() error {
	c.completeSizes()
	self, err := c.Self()
	if err == nil && c.Site == "" {
		c.Site = self.Site
	}
	return err
}

// Validate tells everything that is wrong with the configuration, or nil. Each
// error says which setting, what is wrong with it, and what it could be.
func (c *Config) Validate() error {
	return errors.Join(c.checkIdentity(), c.checkAddresses(), c.checkLimits(), c.checkTimes(), c.checkLogLevel())
}

func (c *Config) checkIdentity() error {
	errs := []error{checkName("name", c.Name)}
	if c.Site != "" {
		errs = append(errs, checkName("site", c.Site))
	}
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: is empty: give a directory for the node's data"))
	}
	self, err := c.Self()
	switch {
	case err != nil:
		errs = append(errs, err)
	case c.Site != "" && self.Site != c.Site:
		errs = append(errs, fmt.Errorf("site: %q, but --initial says that %s is at %q: make them the same, or leave --site out", c.Site, c.Name, self.Site))
	}
	return errors.Join(errs...)
}

func (c *Config) checkAddresses() error {
	errs := []error{checkAddress("resp", c.RESP)}
	used := map[string]string{}
	for _, a := range []struct{ what, address string }{{"resp", c.RESP}, {"http", c.HTTP}, {"peer", c.Peer}} {
		if a.address == "" {
			continue
		}
		if a.what != "resp" {
			errs = append(errs, checkAddress(a.what, a.address))
		}
		if _, port, err := net.SplitHostPort(a.address); err == nil && port == "0" {
			continue
		}
		if other, ok := used[a.address]; ok {
			errs = append(errs, fmt.Errorf("%s: %s is also the address of %s: give each its own port", a.what, a.address, other))
		}
		used[a.address] = a.what
	}
	if c.Peer == "" && c.Initial != "" {
		errs = append(errs, errors.New("peer: is empty, but --initial lists other nodes: give the host:port on which they reach this one"))
	}
	return errors.Join(errs...)
}

func (c *Config) checkLimits() error {
	const largest = 1 << 40
	return errors.Join(
		between("max-clients", c.MaxClients, 1, 1<<20),
		between("max-args", c.MaxArgs, 8, 1<<24),
		between("max-line", c.MaxLine, KiB, 64*MiB),
		between("max-bulk", c.MaxBulk, KiB, 64*MiB),
		between("max-command", c.MaxCommand, c.MaxBulk, 65*MiB),
		between("max-output", c.MaxOutput, MiB, largest),
		between("max-waiting", c.MaxWaiting, c.MaxCommand, largest),
		between("max-client-memory", c.MaxClientMemory, c.MaxCommand, largest),
		between("memory", c.Memory, 0, 1<<50),
		between("log-keep", c.LogKeep, MiB, largest),
		between("segment", c.Segment, MiB, GiB),
		between("generation", c.Generation, MiB, GiB),
		between("cache", c.Cache, MiB, largest),
	)
}

func (c *Config) checkTimes() error {
	const ms = time.Millisecond
	errs := []error{
		between("write-timeout", c.WriteTimeout, 100*ms, time.Hour),
		between("op-timeout", c.OpTimeout, 10*ms, 30*time.Minute),
		between("clock-bound", c.ClockBound, ms, time.Hour),
		between("closed-interval", c.ClosedInterval, 10*ms, time.Minute),
		between("tick", c.Tick, 5*ms, 10*time.Second),
		between("election-ticks", c.ElectionTicks, 3, 1000),
	}
	if c.AuthTimeout != 0 {
		errs = append(errs, between("auth-timeout (0 for never)", c.AuthTimeout, 100*ms, time.Hour))
	}
	if c.IdleTimeout != 0 {
		errs = append(errs, between("idle-timeout (0 for never)", c.IdleTimeout, time.Second, 1000*time.Hour))
	}
	return errors.Join(errs...)
}

func (c *Config) checkLogLevel() error {
	levels := []string{"debug", "info", "warn", "error"}
	if slices.Contains(levels, c.LogLevel) {
		return nil
	}
	return fmt.Errorf("log-level: %q is none of %s", c.LogLevel, strings.Join(levels, ", "))
}

func between[T int | Size | time.Duration](what string, v, low, high T) error {
	if v >= low && v <= high {
		return nil
	}
	return fmt.Errorf("%s: %v is out of range: give %v to %v", what, v, low, high)
}
