package wsclient

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// run is the life of the client: wait, connect, read, again. It is one goroutine
// after the other: that which has connected ends when it has started that which
// reads (see live), since dialing needs a stack that would stay with the connection
// for as long as it lives, 4 KiB more. Every other goroutine is one that it started
// and waits for.
func (c *Client) run() {
	deepen(0)
	next := c.plan(reconnect.Step{}, nil, time.Now())
	c.tracePlan(next)
	c.reach(next)
}

// deepen makes room on the stack for what dialing needs. Once and here that is
// cheap: a stack that grows deep down, and step by step, is walked each time.
//
//go:noinline
func deepen(n int) byte {
	var b [4 << 10]byte
	return b[n]
}

// reach waits and dials until there is a connection, or the client has ended.
func (c *Client) reach(next *plan) {
	for c.pause(next) {
		k, o := c.attempt(next)
		if k != nil {
			go k.live()
			return
		}
		if next = c.follow(o); next == nil {
			return
		}
	}
	c.conclude(ErrClosed, &outcome{})
}

// follow decides what comes after an attempt or a connection; nil: it was the end.
func (c *Client) follow(o *outcome) *plan {
	if c.stopping.Load() != nil {
		o.event.Err = ErrClosed
		c.conclude(ErrClosed, o)
		return nil
	}
	next := c.judge(o)
	if next == nil {
		c.conclude(o.final, o)
		return nil
	}
	c.report(o)
	return next
}

// outcome is how an attempt, and the connection that came of it, ended.
type outcome struct {
	failure   reconnect.Failure
	event     CloseEvent
	lost      *UnconfirmedError
	requested bool  // by Reconnect
	tooLarge  bool  // by a message larger than MaxMessage: it would come again
	final     error // why the client ends; nil: it does not
}

// judge asks the policy what to do about o, and plans the next attempt; nil: there
// is none.
func (c *Client) judge(o *outcome) *plan {
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
		next := c.plan(step, o.event.Err, now)
		if wait := next.at.Sub(now); wait <= step.Left {
			o.event.Retry, o.event.Wait = true, wait
			c.tracePlan(next)
			return next
		}
		next.end()
		step.GaveUp = true
	}
	o.final = o.event.Err
	if step.GaveUp {
		o.final = &GaveUpError{Attempts: step.Attempts, Elapsed: step.Elapsed, Err: o.event.Err}
	}
	return nil
}

// conclude ends the client.
func (c *Client) conclude(err error, o *outcome) {
	c.settle(err, o)
	c.report(o)
	c.finish()
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

// live is the life of a connection, from the upgrade on, and what comes after it.
func (k *connection) live() {
	k.stay()
	if next := k.leave(); next != nil {
		k.c.reach(next)
	}
}

// leave finishes the connection, which has ended, and decides what comes after it.
func (k *connection) leave() *plan {
	var o outcome
	k.outcome(&o)
	return k.c.follow(&o)
}

// stay reads until the connection has ended. Its goroutine sleeps beneath it, on a
// stack that is to be small.
func (k *connection) stay() {
	c := k.c
	c.current.Store(k)
	c.q.attach(&k.w)
	if e := c.stopping.Load(); e != nil { // it came before it could see k
		k.end(e)
	}
	k.refusal = k.runHook()
	if c.opts.OnConnect != nil {
		k.laps.done(reconnect.PhaseConnect, k.refusal)
	}
	switch e := c.stopping.Load(); {
	case k.refusal != nil:
		k.end(&ending{manner: requested, err: k.refusal, code: StatusNormalClosure, limit: bothClosed})
	case e != nil: // stop is under way, and may not have come to k yet
		k.end(e)
	default:
		// Even if the connection has ended meanwhile: what came before its end
		// is still to be delivered.
		c.open(k)
		k.serve()
		c.setState(Connecting)
	}
}

// outcome finishes the connection and notes how it has ended in o.
func (k *connection) outcome(o *outcome) {
	e := k.ended.Load()
	o.event, o.lost = k.finish(e)
	o.event.URL = k.target.text
	o.failure.Phase = reconnect.PhaseConnect
	if !k.opened.IsZero() {
		o.event.Session, o.event.Uptime = k.session, k.closed.Sub(k.opened)
		o.failure.Phase, o.failure.Uptime = reconnect.PhaseOpen, o.event.Uptime
	}
	if k.refusal != nil {
		o.event.Err = k.refusal
	}
	if e.manner == answered {
		o.failure.CloseCode = uint16(e.code)
	}
	o.failure.ClosedByUs = e.manner == failing
	o.tooLarge = o.failure.ClosedByUs && errors.Is(e.err, ErrTooLarge)
	o.requested = e.manner == requested && k.refusal == nil
}

// open makes k the open connection.
func (c *Client) open(k *connection) {
	k.opened = time.Now()
	k.watchData(k.opened)
	c.sessions.Store(int64(k.session))
	c.attempts.Store(0)
	if c.streak != nil {
		c.streak.Opened(k.opened)
	}
	if k.ended.Load() == nil { // else what is queued is for the next one
		c.q.open()
	}
	c.again.clear()
	c.setState(Open)
	if c.opts.Logger != nil {
		c.log(slog.LevelInfo, "open", "session", k.session, "url", k.target.text, "subprotocol", k.agreed.Protocol)
	}
	if f := c.opts.OnOpen; f != nil {
		c.q.enter(k.opened)
		f(&Conn{k})
		c.q.leave()
	}
}

// setState changes the state, of which Closing is only left for Closed.
func (c *Client) setState(to ReadyState) {
	c.mu.Lock()
	from := c.ReadyState()
	if from == to || from == Closed || from == Closing && to != Closed {
		if to == Open {
			c.openedLocked()
		}
		c.mu.Unlock()
		return
	}
	c.state.Store(int32(to))
	if to == Open {
		c.openedLocked()
	}
	c.mu.Unlock()
	if to == Closing {
		c.log(slog.LevelInfo, "closing")
	}
	if t := c.opts.Trace; t != nil && t.StateChange != nil {
		t.StateChange(from, to)
	}
}

// settle decides why the client ends. What was to go again is lost with it.
func (c *Client) settle(err error, o *outcome) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	end := endedError(err)
	c.q.end(end)
	if lost := c.q.close(end); lost != nil {
		if o.lost == nil {
			o.lost = &UnconfirmedError{Session: int(c.sessions.Load())}
		}
		o.lost.add(lost)
	}
}

// finish is the end of the run goroutine.
func (c *Client) finish() {
	err := c.Err()
	c.in.end(c.ended())
	c.setState(Closed)
	if errors.Is(err, ErrClosed) {
		c.log(slog.LevelInfo, "closed")
	} else {
		c.log(slog.LevelError, "client ended", "error", err)
	}
	c.finished()
}

// log logs. Calls that each connection costs ask first whether there is a Logger: their
// arguments would be allocated all the same.
func (c *Client) log(level slog.Level, text string, args ...any) {
	if c.opts.Logger != nil {
		c.opts.Logger.Log(context.Background(), level, "wsclient: "+text, args...)
	}
}
