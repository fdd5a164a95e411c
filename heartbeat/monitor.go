package heartbeat

import "time"

// A Monitor watches one connection. It is not safe for concurrent use.
type Monitor struct {
	p      Policy
	opened time.Time
	first  time.Duration // from then to the first probe
	asked  time.Time     // when the last probe was asked for; zero: none was
	open   []time.Time   // when the probes that nothing has answered were written, oldest first
	need   int           // how many of them make a verdict
	heard  time.Time     // the last byte received, as the last Tick knew it
	alive  time.Time     // what last proved life: that, or an answer
	grace  time.Time     // no verdict before
	next   time.Time     // when Tick asked to be called
	spared bool          // a late Tick was already forgiven in this silence
	clocks Clocks
}

// NewMonitor returns a Monitor of a connection that opened at now.
func NewMonitor(p Policy, now time.Time) *Monitor {
	p = p.WithDefaults()
	return &Monitor{p: p, opened: now, first: p.Interval, need: p.Misses, heard: now, alive: now}
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
	// CaughtUp is when a read found the socket empty after nobody had read for a
	// while; the zero time: there was no such while. It is what Empty is where bytes
	// alone prove nothing, since each of them renews that.
	CaughtUp time.Time
	// Unread is whether the kernel has bytes that were not yet read.
	Unread bool
	// Wall is the wall clock's time; zero: unknown. It tells that the machine slept.
	Wall time.Time
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

// Jitter draws the time of the first probe, if the policy wants that: u, at least 0
// and less than 1, is the part of Interval that it comes after.
func (m *Monitor) Jitter(u float64) {
	if m.p.Jitter && !m.p.IsOff() {
		m.first = max(time.Duration(u*float64(m.p.Interval)), 1)
	}
}

// Wrote tells that a probe was handed to the kernel at now, and returns when
// Tick wants to be called for it.
func (m *Monitor) Wrote(now time.Time) time.Time {
	if m.open == nil {
		m.open = make([]time.Time, 0, 2*m.p.Misses)
	}
	if k := m.p.Misses; len(m.open) == 2*k { // the first k decide, or else the latest
		m.open = append(m.open[:k], m.open[k+1:]...)
	}
	if m.open = append(m.open, now); len(m.open) >= m.need {
		m.next = sooner(m.next, now.Add(m.p.Timeout))
	}
	return m.next
}

// Answered tells that an answer came at now to what was written at sent, or to all
// up to then; of a beat, sent is now. It proves more than its bytes only under
// AnswersOnly.
func (m *Monitor) Answered(sent, now time.Time) {
	if m.p.AnswersOnly {
		m.lives(now)
		m.settle(sent)
	}
}

// lives notes what proves life.
func (m *Monitor) lives(at time.Time) {
	m.alive, m.need, m.spared = at, m.p.Misses, false
}

// settle forgets the probes that were written up to a time: they are answered.
func (m *Monitor) settle(upTo time.Time) {
	n := 0
	for n < len(m.open) && !m.open[n].After(upTo) {
		n++
	}
	m.open = append(m.open[:0], m.open[n:]...)
}

// Tick decides at now, given what is known of the connection.
func (m *Monitor) Tick(now time.Time, l Link) (d Decision) {
	if m.p.IsOff() {
		return d
	}
	m.listen(l)
	woke := !l.Wall.IsZero() && m.clocks.Slept(now, l.Wall) > 0
	if woke { // what was before says little about now; one more probe will
		m.open, m.need, m.grace = m.open[:0], 1, later(m.grace, now.Add(m.p.Timeout))
	}
	d = m.verdict(now, l)
	if d.Dead != nil || m.p.IsPassive() {
		m.next = d.Next
		return d
	}
	due := m.due()
	if woke || !now.Before(due) {
		d.Probe, m.asked = true, now
		due = now.Add(m.p.Interval)
	}
	d.Next = sooner(d.Next, due)
	m.next = d.Next
	return d
}

// listen takes what was received.
func (m *Monitor) listen(l Link) {
	fresh := l.Received.After(m.heard)
	if fresh {
		m.heard = l.Received
	}
	if m.p.AnswersOnly {
		return
	}
	if fresh {
		m.lives(m.heard)
	}
	m.settle(m.heard) // perhaps not those that were written later
}

// due is when the next probe is.
func (m *Monitor) due() time.Time {
	from, wait := m.heard, m.p.Interval
	if m.p.Fixed || m.p.AnswersOnly && len(m.open) > 0 { // silent or not
		from = m.opened
	}
	if m.asked.IsZero() {
		wait = m.first
	}
	return later(from, m.asked).Add(wait)
}

// verdict judges the silence. Its Next is when it will be due, if one is.
func (m *Monitor) verdict(now time.Time, l Link) (d Decision) {
	var from time.Time
	var extra time.Duration
	switch {
	case m.p.IsPassive():
		from, extra = m.alive, m.p.Interval
	case len(m.open) >= m.need:
		from = m.open[m.need-1]
	default:
		return d
	}
	read := l.Empty
	if m.p.AnswersOnly {
		read = l.CaughtUp
	}
	if l.Empty.IsZero() || m.p.AnswersOnly && l.Unread {
		d.Held = true
		if m.p.IsPassive() || m.p.AnswersOnly { // no probe's deadline to wake up for, or one that has passed
			d.Next = now.Add(extra).Add(m.p.Timeout)
		}
		return d
	}
	if late := !m.next.IsZero() && now.Sub(m.next) > m.p.Timeout/10; late && !m.spared {
		// We were not running, and the reader may not have been either.
		m.spared, m.grace = true, now.Add(m.p.Timeout)
	}
	due := later(later(from, read).Add(extra).Add(m.p.Timeout), m.grace)
	if l.Unread && !now.Before(due) {
		// The bytes that prove life are there.
		m.grace = now.Add(m.p.Timeout)
		due = m.grace
	}
	if now.Before(due) {
		d.Next = due
		return d
	}
	d.Dead = &TimeoutError{Silence: now.Sub(m.alive), Answers: m.p.AnswersOnly}
	if !m.p.IsPassive() {
		d.Dead.Waited = now.Sub(from)
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
