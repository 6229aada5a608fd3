// Package config is the configuration of one node: what it is called, where it
// keeps its data, where it listens, who its peers are at first, and its limits.
//
// Values come from three places, each overriding the one before: the defaults,
// a TOML file (--config), and flags. A key of the file is a flag's name without
// the dashes, and an unknown key is an error, so that a misspelt limit is not
// silently the default.
//
// The package does not know what the values do: it opens no socket and no file
// but the configuration's, and starts nothing.
package config
