package wsclient

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/steadyws/steadyws/reconnect"
)

// attempt tries to connect once. Neither a connection nor an outcome is without the
// other.
func (c *Client) attempt(p *plan) (*connection, *outcome) {
	c.dials.Add(1)
	l := c.newLaps(p)
	b := c.begin(l)
	d, to, phase, err := c.connect(b, p, l)
	c.dialed(b)
	p.end()
	c.again.clear() // what was asked for while connecting is over
	if err == nil {
		k := newConnection(c, &d, int(c.sessions.Load())+1)
		if k.hook != nil {
			k.hook.laps = l
		}
		return k, nil
	}
	o := &outcome{}
	o.failure.Phase, o.event.URL = phase, to.text
	o.event.Code, o.event.Err = StatusAbnormalClosure, err
	if h, ok := errors.AsType[*HandshakeError](err); ok && phase != reconnect.PhasePrepare { // a hook's errors are its own
		o.failure.Status, o.failure.RetryAfter = h.Status, h.RetryAfter
	}
	return nil, o
}

// begin returns the context of an attempt, which our own end ends, until dialed.
func (c *Client) begin(l *laps) *bound {
	b := newBound(l.context(context.Background()))
	c.mu.Lock()
	c.dialing = b
	c.mu.Unlock()
	if c.stopping.Load() != nil { // it may not have seen b
		b.end(ErrClosed)
	}
	return b
}

// dialed ends the attempt.
func (c *Client) dialed(b *bound) {
	c.mu.Lock()
	c.dialing = nil
	c.mu.Unlock()
	c.stopTimer()
	b.end(nil)
}

// connect runs Prepare and dials what it has made of the endpoint, to.
func (c *Client) connect(b *bound, p *plan, l *laps) (d dialed, to *target, phase reconnect.Phase, err error) {
	to = &p.to.target
	header := c.opts.Header
	if c.opts.Prepare != nil {
		a := &Attempt{Number: p.number, URL: p.to.url, Header: header.Clone(), Err: p.last}
		if a.Header == nil {
			a.Header = http.Header{}
		}
		if err := c.prepare(b, a, l); err != nil {
			return d, to, reconnect.PhasePrepare, failed("prepare", err)
		}
		if a.URL != p.to.url {
			t, err := parseURL(a.URL)
			if err != nil {
				return d, to, reconnect.PhasePrepare, &OptionError{"url", err}
			}
			to = t
		}
		header = a.Header
	}
	l.to(to)
	d, phase, err = c.dialTraced(b, p.number, to, header)
	if err != nil {
		return d, to, phase, c.asFailure("dial", to, err)
	}
	return d, to, phase, nil
}

// prepare runs Prepare.
func (c *Client) prepare(ctx context.Context, a *Attempt, l *laps) error {
	ctx, cancel := withTimeout(ctx, c.opts.ConnectTimeout, "Prepare")
	defer cancel()
	err := c.opts.Prepare(ctx, a)
	l.done(reconnect.PhasePrepare, err)
	return err
}

// asFailure adds the operation to err, unless it is one of ours.
func (c *Client) asFailure(op string, to *target, err error) error {
	if len(c.endpoints) == 1 {
		switch err.(type) {
		case *HandshakeError, *OptionError, *opError:
			return err
		}
	}
	return failed(c.op(op, to), err)
}

// op names an operation, and where it went if that is not clear.
func (c *Client) op(op string, to *target) string {
	if len(c.endpoints) > 1 {
		op += " " + to.text
	}
	return op
}

func (c *Client) dialTraced(b *bound, number int, to *target, header http.Header) (dialed, reconnect.Phase, error) {
	if c.opts.Logger != nil {
		c.log(slog.LevelDebug, "connecting", "url", to.text, "attempt", number)
	}
	t := c.opts.Trace
	if t != nil && t.AttemptStart != nil {
		t.AttemptStart(number, to.text)
	}
	d, phase, err := c.dial(b, header, to)
	if t != nil && t.AttemptDone != nil {
		t.AttemptDone(number, to.text, err)
	}
	return d, phase, err
}
