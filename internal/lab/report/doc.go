// Package report writes what the lab found as one HTML file that opens without
// a network: verdicts, latency and rate over time with the faults, and the
// minimal violation as a space-time diagram.
//
// It knows recorded histories and verdicts, not how they came about. A page is
// below 5 MB whatever the history's size: operations are counted into buckets,
// lists and texts are cut, and the page says what it leaves out. The history is
// read twice and never copied.
package report
