package wsclient

import (
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// setHeartbeat puts the connection under the watch of p, from now on.
func (k *connection) setHeartbeat(p heartbeat.Policy, now time.Time) {
	q := &k.c.q
	q.mu.Lock()
	k.monitor = heartbeat.NewMonitor(p, now)
	k.w.barriers.auto, k.w.barriers.never = !p.IsOff() && !p.IsPassive(), p.IsPassive()
	q.watch(p.WithDefaults())
	k.beat = k.monitor.Tick(now, heartbeat.Link{}).Next
	if k.timer == nil {
		k.timer = time.AfterFunc(time.Hour, k.tick)
		k.timer.Stop()
	}
	k.arm(now)
	q.mu.Unlock()
}

// arm sets the timer; the queue's mutex is held.
func (k *connection) arm(now time.Time) {
	at := k.beat
	if at.IsZero() || !k.look.IsZero() && k.look.Before(at) {
		at = k.look
	}
	if at.Equal(k.due) || k.quiet {
		return
	}
	if k.due = at; at.IsZero() {
		k.timer.Stop()
		return
	}
	k.timer.Reset(at.Sub(now))
}

// tick runs when the timer says so: it probes, looks whether a barrier is due,
// and pronounces the verdict.
func (k *connection) tick() {
	unread := k.sock.unread()
	// First the mark, then the look: a read that falls asleep in between sees
	// the one or is seen by the other.
	k.held.Store(true)
	now, base := time.Now(), k.c.base
	link := heartbeat.Link{Received: base.Add(k.lastHeard()), Unread: unread}
	if empty := k.empty.Load(); empty != 0 {
		link.Empty = base.Add(time.Duration(empty))
	}
	q := &k.c.q
	q.mu.Lock()
	if k.quiet {
		q.mu.Unlock()
		return
	}
	d := k.monitor.Tick(now, link)
	k.beat, k.due = d.Next, time.Time{}
	if !d.Held {
		k.held.Store(false)
	}
	if d.Probe {
		k.w.barriers.wanted, k.w.barriers.probe = true, true
		k.w.kick()
	}
	if !k.look.IsZero() && !now.Before(k.look) {
		k.look = time.Time{}
		k.w.nudge()
	}
	k.arm(now)
	q.mu.Unlock()
	if t := k.c.opts.Trace; d.Probe && t != nil && t.Probe != nil {
		t.Probe()
	}
	if d.Dead != nil {
		k.end(&ending{err: failed("read", d.Dead)})
	}
}

// lastHeard is when the last byte was received, since Client.base.
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
	k.beat = k.monitor.Wrote(now)
	k.arm(now)
}

// lookAt lets the writer look whether a barrier is due; the queue's mutex is held.
func (k *connection) lookAt(at time.Time) {
	if k.look.IsZero() || at.Before(k.look) {
		k.look = at
		k.arm(time.Now())
	}
}

// pong takes a pong: it confirms, and measures the round trip.
func (k *connection) pong(p []byte) {
	q := &k.c.q
	q.mu.Lock()
	b, rtt, ok := k.w.barriers.pong(p, k.now)
	if ok {
		q.confirm(b.mark)
	} else if k.w.barriers.mute(k.now, 0) {
		q.hurry()
		k.mute = k.mute || k.w.barriers.needs && k.w.barriers.mute(k.now, q.patience)
	}
	if q.window.handed.n > k.w.barriers.covered {
		k.w.nudge() // the next barrier was waiting for this one's pong
	}
	q.unlock()
	if t := k.c.opts.Trace; rtt >= 0 && t != nil && t.RTT != nil {
		t.RTT(rtt)
	}
}

// still stops the timer for good.
func (k *connection) still() {
	q := &k.c.q
	q.mu.Lock()
	k.quiet = true
	k.timer.Stop()
	q.mu.Unlock()
}
