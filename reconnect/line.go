package reconnect

import (
	"slices"
	"sort"
	"time"
)

// budget is what is left of one key. Times are relative to Limiter.base.
type budget struct {
	started []time.Duration // attempts of the last Window, oldest first
	line    []*Reservation  // those that have not begun, in the order of their times
	dialing int             // those under way

	// In between there is no room: what the last search has found.
	fullFrom, fullTo time.Duration
}

// forget forgets the attempts of which the limits know nothing any more.
func (b *budget) forget(l *Limiter, now time.Duration) {
	attempts, window, _ := l.limits()
	n := 0
	for n < len(b.started) && (attempts < 0 || b.started[n] <= now-window) {
		n++
	}
	b.started = slices.Delete(b.started, 0, n)
}

// at is when the i-th attempt began or will, of those that have begun and those
// in line.
func (b *budget) at(i int) time.Duration {
	if i < len(b.started) {
		return b.started[i]
	}
	return b.line[i-len(b.started)].at
}

// place puts r in line, at the first time from r.after on at which it is within
// the limits and puts off nobody.
func (b *budget) place(r *Reservation) {
	attempts, window, _ := r.l.limits()
	n, from := len(b.started)+len(b.line), r.after
	if from >= b.fullFrom && from < b.fullTo {
		from = b.fullTo
	}
	// Behind all that go before it, and those of the same time.
	p := len(b.started) + sort.Search(len(b.line), func(i int) bool { return b.line[i].at > from })
	for r.at = from; attempts > 0; p++ {
		if r.at = from; p > 0 {
			r.at = max(r.at, b.at(p-1))
		}
		if p >= attempts {
			r.at = max(r.at, b.at(p-attempts)+window)
		}
		if p == n || r.at < b.at(p) && b.bears(r.at, p, attempts, window) {
			break
		}
	}
	if r.at > r.after {
		b.fullFrom, b.fullTo = r.after, r.at
	}
	b.line = slices.Insert(b.line, p-len(b.started), r)
}

// bears reports whether the limit of attempts still holds for those behind the
// p-th if there is one more at t before it.
func (b *budget) bears(t time.Duration, p, attempts int, window time.Duration) bool {
	n := len(b.started) + len(b.line)
	if last := p + attempts - 1; last < n && b.at(last) < t+window {
		return false
	}
	for first := max(0, p-attempts+1); first < p && first+attempts-1 < n; first++ {
		if b.at(first+attempts-1) < b.at(first)+window {
			return false
		}
	}
	return true
}

// leave takes r out of the line and returns the place it had.
func (b *budget) leave(r *Reservation) int {
	i := slices.Index(b.line, r)
	b.line = slices.Delete(b.line, i, i+1)
	b.fullFrom, b.fullTo = 0, 0
	return i
}

// pass moves r, whose time has come, ahead of those that do not wait for theirs,
// such as a client whose callback takes long, and returns its place in line.
func (b *budget) pass(r *Reservation) int {
	i := slices.Index(b.line, r)
	var absent []*Reservation
	n := 0
	for _, o := range b.line[:i] {
		if o.waiting {
			b.line[n] = o
			n++
		} else {
			absent = append(absent, o)
		}
	}
	b.line[n] = r
	copy(b.line[n+1:], absent)
	return n
}

// late takes into account that the first in line up to the i-th, whose times have
// come, do not begin before now.
func (b *budget) late(l *Limiter, i int, now time.Duration) {
	attempts, window, _ := l.limits()
	for j, r := range b.line {
		t := r.at
		if j <= i {
			t = max(t, now)
			if k := len(b.started) + j - attempts; attempts > 0 && k >= 0 {
				t = max(t, b.at(k)+window)
			}
		}
		if j > 0 {
			t = max(t, b.line[j-1].at)
		}
		if t > r.at {
			// Whose time is now has asked, and waits for Dials: if it were told, it would
			// ask again, and put off the others again, for ever.
			if r.at = t; t > now {
				r.ring()
			}
			b.fullFrom, b.fullTo = 0, 0
		} else if j > i {
			return
		}
	}
}

// advance lets those from the i-th on move up, where there is room.
func (b *budget) advance(l *Limiter, i int, now time.Duration) {
	attempts, window, _ := l.limits()
	for j := i; j < len(b.line) && attempts > 0; j++ {
		r := b.line[j]
		t := max(r.after, now)
		if k := len(b.started) + j; k > 0 {
			t = max(t, b.at(k-1))
			if k >= attempts {
				t = max(t, b.at(k-attempts)+window)
			}
		}
		if t < r.at {
			r.move(t)
		}
	}
	b.ring(l, now)
}

// ring tells those that waited for Dials, and now need not.
func (b *budget) ring(l *Limiter, now time.Duration) {
	_, _, dials := l.limits()
	for i, r := range b.line {
		if r.at > now || dials > 0 && i >= dials-b.dialing {
			return
		}
		r.ring()
	}
}
