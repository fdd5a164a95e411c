package wsclient

import (
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// Trace is a set of hooks that are called where the thing happens, on whichever
// goroutine that is; they must not block. Any of them may be nil.
type Trace struct {
	// StateChange: ReadyState has changed.
	StateChange func(from, to ReadyState)
	// AttemptStart and AttemptDone enclose each attempt to connect, up to the
	// opening handshake. url has no credentials.
	AttemptStart func(number int, url string)
	AttemptDone  func(number int, url string, err error)
	// Phase: a phase of an attempt is over: the Prepare hook, looking up the host
	// (where net.Dialer does, for a name), TCP, the proxy, TLS, the opening
	// handshake, the OnConnect hook; those that there are, in this order, up to
	// the one that fails. took is how long it was.
	Phase func(number int, url string, phase reconnect.Phase, took time.Duration, err error)
	// Wait: the next attempt, to the endpoint url, begins after wait. Reconnect may
	// cut that short, and so may others that leave Reconnect.Limiter. Of a first
	// attempt it tells only if it has to wait.
	Wait func(number int, url string, wait time.Duration)
	// Limited: an attempt begins now that Reconnect.Limiter has held up for so long.
	Limited func(number int, url string, held time.Duration)
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
