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
	c.tracePlan(&next)
	c.reach(&next)
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
		if !c.follow(o, next) {
			return
		}
	}
	c.conclude(ErrClosed, &outcome{})
}

// follow decides what comes after an attempt or a connection; false: it was the end.
func (c *Client) follow(o *outcome, next *plan) bool {
	if c.stopping.Load() != nil {
		o.event.Err = ErrClosed
		c.conclude(ErrClosed, o)
		return false
	}
	if !c.judge(o, next) {
		c.conclude(o.final, o)
		return false
	}
	c.report(o)
	return true
}

// conclude ends the client.
func (c *Client) conclude(err error, o *outcome) {
	c.settle(err, o)
	c.report(o)
	c.finish()
}

// live is the life of a connection, from the upgrade on, and what comes after it.
func (k *connection) live() {
	k.stay()
	k.leave()
}

// leave finishes the connection, which has ended, and goes on to what comes after it.
func (k *connection) leave() {
	var o outcome
	var next plan
	k.outcome(&o)
	if k.c.follow(&o, &next) {
		k.c.reach(&next)
	}
}

// stay reads until the connection has ended. Its goroutine sleeps beneath it, on a
// stack that is to be small.
func (k *connection) stay() {
	c := k.c
	c.q.attach(&k.w)
	if e := c.stopping.Load(); e != nil { // it came before it could see k
		k.end(e)
	}
	k.runHook()
	refusal := k.hook.refused()
	switch e := c.stopping.Load(); {
	case refusal != nil:
		k.end(&ending{manner: requested, err: refusal, code: StatusNormalClosure, limit: bothClosed})
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

// open makes k the open connection.
func (c *Client) open(k *connection) {
	now := time.Now()
	k.opened = c.q.since(now)
	k.watchData(now)
	c.sessions.Store(int64(k.session))
	c.attempts.Store(0)
	if c.streak != nil {
		c.streak.Opened(now)
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
		c.q.enter(now)
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
	if c.in != nil {
		c.in.end(c.ended())
	}
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
