package wsclient

import (
	"context"
	"errors"
	"os"
	"time"
	"unicode/utf8"

	"github.com/steadyws/steadyws/internal/wire"
)

// bothClosed bounds the time from the second Close frame to the end, and all of
// a Close in the background.
const bothClosed = time.Second

// Close ends the client: it drops the send queue, tells the peer 1000 if that
// can be said at once, and returns without waiting; Done is closed within about
// a second. It may be called anywhere, any number of times. It returns nil.
func (c *Client) Close() error {
	c.stop(&ending{manner: ours, err: ErrClosed, code: StatusNormalClosure, limit: bothClosed})
	return nil
}

// CloseWith is Close with a code and a reason of your own, as the browser's
// close(code, reason): 1000 or 3000-4999, and at most 123 bytes of UTF-8.
// Anything else is an *OptionError, and nothing is closed.
func (c *Client) CloseWith(code StatusCode, reason string) error {
	if err := validClose(code, reason); err != nil {
		return err
	}
	c.stop(&ending{manner: ours, err: ErrClosed, code: code, reason: reason, limit: bothClosed})
	return nil
}

// stop ends the client by our own will. A second one only hurries.
func (c *Client) stop(e *ending) {
	first := c.stopping.CompareAndSwap(nil, e)
	c.setState(Closing)
	c.q.end(ErrClosed)
	c.q.close(ErrClosed)
	c.abandon()
	c.again.ring()
	k := c.current.Load()
	if k == nil {
		return
	}
	k.end(e)
	if !first {
		k.hurry(e.limit)
	}
}

// abandon ends the attempt that is under way.
func (c *Client) abandon() {
	c.mu.Lock()
	b := c.dialing
	c.mu.Unlock()
	if b != nil {
		b.end(ErrClosed)
	}
}

