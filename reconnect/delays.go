package reconnect

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// delays draws the waits of one losing streak: full jitter, capped.
type delays struct {
	exp *backoff.ExponentialBackOff
	max time.Duration
}

// newDelays takes a Policy whose defaults are filled in.
func newDelays(p Policy) delays {
	exp := &backoff.ExponentialBackOff{
		// A factor of 1 draws from 0 to twice the interval, so that an interval
		// of d/2 gives exactly 0 to d. (A factor of 0.5 around d would give
		// d/2 to 3d/2: beyond the cap, and never at once.)
		RandomizationFactor: 1,
		InitialInterval:     half(p.Initial),
		MaxInterval:         half(p.Max),
		Multiplier:          p.Multiplier,
		MaxElapsedTime:      0, // Streak counts; the library's default would end a client silently after 15 min
		Stop:                backoff.Stop,
		Clock:               noClock{},
	}
	exp.Reset()
	return delays{exp, p.Max}
}

// next draws the next wait, from 0 to Max. Its bound then grows.
func (d delays) next() time.Duration {
	// The library caps the interval, not what it draws, and half rounds up.
	return min(max(d.exp.NextBackOff(), 0), d.max)
}

// reset begins again at Initial.
func (d delays) reset() { d.exp.Reset() }

// half returns d/2 rounded up: from a half of 0 nothing would ever grow.
func half(d time.Duration) time.Duration { return d/2 + d%2 }

// noClock keeps the library from reading the system clock: all it would be for
// is MaxElapsedTime, which is off.
type noClock struct{}

func (noClock) Now() time.Time { return time.Time{} }
