//go:build race

package wsclient_test

const raceEnabled = true

// seeds is how many of n seeds, or runs, are done: with the race detector each takes
// ten times as long, and shows its races in any of them.
func seeds(n uint64) uint64 { return max(n/4, 1) }
