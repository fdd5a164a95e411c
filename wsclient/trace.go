package wsclient

import "time"

// Trace is a set of hooks that are called where the thing happens, on whichever
// goroutine that is; they must not block. Any of them may be nil.
type Trace struct {
	// StateChange: ReadyState has changed.
	StateChange func(from, to ReadyState)
	// AttemptStart and AttemptDone enclose each attempt to connect, up to the
	// opening handshake. url has no credentials.
	AttemptStart func(number int, url string)
	AttemptDone  func(number int, url string, err error)
	// Probe: the heartbeat sends a probe.
	Probe func()
	// Stale: no data came for Options.StaleAfter.
	Stale func(silence time.Duration)
	// Dropped: a message that Send had accepted was thrown away. Its Data is the
	// receiver's. It runs on the goroutine that has thrown it away.
	Dropped func(reason DropReason, m Message)
	// RTT: a round trip was measured.
	RTT func(time.Duration)
	// SlowMessage: OnMessage has kept the client from reading for SlowAfter, and
	// still does. It comes once per read, on a goroutine of its own. messages is
	// how many of that read OnMessage was given so far, size the payload bytes of
	// the one it has now, took the time since it was given the first: a single
	// message is slow by itself, thousands are together.
	SlowMessage func(messages, size int, took time.Duration)
	// SlowAfter is what SlowMessage calls slow; 0: 1 s.
	SlowAfter time.Duration
}
