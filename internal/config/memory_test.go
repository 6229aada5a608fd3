package config

import (
	"errors"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestSizesFollowFromMemory(t *testing.T) {
	for _, test := range []struct {
		memory            string
		cache, generation Size
	}{
		{"512MiB", 128 * MiB, 32 * MiB},
		{"1GiB", 128 * MiB, 32 * MiB},
		{"8GiB", GiB, 64 * MiB},
		{"25GiB", 3200 * MiB, 200 * MiB},
		{"16384GiB", 1024 * GiB, 256 * MiB},
		{"1024GiB", 128 * GiB, 256 * MiB},
		{"9000000001", 1072 * MiB, 67 * MiB}, // in whole MiB
	} {
		c, err := load(t, "", "--memory", test.memory)
		if err != nil {
			t.Fatal(err)
		}
		if c.Cache != test.cache || c.Generation != test.generation {
			t.Errorf("%s: cache %v, generation %v; want %v, %v", test.memory, &c.Cache, &c.Generation, &test.cache, &test.generation)
		}
	}
}

func TestGivenSizesStay(t *testing.T) {
	c, err := load(t, "cache = '7MiB'\n", "--generation", "3MiB", "--memory", "64GiB")
	if err != nil {
		t.Fatal(err)
	}
	if c.Cache != 7*MiB || c.Generation != 3*MiB {
		t.Errorf("cache %v, generation %v", c.Cache, c.Generation)
	}
}

func TestMemoryIsAskedOfTheMachine(t *testing.T) {
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Memory != MachineMemory() || c.Memory < 64*MiB {
		t.Errorf("memory %v, the machine says %v", c.Memory, MachineMemory())
	}
}

// A container's limit counts if it is below the machine's memory, and "no
// limit", which some kernels tell as a huge number, does not.
func TestLeastMemory(t *testing.T) {
	is := func(n uint64) memlimit.Provider { return memlimit.Limit(n) }
	none := func() (uint64, error) { return 0, errors.New("none") }
	for _, test := range []struct {
		limits []memlimit.Provider
		want   Size
	}{
		{[]memlimit.Provider{is(8 << 30), is(2 << 30)}, 2 * GiB},
		{[]memlimit.Provider{is(2 << 30), is(8 << 30)}, 2 * GiB},
		{[]memlimit.Provider{is(8 << 30), is(1<<63 - 4096)}, 8 * GiB},
		{[]memlimit.Provider{is(0), none, is(3 << 30)}, 3 * GiB},
		{[]memlimit.Provider{none, none}, unknownMemory},
	} {
		if got := leastMemory(test.limits...); got != test.want {
			t.Errorf("got %v, want %v", got, test.want)
		}
	}
}