// Shutdown ends the client in good order: no new message is accepted, those in
// the queue leave (over a new connection, if need be) and are confirmed, the
// closing handshake is done (RFC 6455 7.1.2). It returns when all has ended. If
// ctx ends before, it does the rest as Close does, at once, and the error says
// how many messages were left: an *UnconfirmedError.
func (c *Client) Shutdown(ctx context.Context) error {
	if c.ReadyState() == Closed {
		return nil
	}
	c.setState(Closing)
	c.q.end(ErrClosed)
	begin := c.q.left(nil)
	if k := c.current.Load(); k != nil {
		k.wake() // a full inbox must not hide the pongs
	}
	err := c.drain(ctx)
	if err == nil {
		c.stop(&ending{manner: ours, err: ErrClosed, code: StatusNormalClosure, limit: c.opts.CloseTimeout})
	}
	if err == nil || errors.Is(err, ErrClosed) {
		select {
		case <-c.Done():
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	left := c.q.left(&begin)
	c.Close()
	if err == ErrClosed || errors.Is(err, ErrClosed) && left.Messages == 0 {
		err = nil // what was lost by it is in left
	}
	switch {
	case left.Messages > 0:
		return failed("shutdown", err, &left)
	case err != nil:
		return failed("shutdown", err)
	}
	return nil
}

// drain waits until the queue is empty and confirmed, over as many connections as
// that takes. What is lost on the way is counted elsewhere.
func (c *Client) drain(ctx context.Context) error {
	how := flush{hasty: true}
	for {
		err := c.q.flush(ctx, how)
		if errors.Is(err, ErrNoConfirmation) {
			how = flush{handed: true} // the echo of our Close will confirm
			continue
		}
		if _, lost := errors.AsType[*UnconfirmedError](err); !lost {
			return err
		}
	}
}

// finish ends the connection: with the closing handshake if there is one to do,
// so that no RST destroys what was said (RFC 6455 7.1.1).
func (k *connection) finish(e *ending) (ev CloseEvent, lost *UnconfirmedError) {
	k.still()
	ev = CloseEvent{Code: StatusAbnormalClosure, Err: e.err}
	if e.manner == answered {
		ev.Code, ev.Reason = e.code, e.reason
	}
	if e.manner > broken {
		limit := e.limit
		if limit < 0 {
			limit = bothClosed // to say it; the answer is not waited for
		}
		k.guard(limit)
		k.handshake(e, &ev)
		k.still()
	}
	k.sock.abort()
	k.w.stop()
	k.r.Close()
	q := &k.c.q
	q.mu.Lock()
	if len(k.w.barriers.pingers) > 0 {
		k.w.barriers.refuse(failed("connection lost", e.err))
	}
	q.mu.Unlock()
	var code StatusCode
	if e.manner == answered {
		code = e.code
	}
	return ev, k.c.q.detach(k.session, code)
}

// guard gives the closing handshake so long, until still: then the connection is cut.
func (k *connection) guard(limit time.Duration) {
	q := &k.c.q
	q.mu.Lock()
	k.guardLocked(limit)
	q.mu.Unlock()
}

func (k *connection) guardLocked(limit time.Duration) {
	k.due = time.Since(k.c.q.base) + limit
	k.c.setTimer(limit)
}

// hurry gives it so long from now on, if it is under way.
func (k *connection) hurry(limit time.Duration) {
	q := &k.c.q
	q.mu.Lock()
	if k.quiet && k.due != 0 {
		k.guardLocked(limit)
	}
	q.mu.Unlock()
}

// overdue cuts a connection whose closing handshake takes too long; done: tick has
// nothing else to do.
func (k *connection) overdue() (done bool) {
	q := &k.c.q
	q.mu.Lock()
	done = k.quiet
	over := done && k.due != 0 && time.Since(q.base) >= k.due
	if over {
		k.w.halt() // nobody has to write for await to end
	}
	q.mu.Unlock()
	if over {
		k.sock.abort()
	}
	return done
}

// handshake says Close, then nothing more, and reads to the end. The guard
// releases whatever takes too long.
func (k *connection) handshake(e *ending, ev *CloseEvent) {
	reason := e.reason
	if e.manner == answered {
		reason = ""
	}
	// A peer that has said Close, or does not follow the rules, will hardly read
	// more than what a callback has just answered: a longer queue is for the next
	// connection.
	k.w.flush()
	k.w.sendClose(e.code, reason, e.manner >= requested)
	k.w.flush()
	k.w.await()
	ev.WasClean = e.manner == answered && k.w.said
	k.sock.closeWrite()
	if e.limit < 0 {
		return
	}
	k.sock.awake()
	for {
		for op, p, _ := k.r.Next(); op != 0; op, p, _ = k.r.Next() {
			switch op {
			case wire.OpPong:
				k.pong(p)
			case wire.OpClose:
				k.echoed(e, ev, p)
			case wire.OpText, wire.OpBinary:
				k.lateAck(MessageType(op), p)
			}
		}
		_, err := k.sock.read(&k.r, k)
		k.now = time.Now()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			k.sock.awake()
		} else if err != nil {
			return
		}
	}
}

// lateAck shows a message that nobody gets any more to Queue.Ack: what it confirms
// has arrived.
func (k *connection) lateAck(t MessageType, p []byte) {
	if k.c.opts.Queue.Ack == nil {
		return
	}
	k.c.enter(k.now)
	k.acked(Message{Type: t, Session: k.session, Received: k.now}, p)
	k.c.leave()
}

// echoed takes the peer's Close that came after ours. If it is the answer to ours,
// the peer has read all before it. It may be one of its own, with the same code, and
// have crossed ours: where there are pongs, it is they that tell.
func (k *connection) echoed(e *ending, ev *CloseEvent, p []byte) {
	code, reason, err := wire.ParseClose(p)
	if err != nil || !k.w.said {
		return
	}
	ev.Code, ev.Reason, ev.WasClean = StatusCode(code), reason, true
	q := &k.c.q
	q.mu.Lock()
	if ev.Code == e.code && !k.w.barriers.tells() {
		q.confirm(q.window.handed)
	}
	q.unlock()
	k.hurry(min(bothClosed, max(0, e.limit)))
}

// validClose reports whether a browser would take code and reason for close().
func validClose(code StatusCode, reason string) error {
	if code != StatusNormalClosure && (code < 3000 || code > 4999) {
		return option("code", "%d; write 1000 or 3000 to 4999", uint16(code))
	}
	if len(reason) > wire.MaxControlPayload-2 {
		return option("reason", "%d bytes; 123 is the most", len(reason))
	}
	if !utf8.ValidString(reason) {
		return option("reason", "not valid UTF-8")
	}
	return nil
}
