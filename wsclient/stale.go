package wsclient

import (
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// stale is what is known of the data of a connection: see Options.StaleAfter.
type stale struct {
	data atomic.Int64 // when the last message for the user was received, in nanoseconds since queue.base; 0: none was
	told atomic.Pointer[heartbeat.StaleError]

	// Guarded by the queue's mutex.
	dog  *heartbeat.Watchdog
	next time.Duration // when it wants to be ticked, since queue.base
	held bool          // or as soon as a read finds the socket empty
}

// note tells that a message for the user was received; s may be nil.
func (s *stale) note(at time.Duration) {
	if s != nil {
		s.data.Store(int64(at))
	}
}

// checkStale refuses what means nothing.
func (o *Options) checkStale() error {
	switch {
	case o.StaleAfter < 0:
		return option("StaleAfter", "negative; 0 turns it off")
	case o.StaleAfter == 0 && o.StaleQuiet != nil:
		return option("StaleQuiet", "means nothing without StaleAfter")
	case o.StaleAfter == 0 && o.StaleReconnect:
		return option("StaleReconnect", "means nothing without StaleAfter")
	}
	return nil
}

// awayAfter is how long the reader may be elsewhere before silence in the meantime
// proves nothing, if anybody wants to know that under p.
func (k *connection) awayAfter(p heartbeat.Policy) (d time.Duration) {
	if p.AnswersOnly && !p.IsOff() {
		d = p.Timeout
	}
	if after := k.c.opts.StaleAfter; after > 0 && (d == 0 || after < d) {
		d = after
	}
	return d / 10
}

// watchData begins to watch the data of a connection that has just opened.
func (k *connection) watchData(now time.Time) {
	o := k.c.opts
	if o.StaleAfter == 0 {
		return
	}
	q := &k.c.q
	q.mu.Lock()
	k.stale = &stale{dog: heartbeat.NewWatchdog(o.StaleAfter, o.StaleQuiet != nil, now), next: q.since(now)}
	if o.StaleQuiet == nil {
		k.stale.next += o.StaleAfter
	}
	k.arm(now)
	q.mu.Unlock()
}

// tickData looks at the data if that is due. held: it wants another look as soon as
// a read finds the socket empty.
func (k *connection) tickData(now time.Time, l heartbeat.Link) (held bool) {
	q, o := &k.c.q, k.c.opts
	q.mu.Lock()
	s := k.stale
	due := s != nil && !k.quiet && (s.held || q.since(now) >= s.next)
	q.mu.Unlock()
	if !due {
		return false
	}
	quiet := o.StaleQuiet != nil && o.StaleQuiet(now)
	var data time.Time
	if at := s.data.Load(); at != 0 {
		data = k.c.q.base.Add(time.Duration(at))
	}
	q.mu.Lock()
	d := s.dog.Tick(now, data, quiet, l)
	s.next, s.held = q.since(d.Next), d.Held
	q.mu.Unlock()
	if d.Stale != nil {
		k.staleNow(d.Stale)
	}
	return d.Held
}

// staleNow tells, and ends the connection if that was asked for.
func (k *connection) staleNow(e *heartbeat.StaleError) {
	o := k.c.opts
	if t := o.Trace; t != nil && t.Stale != nil {
		t.Stale(e.Silence)
	}
	if o.StaleReconnect {
		k.end(&ending{manner: requested, err: failed("receive", e), code: StatusNormalClosure, reason: "no data", limit: bothClosed})
		return
	}
	k.stale.told.Store(e)
	k.wake()
}

// tellStale tells OnError, on the run goroutine.
func (k *connection) tellStale() {
	if k.stale == nil {
		return
	}
	if e := k.stale.told.Swap(nil); e != nil {
		k.c.q.enter(k.now)
		k.c.complain(failed("receive", e))
		k.c.q.leave()
	}
}

// napLook is how often a pause looks whether the machine slept.
const napLook = 5 * time.Second

// An asleep notices, while the client waits, that the machine has slept.
type asleep struct {
	look   *time.Ticker
	clocks heartbeat.Clocks
}

func newAsleep() *asleep {
	a := &asleep{look: time.NewTicker(napLook)}
	now := time.Now()
	a.clocks.Slept(now, wallClock(now))
	return a
}

func (a *asleep) stop() { a.look.Stop() }

// check returns for how long it has slept since the last time.
func (a *asleep) check() time.Duration {
	now := time.Now()
	return a.clocks.Slept(now, wallClock(now))
}
