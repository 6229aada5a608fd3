// Package lab is the vocabulary of the laboratory: a database under test, a
// session with it, and the faults that are made while it works. Packages below
// it implement targets, run workloads against them, draw what happened, and
// show single ideas.
//
// The lab is a black box: it knows a database by its ports, its processes and
// its files, Parley no less than etcd or Redis. It imports no part of a node.
package lab
