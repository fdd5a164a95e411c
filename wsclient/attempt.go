package wsclient

import (
	"errors"
	"log/slog"

	"github.com/steadyws/steadyws/reconnect"
)

// attempt tries to connect once and lives through the connection if there is
// one.
func (c *Client) attempt(number int, last error) (o outcome) {
	fail := func(phase reconnect.Phase, err error) outcome {
		o.failure.Phase = phase
		o.event.Code, o.event.Err = StatusAbnormalClosure, err
		if h, ok := errors.AsType[*HandshakeError](err); ok {
			o.failure.Status, o.failure.RetryAfter = h.Status, h.RetryAfter
		}
		return o
	}
	a := &Attempt{Number: number, URL: c.url, Header: c.opts.Header.Clone(), Err: last}
	if c.opts.Prepare != nil {
		ctx, cancel := withTimeout(c.ctx, c.opts.ConnectTimeout, "Prepare")
		err := c.opts.Prepare(ctx, a)
		cancel()
		if err != nil {
			return fail(reconnect.PhasePrepare, failed("prepare", err))
		}
	}
	// Dialing needs a stack that this goroutine would keep, 4 KiB more for as
	// long as the connection lives; a goroutine of its own gives it back.
	var d *dialed
	var phase reconnect.Phase
	var err error
	dialing := make(chan struct{})
	go func() {
		defer close(dialing)
		d, phase, err = c.dialTraced(a)
	}()
	<-dialing
	c.forgetReconnect()
	if err != nil {
		return fail(phase, asFailure("dial", err))
	}
	k := newConnection(c, d, int(c.sessions.Load())+1)
	return c.live(k)
}

// forgetReconnect forgets what was asked for while connecting: that is over.
func (c *Client) forgetReconnect() {
	select {
	case <-c.again:
	default:
	}
}

// asFailure adds the operation to err, unless it is one of ours.
func asFailure(op string, err error) error {
	switch err.(type) {
	case *HandshakeError, *OptionError, *opError:
		return err
	}
	return failed(op, err)
}

func (c *Client) dialTraced(a *Attempt) (*dialed, reconnect.Phase, error) {
	to := c.target
	if a.URL != c.url {
		var err error
		if to, err = parseURL(a.URL); err != nil {
			return nil, reconnect.PhasePrepare, &OptionError{"url", err}
		}
	}
	c.log(slog.LevelDebug, "connecting", "url", to.text, "attempt", a.Number)
	t := c.opts.Trace
	if t != nil && t.AttemptStart != nil {
		t.AttemptStart(a.Number, to.text)
	}
	d, phase, err := c.dial(c.ctx, a, to)
	if t != nil && t.AttemptDone != nil {
		t.AttemptDone(a.Number, to.text, err)
	}
	return d, phase, err
}
