package wsclient

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// run is the life of the client: connect, read, wait, again. Every other
// goroutine is one that it started and waits for.
func (c *Client) run() {
	number, last := 1, error(nil)
	for {
		o := c.attempt(number, last)
		if e := c.stopping.Load(); e != nil {
			o.event.Err = ErrClosed
			c.settle(ErrClosed, &o)
			c.report(&o)
			break
		}
		step := c.judge(&o)
		number, last = step.Attempts+1, o.event.Err
		c.attempts.Store(int64(step.Attempts))
		if !step.Retry {
			err := o.event.Err
			if step.GaveUp {
				err = &GaveUpError{Attempts: step.Attempts, Elapsed: step.Elapsed, Err: err}
			}
			c.settle(err, &o)
			c.report(&o)
			break
		}
		c.report(&o)
		if !c.pause(step.Wait) {
			var rest outcome
			c.settle(ErrClosed, &rest)
			c.report(&rest)
			break
		}
	}
	c.finish()
}

// outcome is how an attempt, and the connection that came of it, ended.
type outcome struct {
	failure   reconnect.Failure
	event     CloseEvent
	lost      *UnconfirmedError
	requested bool // by Reconnect
}

// judge asks the policy what to do about o.
func (c *Client) judge(o *outcome) reconnect.Step {
	now := time.Now()
	var step reconnect.Step
	if o.requested {
		step = c.streak.Requested(o.event.Uptime, now)
	} else {
		o.failure.Err = o.event.Err
		o.failure.CanRefresh = c.opts.Prepare != nil
		if errors.Is(o.event.Err, ErrTooLarge) {
			// It would come again.
			o.failure.Err = reconnect.Permanent(o.event.Err)
		}
		step = c.streak.Next(o.failure, now)
	}
	o.event.Retry, o.event.Wait = step.Retry, step.Wait
	c.mu.Lock()
	c.last = o.event.Err
	c.mu.Unlock()
	return step
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
	c.log(level, text, "session", ev.Session, "error", ev.Err, "retry", ev.Retry, "wait", ev.Wait, "uptime", ev.Uptime)
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

// pause waits before the next attempt, unless Reconnect cuts it short, or the time
// for which the machine slept. false: the client was closed meanwhile.
func (c *Client) pause(d time.Duration) bool {
	n := newNap(d)
	defer n.stop()
	for {
		select {
		case <-n.timer.C:
		case <-n.look.C:
			n.check()
			continue
		case <-c.again:
		case <-c.ctx.Done():
		case <-c.q.low.bell:
			c.callLow()
			continue
		}
		return c.stopping.Load() == nil
	}
}

// live is the life of one connection, from the upgrade on.
func (c *Client) live(k *connection) (o outcome) {
	c.current.Store(k)
	c.q.attach(k.w)
	if e := c.stopping.Load(); e != nil { // it came before it could see k
		k.end(e)
	}
	hookErr := k.runHook()
	switch e := c.stopping.Load(); {
	case hookErr != nil:
		k.end(&ending{manner: requested, err: hookErr, code: StatusNormalClosure, limit: bothClosed})
	case e != nil: // stop is under way, and may not have come to k yet
		k.end(e)
	default:
		// Even if the connection has ended meanwhile: what came before its end
		// is still to be delivered.
		c.open(k)
		k.serve()
		c.setState(Connecting)
	}
	e := k.ended.Load()
	o.event, o.lost = k.finish(e)
	o.failure.Phase = reconnect.PhaseConnect
	if !k.opened.IsZero() {
		o.event.Session, o.event.Uptime = k.session, k.closed.Sub(k.opened)
		o.failure.Phase, o.failure.Uptime = reconnect.PhaseOpen, o.event.Uptime
	}
	if hookErr != nil {
		o.event.Err = hookErr
	}
	if e.manner == answered {
		o.failure.CloseCode = uint16(e.code)
	}
	o.failure.ClosedByUs = e.manner == failing
	o.requested = e.manner == requested && hookErr == nil
	return o
}

// open makes k the open connection.
func (c *Client) open(k *connection) {
	k.opened = time.Now()
	k.watchData(k.opened)
	c.sessions.Store(int64(k.session))
	c.attempts.Store(0)
	c.streak.Opened(k.opened)
	if k.ended.Load() == nil { // else what is queued is for the next one
		c.q.open()
	}
	c.forgetReconnect()
	c.setState(Open)
	c.log(slog.LevelInfo, "open", "session", k.session, "url", k.target.text, "subprotocol", k.protocol)
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
	if t := c.opts.Trace; t != nil && t.StateChange != nil {
		t.StateChange(from, to)
	}
}

// openedLocked wakes all who wait for an open; c.mu is held.
func (c *Client) openedLocked() {
	close(c.opening)
	c.opening = make(chan struct{})
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
	if !errors.Is(err, ErrClosed) {
		c.log(slog.LevelError, "client ended", "error", err)
	}
	c.cancel(err)
	c.in.end(c.ended())
	c.setState(Closed)
	close(c.done)
}

func (c *Client) log(level slog.Level, text string, args ...any) {
	if c.opts.Logger != nil {
		c.opts.Logger.Log(context.Background(), level, "wsclient: "+text, args...)
	}
}
