package heartbeat

import "time"

// A Watchdog watches the data of one connection, which may stop while the link
// lives. It is not safe for concurrent use.
type Watchdog struct {
	after time.Duration
	hours bool      // there are quiet ones
	quiet bool      // as of the last Tick
	from  time.Time // silence counts from here on
	told  time.Time // when the silence that lasts was reported; zero: it was not
}

// NewWatchdog returns one of a connection that opened at now, and calls data stale
// that has not come for after. hours: there are quiet hours, which do not count.
func NewWatchdog(after time.Duration, hours bool, now time.Time) *Watchdog {
	return &Watchdog{after: after, hours: hours, from: now}
}

// A Watch is the answer of a Watchdog.
type Watch struct {
	Stale *StaleError // not nil: no data came for too long; once in a silence
	Held  bool        // nobody reads: Tick again as soon as a read finds the socket empty
	Next  time.Time   // call Tick again at this time
}

// Tick decides at now. data is when the last message for the user was received; the
// zero time counts as the beginning of the connection. quiet is whether now is in
// quiet hours.
func (w *Watchdog) Tick(now, data time.Time, quiet bool, l Link) (d Watch) {
	if quiet || w.quiet { // what was before their end does not count
		w.from, w.told = now, time.Time{}
	}
	w.quiet = quiet
	if data.After(w.told) {
		w.told = time.Time{}
	}
	since := later(later(w.from, data), l.CaughtUp)
	due := since.Add(w.after)
	switch {
	case quiet || now.Before(due):
	case !w.told.IsZero():
		due = now.Add(w.after)
	case l.Empty.IsZero() || l.Unread: // it may be there
		d.Held, due = true, now.Add(w.after)
	default:
		d.Stale = &StaleError{Silence: now.Sub(since)}
		w.told, due = now, now.Add(w.after)
	}
	d.Next = due
	if w.hours {
		d.Next = sooner(due, now.Add(w.sample()))
	}
	return d
}

// sample is the time between two looks at whether the hour is quiet.
func (w *Watchdog) sample() time.Duration { return max(w.after/8, 1) }
