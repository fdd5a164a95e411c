package wsclient

import (
	"math/rand/v2"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// Variables for the tests only: the clock that goes on while the machine sleeps,
// and what draws the time of a first probe.
var (
	wallClock = func(now time.Time) time.Time { return now.Round(0) }
	jitter    = rand.Float64
)

// setHeartbeat puts the connection under the watch of p, from now on.
func (k *connection) setHeartbeat(p heartbeat.Policy, now time.Time) {
	p = p.WithDefaults()
	q := &k.c.q
	q.mu.Lock()
	k.monitor = *heartbeat.NewMonitor(p, now)
	k.monitor.Jitter(jitter())
	k.talk = newTalk(p, k.talk)
	k.w.pace.heed(p)
	k.w.controls.forgetProbes()
	if b := &k.w.barriers; b.probe { // of the policy before
		b.probe, b.wanted = false, false
	}
	// Where the probe is a message, pings go out only for who asks for them.
	k.w.barriers.auto = !p.IsOff() && !p.IsPassive() && p.Probe == nil
	k.w.barriers.never = p.IsPassive()
	k.away = k.awayAfter(p)
	q.watch(p)
	k.quiet = false
	k.beat = q.since(k.monitor.Tick(now, heartbeat.Link{Wall: wallClock(now)}).Next)
	k.arm(now)
	q.mu.Unlock()
}

// arm sets the timer; the queue's mutex is held.
func (k *connection) arm(now time.Time) {
	at := sooner(k.beat, k.look)
	if k.stale != nil {
		at = sooner(at, k.stale.next)
	}
	if at == k.due || k.quiet {
		return
	}
	if k.due = at; at != 0 {
		k.c.setTimer(at - k.c.q.since(now))
	} else {
		k.c.stopTimer()
	}
}

// sooner returns the earlier of two times, of which 0 is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// setTimer lets tick run after d. There is one timer: during an attempt it is the run
// goroutine's, later the connection's, and the queue's mutex is held.
func (c *Client) setTimer(d time.Duration) {
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.tick)
	} else {
		c.timer.Reset(d)
	}
}

func (c *Client) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// tick looks what is due, which may be nothing: what the timer was set for may be over.
func (c *Client) tick() {
	c.mu.Lock()
	b := c.dialing
	c.mu.Unlock()
	if b != nil {
		b.tick()
	} else if k := c.current.Load(); k != nil {
		k.tick()
	}
}

// tick runs when the timer says so: it probes, looks whether a barrier is due,
// and pronounces the verdict.
func (k *connection) tick() {
	if k.overdue() {
		return
	}
	unread := k.sock.unread()
	// First the mark, then the look: a read that falls asleep in between sees
	// the one or is seen by the other.
	k.held.Store(true)
	now, base := time.Now(), k.c.q.base
	link := heartbeat.Link{Received: base.Add(k.lastHeard()), Unread: unread, Wall: wallClock(now)}
	if empty := k.empty.Load(); empty != 0 {
		link.Empty = base.Add(time.Duration(empty))
	}
	if at := k.caughtUp.Load(); at != 0 {
		link.CaughtUp = base.Add(time.Duration(at))
	}
	held := k.tickData(now, link)
	q := &k.c.q
	q.mu.Lock()
	if k.quiet {
		q.mu.Unlock()
		return
	}
	d := k.monitor.Tick(now, link)
	k.beat, k.due = q.since(d.Next), 0
	if !d.Held && !held {
		k.held.Store(false)
	}
	var ask *talk
	switch {
	case !d.Probe:
	case !k.talk.probes():
		k.w.barriers.wanted, k.w.barriers.probe = true, true
		k.w.kick()
	case !k.w.controls.asks(): // the last one has left
		ask = k.talk
	}
	if k.look != 0 && q.since(now) >= k.look {
		k.look = 0
		k.w.nudge()
	}
	k.arm(now)
	q.mu.Unlock()
	if ask != nil {
		k.ask(ask, now)
	}
	if t := k.c.opts.Trace; d.Probe && t != nil && t.Probe != nil {
		t.Probe()
	}
	if d.Dead != nil {
		k.end(&ending{err: failed("read", d.Dead)})
	}
}

// lastHeard is when the last byte was received, since queue.base.
func (k *connection) lastHeard() time.Duration {
	last := k.heard.Load()
	if k.pulse != nil {
		last = max(last, k.pulse.heard.Load())
	}
	return time.Duration(last)
}

// tickSoon lets tick look again at once.
func (k *connection) tickSoon() {
	q := &k.c.q
	q.mu.Lock()
	k.lookAt(time.Now()) // as an arm that comes before the timer has run would put off the beat
	q.mu.Unlock()
}

// probed is called by the writer when a probe was handed over; the queue's
// mutex is held.
func (k *connection) probed(now time.Time) {
	k.beat = k.c.q.since(k.monitor.Wrote(now))
	k.arm(now)
}

// lookAt lets the writer look whether a barrier is due; the queue's mutex is held.
func (k *connection) lookAt(at time.Time) {
	if look := k.c.q.since(at); k.look == 0 || look < k.look {
		k.look = look
		k.arm(time.Now())
	}
}

// pong takes a pong: it confirms, and measures the round trip.
func (k *connection) pong(p []byte) {
	q := &k.c.q
	q.mu.Lock()
	mark, rtt, ok := k.w.barriers.pong(p, k.now)
	if rtt >= 0 && !k.talk.probes() {
		k.monitor.Answered(k.now.Add(-rtt), k.now)
	}
	if ok {
		q.confirm(mark)
	} else if k.w.barriers.mute(k.now, 0) {
		q.hurry()
		k.mute = k.mute || k.w.barriers.needs && k.w.barriers.mute(k.now, q.patience)
	}
	if q.window.handed.n > k.w.barriers.covered {
		k.w.nudge() // the next barrier was waiting for this one's pong
	}
	q.unlock()
	k.traceRTT(rtt)
}

// still stops the timer for good.
func (k *connection) still() {
	q := &k.c.q
	q.mu.Lock()
	k.quiet, k.due = true, 0
	k.c.stopTimer()
	q.mu.Unlock()
}
