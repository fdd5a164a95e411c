package wsclient

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Flush waits until everything that was accepted before it is confirmed by the
// peer: a pong to a ping behind it came (RFC 6455 5.5.3), so the peer's
// WebSocket layer has read it, which does not say that it was processed.
//
// If the connection is lost and messages with it, the error is an
// *UnconfirmedError that counts them; a second Flush waits for the rest. It is
// ErrNoConfirmation if confirmation cannot be had.
func (c *Client) Flush(ctx context.Context) error {
	if c.ReadyState() == Closed {
		return failed("flush", c.ended())
	}
	if err := c.q.flush(ctx, flush{}); err != nil {
		return failed("flush", err)
	}
	return nil
}

// A flush waits until everything that was accepted when it began is confirmed, or
// only handed over.
type flush struct {
	handed bool
	hasty  bool // one pong that confirms nothing is enough to give up

	marks  [lanes]uint64 // what was accepted, by lane
	left   bool          // all of it was handed over or dropped
	at     place         // where in the window it ends, then
	lost   UnconfirmedError
	failed bool       // a cut has cost some of it: there is no use in waiting
	done   chan error // gets the outcome, once
}

func (f *flush) outcome() error {
	if f.lost.Messages == 0 {
		return nil
	}
	return &f.lost
}

// flush waits for what how says about all that was accepted.
func (q *queue) flush(ctx context.Context, how flush) error {
	f := &how
	f.done = make(chan error, 1)
	q.mu.Lock()
	for i := range q.lanes {
		f.marks[i] = q.lanes[i].seq
	}
	q.seal()
	if q.losses != nil {
		f.lost, q.losses.untold = q.losses.untold, UnconfirmedError{}
	}
	q.flushes = append(q.flushes, f)
	if err, settled := q.beginFlush(f); settled {
		q.mu.Unlock()
		return err
	}
	if q.link != nil {
		q.link.nudge()
	}
	patience := q.patience
	q.mu.Unlock()
	look := time.NewTimer(patience)
	defer look.Stop()
	for {
		select {
		case err := <-f.done:
			return err
		case <-look.C:
			now, left := time.Now(), patience
			q.mu.Lock()
			if !f.handed && q.link != nil {
				if q.link.barriers.mute(now, q.patience) {
					q.forgetFlush(f)
					q.mu.Unlock()
					return ErrNoConfirmation
				}
				left = q.link.barriers.left(now, q.patience)
			}
			q.mu.Unlock()
			look.Reset(left)
		case <-ctx.Done():
			q.mu.Lock()
			q.forgetFlush(f)
			q.mu.Unlock()
			return context.Cause(ctx)
		}
	}
}

// beginFlush reports what can be said of f at once; q.mu is held.
func (q *queue) beginFlush(f *flush) (err error, settled bool) {
	if err = q.over; err == nil {
		q.settleFlushes()
		select {
		case err := <-f.done:
			return err, true
		default:
		}
	}
	if err == nil && !f.handed && (q.passive && q.bounds.Ack == nil || q.link != nil && q.link.barriers.mute(time.Now(), q.patience)) {
		err = ErrNoConfirmation
	}
	if err != nil {
		q.forgetFlush(f)
	}
	return err, err != nil
}

// settleFlushes tells the flushes that have what they wait for; q.mu is held.
func (q *queue) settleFlushes() {
	if len(q.flushes) == 0 {
		return
	}
	q.flushes = slices.DeleteFunc(q.flushes, func(f *flush) bool {
		if !f.left && !q.holds(f) {
			f.left, f.at = true, q.window.place()
		}
		switch {
		case f.failed, f.left && (f.handed || q.window.settled(f.at)):
			f.done <- f.outcome()
		case f.left && q.passive && q.window.acked(f.at): // of the rest nobody will tell
			q.loss().untold.count(&f.lost)
			f.done <- ErrNoConfirmation
		default:
			return false
		}
		return true
	})
}

