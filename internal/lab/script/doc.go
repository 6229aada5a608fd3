// Package script runs small written schedules against a target: one operation
// after the other, faults in between, everything recorded as a history that can
// be judged. It knows targets by the interfaces of package lab only.
package script
