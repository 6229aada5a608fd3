// Package idea is `parley lab`: one command for each idea of a course on
// distributed systems, which makes it happen and tells what is seen, and why. An
// idea works on the real parts: the clocks of package clock, the checkers of
// package check, and clusters of real processes that package dev runs.
//
// The ideas stand in one table (ideas). Each is made of a function that does the
// thing and returns what was found as data, which its test checks, and of one
// that tells it. The package knows a node from outside only: by its ports.
package idea
