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

// flush waits for what f says about all that was accepted.
func (q *queue) flush(ctx context.Context, how flush) error {
	f := &how
	f.done = make(chan error, 1)
	q.mu.Lock()
	f.mark = q.accepted
	if f.mark <= q.confirmed || f.handed && f.mark <= q.handed {
		q.mu.Unlock()
		return nil
	}
	err := q.over
	if err == nil && !f.handed && (q.passive || q.link != nil && q.link.barriers.mute(time.Now(), q.patience)) {
		err = ErrNoConfirmation
	}
	if err != nil {
		q.mu.Unlock()
		return err
	}
	q.flushes = append(q.flushes, f)
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
					q.forget(f)
					q.mu.Unlock()
					return ErrNoConfirmation
				}
				left = q.link.barriers.left(now, q.patience)
			}
			q.mu.Unlock()
			look.Reset(left)
		case <-ctx.Done():
			q.mu.Lock()
			q.forget(f)
			q.mu.Unlock()
			return context.Cause(ctx)
		}
	}
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

// forget takes f out of the flushes.
func (q *queue) forget(f *flush) {
	for i, g := range q.flushes {
		if g == f {
			q.flushes = append(q.flushes[:i], q.flushes[i+1:]...)
			return
		}
	}
}

// left counts what was accepted and is not confirmed, and what cuts have cost
// since begin, which is what left(nil) returned then.
func (q *queue) left(begin *UnconfirmedError) (u UnconfirmedError) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if begin == nil {
		return UnconfirmedError{Messages: int(q.lost), Bytes: q.lostBytes}
	}
	return UnconfirmedError{
		Messages: int(q.accepted-q.confirmed) + int(q.lost) - begin.Messages,
		Bytes:    q.payload() + q.handedBytes - q.confirmedBytes + q.lostBytes - begin.Bytes,
	}
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
