package reconnect

import (
	"slices"
	"sync"
	"time"
)

// The values that zero fields of a Limiter stand for.
const (
	defaultAttempts = 100
	defaultWindow   = time.Second
	defaultDials    = 100
)

// A Limiter is a budget for attempts to connect, shared by any number of clients:
// after an outage thousands of them come back no faster than it says, first come,
// first served. It counts by key, which by default is the host and port of the
// endpoint (whatever Prepare makes of its URL).
//
// Its fields must not be changed once a client has it. The methods are what the
// client runs on; they may be called from any goroutine, read no clock and never
// wait. A Limiter must not be copied.
type Limiter struct {
	// Attempts is how many attempts of one key may begin within any Window: a
	// venue's "300 connections per 5 minutes". Leave a margin: what begins in time
	// may arrive late. Attempts 0: 100; negative: no limit. Window 0: 1 s;
	// negative: an error.
	Attempts int
	Window   time.Duration

	// Dials is how many attempts of one key may be under way at the same time,
	// from Prepare to the end of the opening handshake. 0: 100. Negative: no
	// limit.
	Dials int

	// Key returns what an endpoint counts under, given its host and port, such as
	// "feed.example:443". It is called on the clients' goroutines and must not
	// block. Nil: the host and port.
	Key func(addr string) string

	mu      sync.Mutex
	base    time.Time // what the times within are relative to
	budgets map[string]*budget
}

// A Reservation is one attempt's place in a Limiter.
type Reservation struct {
	l       *Limiter
	key     string
	changed chan struct{}

	// Guarded by l.mu.
	after   time.Duration // when it wants to begin
	at      time.Duration // when it may
	waiting bool          // Begin was called: who does not wait holds up nobody
	begun   bool
	ended   bool
}

// limits returns the limits with their defaults filled in.
func (l *Limiter) limits() (attempts int, window time.Duration, dials int) {
	attempts, window, dials = l.Attempts, l.Window, l.Dials
	if attempts == 0 {
		attempts = defaultAttempts
	}
	if window == 0 {
		window = defaultWindow
	}
	if dials == 0 {
		dials = defaultDials
	}
	return attempts, window, dials
}

// Reserve takes a place for an attempt to connect to addr (host:port) that wants
// to begin at after, or as soon as possible thereafter. Nobody who has a place
// already is put off for it.
func (l *Limiter) Reserve(addr string, now, after time.Time) *Reservation {
	r := &Reservation{l: l, key: addr, changed: make(chan struct{}, 1)}
	if l.Key != nil {
		r.key = l.Key(addr)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.base.IsZero() {
		l.base = now
	}
	r.after = max(l.since(now), l.since(after))
	l.budget(r.key, l.since(now)).place(r)
	return r
}

// since returns t as the times within are.
func (l *Limiter) since(t time.Time) time.Duration { return min(t.Sub(l.base), maxDuration/2) }

// budget returns what is left of key.
func (l *Limiter) budget(key string, now time.Duration) *budget {
	if b := l.budgets[key]; b != nil {
		b.forget(l, now)
		return b
	}
	if l.budgets == nil {
		l.budgets = map[string]*budget{}
	}
	for k, b := range l.budgets { // a key that comes is the time to forget those that went
		if b.forget(l, now); len(b.started)+len(b.line)+b.dialing == 0 {
			delete(l.budgets, k)
		}
	}
	b := &budget{}
	l.budgets[key] = b
	return b
}

// Time is when the attempt may begin as things stand, save that it may have to
// wait for Dials.
func (r *Reservation) Time() time.Time {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	return r.l.base.Add(r.at)
}

// Changed has a token when Begin may say something else than before.
func (r *Reservation) Changed() <-chan struct{} { return r.changed }

// Begin reports whether the attempt may begin now; if so, it has, and End must
// follow. If not, it is to be asked again at Time, or if that has come when there
// is a token in Changed.
func (r *Reservation) Begin(now time.Time) bool {
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.begun || r.ended {
		return r.begun
	}
	t := l.since(now)
	b := l.budget(r.key, t)
	r.waiting = true
	if r.at > t {
		return false
	}
	i := b.pass(r)
	b.late(l, i, t)
	if _, _, dials := l.limits(); r.at > t || dials > 0 && i >= dials-b.dialing {
		return false
	}
	b.line = slices.Delete(b.line, i, i+1)
	if n := len(b.started); n > 0 {
		t = max(t, b.started[n-1]) // another goroutine looked at its clock later, and came first
	}
	b.started = append(b.started, t)
	b.dialing++
	r.begun = true
	return true
}

// Hasten lets the attempt begin as soon as possible. Begin is then to be asked
// again.
func (r *Reservation) Hasten(now time.Time) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if r.begun || r.ended {
		return
	}
	b := r.l.budget(r.key, r.l.since(now))
	i := b.leave(r)
	r.after = r.l.since(now)
	b.place(r)
	b.advance(r.l, i, r.after)
}

// End ends the attempt, or gives its place back if it has not begun: who waits
// moves up.
func (r *Reservation) End(now time.Time) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if r.ended {
		return
	}
	r.ended = true
	t := r.l.since(now)
	b := r.l.budget(r.key, t)
	if r.begun {
		b.dialing--
		b.ring(r.l, t)
		return
	}
	b.advance(r.l, b.leave(r), t)
}

// move sets when r may begin, and tells it.
func (r *Reservation) move(to time.Duration) {
	r.at = to
	r.ring()
}

func (r *Reservation) ring() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}
