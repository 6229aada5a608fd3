//go:build race

package disk

// raceDetector says that tests are slow.
const raceDetector = true
