package heartbeat

import "time"

// sleepLeast is what a clock may be set forward by without anybody having slept.
const sleepLeast = 5 * time.Second

// Clocks notices that the machine slept: the monotonic clock stood still then, and
// timers with it, and the wall clock went on. Being set forward looks the same,
// and does no harm. The zero value has not looked yet.
type Clocks struct{ now, wall time.Time }

// Slept returns how long the machine has slept since the last look; 0: not, or less
// than 5 s. now has the monotonic reading, wall has none (time.Time.Round(0)).
func (c *Clocks) Slept(now, wall time.Time) (d time.Duration) {
	if !c.wall.IsZero() {
		d = wall.Sub(c.wall) - now.Sub(c.now)
	}
	if c.now, c.wall = now, wall; d < sleepLeast {
		return 0
	}
	return d
}
