// Package verify is the body of `parley verify`: clients run a workload against
// a target at a given rate while faults are made and ended by a schedule, every
// operation is recorded, and what was recorded is judged.
//
// The recording is a file in Parley's format, written as the run goes: an end by
// Ctrl-C or a crash loses little. The judge reads that file, so that `parley
// check` of the same file finds the same. The package knows targets by the
// interfaces of package lab only.
package verify