// holds reports whether something that f waits for was not handed over.
func (q *queue) holds(f *flush) bool {
	for at := priorityLane; at < lanes; at++ {
		l := &q.lanes[at]
		switch {
		case l.inHand > 0:
			if q.link.oldest(at) <= f.marks[at] {
				return true
			}
		case l.n > 0:
			if l.at(0).seq <= f.marks[at] {
				return true
			}
		}
	}
	return false
}

// oldest is the seq of the oldest entry of a lane that is in the writer's hands.
func (w *writer) oldest(at int8) uint64 {
	if w.b != nil {
		for i := w.b.done; i < len(w.b.items); i++ {
			if it := &w.b.items[i]; it.isMessage() && it.lane == at {
				return it.seq
			}
		}
	}
	return w.cut.seq
}

// flushing reports whether somebody waits for a confirmation.
func (q *queue) flushing() bool {
	for _, f := range q.flushes {
		if !f.handed {
			return true
		}
	}
	return false
}

// pressed reports whether a confirmation would let something go on: a Send that
// waits for the room of what is kept, or will soon, or a message that goes alone.
func (q *queue) pressed() bool {
	if q.wary() {
		return true
	}
	for i := range q.lanes {
		l := &q.lanes[i]
		if l.kept > 0 && l.waiters.first != nil || 2*l.kept > q.bounds.MaxMessages || 2*l.keptBytes > q.bounds.MaxBytes {
			return true
		}
	}
	return false
}

// hurry ends the hasty flushes: a pong came that confirms nothing.
func (q *queue) hurry() {
	q.flushes = slices.DeleteFunc(q.flushes, func(f *flush) bool {
		if f.hasty {
			f.done <- ErrNoConfirmation
		}
		return f.hasty
	})
}

// forgetFlush takes f out. What it knew to be dropped is for another to tell.
func (q *queue) forgetFlush(f *flush) {
	if i := slices.Index(q.flushes, f); i >= 0 {
		q.flushes = slices.Delete(q.flushes, i, i+1)
		q.loss().untold.count(&f.lost)
	}
}

// left counts what was accepted and is not confirmed, and what was lost or dropped
// since begin, which is what left(nil) returned then.
func (q *queue) left(begin *UnconfirmedError) UnconfirmedError {
	q.mu.Lock()
	defer q.mu.Unlock()
	cost := &q.loss().cost
	if begin == nil {
		return UnconfirmedError{Messages: cost.Messages, Bytes: cost.Bytes}
	}
	u := UnconfirmedError{
		Messages: q.window.messages() + cost.Messages - begin.Messages,
		Bytes:    q.payload() + q.window.bytes() + cost.Bytes - begin.Bytes,
	}
	for at := priorityLane; at < lanes; at++ {
		u.Messages += q.lanes[at].messages + q.lanes[at].inHand
	}
	return u
}

// Ping measures a round trip on the current connection, for which it waits. A
// loss of that connection is an error.
func (c *Client) Ping(ctx context.Context) (time.Duration, error) {
	if err := c.WaitOpen(ctx); err != nil {
		return 0, failed("ping", err)
	}
	p := &pinger{done: make(chan pingResult, 1)}
	c.q.mu.Lock()
	w := c.q.link
	if w == nil || w.stopped {
		c.q.mu.Unlock()
		return 0, failed("ping", errLost)
	}
	w.barriers.pingers = append(w.barriers.pingers, p)
	w.barriers.wanted = true
	w.kick()
	c.q.mu.Unlock()
	select {
	case r := <-p.done:
		if r.err != nil {
			return 0, failed("ping", r.err)
		}
		return r.rtt, nil
	case <-ctx.Done():
		c.q.mu.Lock()
		w.barriers.pingers = slices.DeleteFunc(w.barriers.pingers, func(other *pinger) bool { return other == p })
		c.q.mu.Unlock()
		return 0, failed("ping", context.Cause(ctx))
	}
}

var errLost = errors.New("connection lost")
