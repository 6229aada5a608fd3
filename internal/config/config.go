package config

import "time"

// Config is the configuration of one node. Its toml keys are the names of the
// flags; Flags documents each with its unit. Begin with Default.
type Config struct {
	File string `toml:"-"` // the TOML file of --config; empty for none

	Name string `toml:"name"`
	Site string `toml:"site"` // empty until Complete: the site in Initial, else the name
	Dir  string `toml:"dir"`

	RESP string `toml:"resp"` // host:port
	HTTP string `toml:"http"` // host:port; empty: no HTTP
	Peer string `toml:"peer"` // host:port; unused by a node alone

	Initial     string `toml:"initial"` // see ParseMembers
	Password    string `toml:"password"`
	AllowFaults bool   `toml:"allow-faults"`
	Fsync       bool   `toml:"fsync"`

	MaxClients      int           `toml:"max-clients"`
	MaxLine         Size          `toml:"max-line"`
	MaxBulk         Size          `toml:"max-bulk"`
	MaxArgs         int           `toml:"max-args"`
	MaxCommand      Size          `toml:"max-command"`
	MaxOutput       Size          `toml:"max-output"`
	MaxWaiting      Size          `toml:"max-waiting"`
	MaxClientMemory Size          `toml:"max-client-memory"`
	IdleTimeout     time.Duration `toml:"idle-timeout"` // 0: never
	WriteTimeout    time.Duration `toml:"write-timeout"`
	AuthTimeout     time.Duration `toml:"auth-timeout"` // 0: never
	OpTimeout       time.Duration `toml:"op-timeout"`

	ClockBound     time.Duration `toml:"clock-bound"`
	ClosedInterval time.Duration `toml:"closed-interval"`
	Tick           time.Duration `toml:"tick"`
	ElectionTicks  int           `toml:"election-ticks"`

	Memory     Size   `toml:"memory"` // 0 until Complete: this machine's
	LogKeep    Size   `toml:"log-keep"`
	Segment    Size   `toml:"segment"`
	Generation Size   `toml:"generation"` // 0 until Complete: by Memory
	Cache      Size   `toml:"cache"`      // 0 until Complete: by Memory
	LogLevel   string `toml:"log-level"`
}

// Default is the configuration of a node alone, for the local machine only.
func Default() Config {
	return Config{
		Name: "n1",
		Dir:  "parley-data",
		RESP: "127.0.0.1:7001",
		HTTP: "127.0.0.1:8001",
		Peer: "127.0.0.1:9001",

		Fsync: true,

		MaxClients:      10000,
		MaxLine:         64 * KiB,
		MaxBulk:         64 * MiB,
		MaxArgs:         1 << 20,
		MaxCommand:      65 * MiB,
		MaxOutput:       256 * MiB,
		MaxWaiting:      256 * MiB,
		MaxClientMemory: 512 * MiB,
		WriteTimeout:    30 * time.Second,
		AuthTimeout:     30 * time.Second,
		OpTimeout:       5 * time.Second,

		ClockBound:     500 * time.Millisecond,
		ClosedInterval: 200 * time.Millisecond,
		Tick:           50 * time.Millisecond,
		ElectionTicks:  10,

		LogKeep:  64 * MiB,
		Segment:  32 * MiB,
		LogLevel: "info",
	}
}
