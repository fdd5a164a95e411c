package wsclient

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// laps tell Trace.Phase how an attempt gets on.
type laps struct {
	tell   func(number int, url string, phase reconnect.Phase, took time.Duration, err error)
	number int
	url    string

	mu     sync.Mutex // a NetDial may look up names on goroutines of its own
	began  time.Time  // the phase that is under way
	dialed bool       // Prepare is over, which may look up names of its own
	over   bool       // a phase has failed
}

// newLaps returns nil if nobody listens.
func (c *Client) newLaps(p *plan) *laps {
	t := c.opts.Trace
	if t == nil || t.Phase == nil {
		return nil
	}
	return &laps{tell: t.Phase, number: p.number, url: p.to.target.text, began: time.Now()}
}

// to notes where the attempt leads: it begins to dial.
func (l *laps) to(t *target) {
	if l != nil {
		l.mu.Lock()
		l.url, l.dialed = t.text, true
		l.mu.Unlock()
	}
}

// lookedUp notes that a name was looked up.
func (l *laps) lookedUp(err error) {
	l.mu.Lock()
	dialed := l.dialed
	l.mu.Unlock()
	if dialed {
		l.done(reconnect.PhaseDNS, err)
	}
}

// done notes that a phase is over. The one behind it begins.
func (l *laps) done(phase reconnect.Phase, err error) {
	if l == nil {
		return
	}
	now := time.Now()
	l.mu.Lock()
	over, took := l.over, now.Sub(l.began)
	l.began, l.over = now, over || err != nil
	l.mu.Unlock()
	if !over {
		l.tell(l.number, l.url, phase, took, err)
	}
}

type lapsKey struct{}

// context returns a context for an attempt that knows l. The look-up of a name is
// part of what net.Dialer does; it tells of it.
func (l *laps) context(ctx context.Context) context.Context {
	if l == nil {
		return ctx
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) { l.lookedUp(i.Err) },
	})
	return context.WithValue(ctx, lapsKey{}, l)
}

// lap notes that a phase of the attempt that ctx belongs to is over.
func lap(ctx context.Context, phase reconnect.Phase, err error) {
	l, _ := ctx.Value(lapsKey{}).(*laps)
	l.done(phase, err)
}

// tracePlan tells of an attempt that is to come.
func (c *Client) tracePlan(p *plan) {
	wait := max(time.Until(p.at), 0)
	if t := c.opts.Trace; t != nil && t.Wait != nil && (p.last != nil || wait > 0) {
		t.Wait(p.number, p.to.target.text, wait)
	}
}
