package wsclient

import (
	"errors"
	"log/slog"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// outcome is how an attempt, and the connection that came of it, ended.
type outcome struct {
	failure   reconnect.Failure
	event     CloseEvent
	lost      *UnconfirmedError
	requested bool  // by Reconnect
	tooLarge  bool  // by a message larger than MaxMessage: it would come again
	final     error // why the client ends; nil: it does not
}

// judge asks the policy what to do about o, and plans the next attempt, if there is to
// be one.
func (c *Client) judge(o *outcome, next *plan) bool {
	now := time.Now()
	if c.streak == nil {
		c.streak = reconnect.NewStreak(c.opts.Reconnect, len(c.endpoints))
		if c.sessions.Load() > 0 {
			c.streak.Opened(now)
		}
	}
	var step reconnect.Step
	if o.requested {
		step = c.streak.Requested(o.event.Uptime, now)
	} else {
		o.failure.Err = o.event.Err
		o.failure.CanRefresh = c.opts.Prepare != nil
		if o.tooLarge {
			o.failure.Err = reconnect.Permanent(o.event.Err)
		}
		step = c.streak.Next(o.failure, now)
	}
	c.attempts.Store(int64(step.Attempts))
	c.mu.Lock()
	c.last = o.event.Err
	c.mu.Unlock()
	if step.Retry {
		*next = c.plan(step, o.event.Err, now)
		if wait := next.at.Sub(now); wait <= step.Left {
			o.event.Retry, o.event.Wait = true, wait
			c.tracePlan(next)
			return true
		}
		next.end()
		step.GaveUp = true
	}
	o.final = o.event.Err
	if step.GaveUp {
		o.final = &GaveUpError{Attempts: step.Attempts, Elapsed: step.Elapsed, Err: o.event.Err}
	}
	return false
}

// outcome finishes the connection and notes how it has ended in o.
func (k *connection) outcome(o *outcome) {
	e, refusal := k.ended.Load(), k.hook.refused()
	var uptime time.Duration
	if k.opened != 0 {
		uptime = time.Since(k.c.q.base) - k.opened
	}
	o.event, o.lost = k.finish(e)
	o.event.URL = k.target.text
	o.failure.Phase = reconnect.PhaseConnect
	if k.opened != 0 {
		o.event.Session, o.event.Uptime = k.session, uptime
		o.failure.Phase, o.failure.Uptime = reconnect.PhaseOpen, o.event.Uptime
	}
	if refusal != nil {
		o.event.Err = refusal
	}
	if e.manner == answered {
		o.failure.CloseCode = uint16(e.code)
	}
	o.failure.ClosedByUs = e.manner == failing
	o.tooLarge = o.failure.ClosedByUs && errors.Is(e.err, ErrTooLarge)
	o.requested = e.manner == requested && refusal == nil
}

// report tells the callbacks how an attempt or a connection ended.
func (c *Client) report(o *outcome) {
	ev := o.event
	if ev.Err == nil {
		if f := c.opts.OnError; f != nil && o.lost != nil {
			f(o.lost) // it is the client that has ended, not a connection
		}
		return
	}
	level, text := slog.LevelWarn, "connection lost"
	switch {
	case errors.Is(ev.Err, ErrClosed):
		level, text = slog.LevelInfo, "connection closed"
	case ev.Session == 0:
		text = "attempt failed"
	}
	if c.opts.Logger != nil {
		c.log(level, text, "session", ev.Session, "url", ev.URL, "error", ev.Err, "retry", ev.Retry, "wait", ev.Wait, "uptime", ev.Uptime)
	}
	c.q.enter(time.Now())
	defer c.q.leave()
	if f := c.opts.OnError; f != nil {
		if !errors.Is(ev.Err, ErrClosed) {
			f(ev.Err)
		}
		if o.lost != nil {
			f(o.lost)
		}
	}
	if f := c.opts.OnClose; f != nil {
		f(ev)
	}
}
