//go:build !race

package wsclient_test

const raceEnabled = false

func seeds(n uint64) uint64 { return n }
