// Package judge is the body of `parley check`: it reads a recorded history in
// any of the formats that package history knows, runs the levels asked for,
// and tells the verdicts as text or JSON and by its exit code.
//
// It is part of the shell: it opens files and, for --timeout, reads the clock.
// The judging itself is pure and lives in package check. It knows nothing of
// nodes, clusters or the lab.
package judge
