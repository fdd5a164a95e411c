package wsclient

import (
	"context"
	"errors"
	"log/slog"

	"github.com/steadyws/steadyws/reconnect"
)

// attempt tries to connect once and lives through the connection if there is
// one.
func (c *Client) attempt(p *plan) (o outcome) {
	c.dials.Add(1)
	a := &Attempt{Number: p.number, URL: p.to.url, Header: c.opts.Header.Clone(), Err: p.last}
	l := c.newLaps(p)
	o.event.URL = p.to.target.text
	d, phase, err := c.connect(a, p, l, &o.event.URL)
	p.end()
	c.forgetReconnect()
	if err == nil {
		return c.live(newConnection(c, d, int(c.sessions.Load())+1), l)
	}
	o.failure.Phase = phase
	o.event.Code, o.event.Err = StatusAbnormalClosure, err
	if h, ok := errors.AsType[*HandshakeError](err); ok && phase != reconnect.PhasePrepare { // a hook's errors are its own
		o.failure.Status, o.failure.RetryAfter = h.Status, h.RetryAfter
	}
	return o
}

// connect runs Prepare and dials what it has made of the endpoint; shown is its
// URL.
func (c *Client) connect(a *Attempt, p *plan, l *laps, shown *string) (d *dialed, phase reconnect.Phase, err error) {
	if c.opts.Prepare != nil {
		ctx, cancel := withTimeout(c.ctx, c.opts.ConnectTimeout, "Prepare")
		err := c.opts.Prepare(ctx, a)
		cancel()
		if l.done(reconnect.PhasePrepare, err); err != nil {
			return nil, reconnect.PhasePrepare, failed("prepare", err)
		}
	}
	to := p.to.target
	if a.URL != p.to.url {
		if to, err = parseURL(a.URL); err != nil {
			return nil, reconnect.PhasePrepare, &OptionError{"url", err}
		}
	}
	*shown = to.text
	l.to(to)
	// Dialing needs a stack that this goroutine would keep, 4 KiB more for as
	// long as the connection lives; a goroutine of its own gives it back.
	dialing := make(chan struct{})
	go func() {
		defer close(dialing)
		d, phase, err = c.dialTraced(l.context(c.ctx), a, to)
	}()
	<-dialing
	if err != nil {
		return nil, phase, c.asFailure("dial", to, err)
	}
	return d, phase, nil
}

// forgetReconnect forgets what was asked for while connecting: that is over.
func (c *Client) forgetReconnect() {
	select {
	case <-c.again:
	default:
	}
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

func (c *Client) dialTraced(ctx context.Context, a *Attempt, to *target) (*dialed, reconnect.Phase, error) {
	c.log(slog.LevelDebug, "connecting", "url", to.text, "attempt", a.Number)
	t := c.opts.Trace
	if t != nil && t.AttemptStart != nil {
		t.AttemptStart(a.Number, to.text)
	}
	d, phase, err := c.dial(ctx, a, to)
	if t != nil && t.AttemptDone != nil {
		t.AttemptDone(a.Number, to.text, err)
	}
	return d, phase, err
}
