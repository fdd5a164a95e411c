package heartbeat

import "time"

// A Monitor watches one connection. It is not safe for concurrent use.
type Monitor struct {
	p      Policy
	asked  time.Time // when the last probe was asked for
	wrote  time.Time // when the first probe into this silence was written; zero: none
	latest time.Time // when the latest probe was written
	heard  time.Time // the last byte received, as the last Tick knew it
	grace  time.Time // no verdict before
	next   time.Time // when Tick asked to be called
	spared bool      // a late Tick was already forgiven in this silence
}

// NewMonitor returns a Monitor of a connection that opened at now.
func NewMonitor(p Policy, now time.Time) *Monitor {
	return &Monitor{p: p.WithDefaults(), heard: now}
}

// A Link is what is known of a connection at the time of a Tick.
type Link struct {
	// Received is when the last bytes were read from the socket; the zero time
	// counts as the beginning of the connection.
	Received time.Time
	// Empty is when a read found the socket empty and began to wait, as it
	// still does. It is the zero time while nobody reads: then silence proves
	// nothing, and the verdict is on hold.
	Empty time.Time
	// Unread is whether the kernel has bytes that were not yet read.
	Unread bool
}

// A Decision is the answer of a Tick.
type Decision struct {
	Probe bool          // send a probe now, and tell Wrote when it was written
	Dead  *TimeoutError // not nil: the connection is dead
	Held  bool          // a verdict is on hold: Tick again as soon as a read finds the socket empty
	Next  time.Time     // call Tick again at this time; zero: never
}

// Policy returns the policy in force, defaults filled in.
func (m *Monitor) Policy() Policy { return m.p }

// Wrote tells that a probe was handed to the kernel at now, and returns when
// Tick wants to be called for it.
func (m *Monitor) Wrote(now time.Time) time.Time {
	if m.wrote.IsZero() {
		m.wrote = now
	}
	m.latest = now
	m.next = sooner(m.next, now.Add(m.p.Timeout))
	return m.next
}

// Tick decides at now, given what is known of the connection.
func (m *Monitor) Tick(now time.Time, l Link) (d Decision) {
	if m.p.IsOff() {
		return d
	}
	if l.Received.After(m.heard) {
		m.heard, m.spared = l.Received, false
	}
	if !m.wrote.After(m.heard) { // answered, but perhaps not those that were written later
		m.wrote = m.latest
	}
	if !m.wrote.After(m.heard) {
		m.wrote = time.Time{}
	}
	d = m.verdict(now, l)
	if d.Dead != nil || m.p.IsPassive() {
		m.next = d.Next
		return d
	}
	due := later(m.heard, m.asked).Add(m.p.Interval)
	if !now.Before(due) {
		d.Probe, m.asked = true, now
		due = now.Add(m.p.Interval)
	}
	d.Next = sooner(d.Next, due)
	m.next = d.Next
	return d
}

// verdict judges the silence. Its Next is when it will be due, if one is.
func (m *Monitor) verdict(now time.Time, l Link) (d Decision) {
	from, extra := m.wrote, time.Duration(0)
	if m.p.IsPassive() {
		from, extra = m.heard, m.p.Interval
	}
	if from.IsZero() {
		return d
	}
	if l.Empty.IsZero() {
		d.Held = true
		if m.p.IsPassive() { // no probe's deadline to wake up for
			d.Next = now.Add(extra).Add(m.p.Timeout)
		}
		return d
	}
	if late := !m.next.IsZero() && now.Sub(m.next) > m.p.Timeout/10; late && !m.spared {
		// We were not running, and the reader may not have been either.
		m.spared, m.grace = true, now.Add(m.p.Timeout)
	}
	due := later(later(from, l.Empty).Add(extra).Add(m.p.Timeout), m.grace)
	if l.Unread && !now.Before(due) {
		// The bytes that prove life are there.
		m.grace = now.Add(m.p.Timeout)
		due = m.grace
	}
	if now.Before(due) {
		d.Next = due
		return d
	}
	d.Dead = &TimeoutError{Silence: now.Sub(m.heard)}
	if !m.p.IsPassive() {
		d.Dead.Waited = now.Sub(m.wrote)
	}
	return d
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sooner returns the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
