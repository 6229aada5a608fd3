package config

import "github.com/KimMachineGun/automemlimit/memlimit"

// Sizes that follow from the memory that a node may count on. A value cache
// that holds the keys in use is what makes many keys as fast as few; a large
// generation is written behind in fewer and larger pieces, and three of them
// may be in memory in a burst.
const (
	cacheShare      = 8
	leastCache      = 128 * MiB
	mostCache       = 1024 * GiB
	generationShare = 128
	leastGeneration = 32 * MiB
	mostGeneration  = 256 * MiB
)

// unknownMemory is counted on where the machine does not tell its memory.
const unknownMemory = GiB

// MachineMemory is what this process may use: the machine's memory, or what its
// cgroup (a container, a systemd unit) allows if that is less.
func MachineMemory() Size {
	return leastMemory(memlimit.FromSystem, memlimit.FromCgroup)
}

// leastMemory is the smallest of the limits that can be told.
func leastMemory(limits ...memlimit.Provider) Size {
	least := Size(0)
	for _, limit := range limits {
		n, err := limit()
		if err != nil || n == 0 || n > 1<<62 { // cgroup v1 tells "none" as a number near 1<<63
			continue
		}
		if least == 0 || Size(n) < least {
			least = Size(n)
		}
	}
	if least == 0 {
		return unknownMemory
	}
	return least
}

// completeSizes fills in the sizes that were not given.
func (c *Config) completeSizes() {
	if c.Memory == 0 && (c.Cache == 0 || c.Generation == 0) {
		c.Memory = MachineMemory()
	}
	if c.Cache == 0 {
		c.Cache = wholeMiB(min(max(c.Memory/cacheShare, leastCache), mostCache))
	}
	if c.Generation == 0 {
		c.Generation = wholeMiB(min(max(c.Memory/generationShare, leastGeneration), mostGeneration))
	}
}

func wholeMiB(s Size) Size { return s / MiB * MiB }
