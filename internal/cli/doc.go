// Package cli is the command line of parley, but for `serve`: commands that run
// a cluster on this machine, break it, and ask or change a running one.
//
// It knows a node only from outside, by RESP and HTTP, and holds no logic of
// the database. Exit codes: 0 done, 1 failed, 2 the command line is wrong.
package cli
