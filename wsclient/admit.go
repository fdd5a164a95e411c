package wsclient

import (
	"context"
	"errors"
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// errWait: the message has to wait for room.
var errWait = errors.New("no room yet")

// send accepts m, or does what the policy says about a full queue.
func (q *queue) send(ctx context.Context, m Message, c class) error {
	if n := int64(len(m.Data)); n > q.bounds.MaxBytes || n >= 1<<32 {
		return failed("send", ErrTooLarge, ErrNotSent)
	}
	q.mu.Lock()
	err := q.admit(m, &c)
	var w *waiter
	if err == errWait {
		w = q.lanes[c.lane].waiters.take(m, c)
		q.lanes[c.lane].waiters.push(w)
		if q.link != nil {
			q.link.nudge() // a confirmation may make room
		}
	}
	link := q.link
	if !q.isOpen() {
		link = nil // it is not the peer that is slow
	}
	q.unlock()
	if w != nil {
		err = q.wait(ctx, w)
		q.mu.Lock()
		q.lanes[c.lane].waiters.put(w)
		q.mu.Unlock()
	}
	if err == nil {
		return nil
	}
	if err == ErrQueueFull && q.bounds.Overflow == OverflowDisconnect && c.lane == dataLane && !c.is(volatile) && link != nil {
		link.overflowed()
	}
	return failed("send", err, ErrNotSent)
}

// admit accepts m if it can, and says why not; q.mu is held.
func (q *queue) admit(m Message, c *class) error {
	if q.err != nil {
		return q.err
	}
	l, dead := &q.lanes[c.lane], q.link == nil || q.link.stopped
	if c.lane == hookLane && dead {
		return errLost
	}
	if c.is(volatile) && !q.isOpen() {
		return errNotOpen
	}
	n := len(m.Data)
	ready := q.ready(n, c)
	if c.x != nil || !ready && l.mortal() > 0 {
		now := time.Now()
		if c.expired(now) {
			return errExpired
		}
		if !ready {
			q.sweep(l, now)
			ready = q.ready(n, c)
		}
	}
	if ready {
		q.accept(m, *c)
		return nil
	}
	switch policy := q.policy(c); {
	case policy == OverflowBlock && q.callback.Load() != 0 && dead:
		return ErrQueueFull
	case policy == OverflowBlock:
		return errWait
	case policy == OverflowDropOldest && q.makeRoom(n, c):
		q.accept(m, *c)
		return nil
	case policy == OverflowDropOldest:
	case policy != OverflowDropNewest:
		return ErrQueueFull
	}
	// Nothing that waits can make room: it is the new one that is dropped.
	q.note(c.lane, l.seq+1, wire.Op(m.Type), m.Data, DropOverflow)
	return nil
}

// ready reports whether n bytes need not wait: there is room, and nobody has waited
// for it longer. What replaces an entry takes its place.
func (q *queue) ready(n int, c *class) bool {
	l := &q.lanes[c.lane]
	return (l.waiters.first == nil || l.twin(c) >= 0) && q.fits(n, c)
}

// makeRoom drops the oldest of those that wait, as many as it takes, or none if
// even all of them would be too few.
func (q *queue) makeRoom(n int, c *class) bool {
	l := &q.lanes[c.lane]
	held := l.bytes + l.keptBytes + int64(n)
	for i := 0; i < l.n && held > q.bounds.MaxBytes; i++ {
		held -= int64(l.at(i).size)
	}
	if l.inHand+l.kept >= q.bounds.MaxMessages || held > q.bounds.MaxBytes {
		return false
	}
	for !q.fits(n, c) {
		e := q.popMessage(l)
		q.drop(&e, DropOverflow)
	}
	return true
}

// policy is what happens to a message of class c that finds its lane full. What
// OnConnect sends and priorities are never dropped; a volatile one does not wait.
func (q *queue) policy(c *class) Overflow {
	switch {
	case c.is(volatile):
		return OverflowReject
	case c.lane == dataLane, q.bounds.Overflow == OverflowBlock:
		return q.bounds.Overflow
	case c.lane == hookLane:
		return OverflowBlock
	}
	return OverflowReject
}

// wait waits for the outcome of w.
func (q *queue) wait(ctx context.Context, w *waiter) error {
	patience := q.timeout
	if patience <= 0 {
		patience = 10 * time.Second // a callback must not wait for ever for its own client
	}
	if w.timer == nil {
		w.timer = time.NewTimer(patience)
	}
	defer w.timer.Stop()
	began := time.Since(q.base)
	for {
		q.mu.Lock()
		look, now := patience, time.Now()
		if callback := time.Duration(q.callback.Load()); callback != 0 {
			look -= now.Sub(q.base) - max(callback, began)
		}
		var give error
		switch {
		case !w.queued:
		case look <= 0:
			give = ErrQueueFull // a callback may be waiting for this Send
		case w.expired(now):
			give = errExpired
		}
		if w.x != nil && !w.x.expires.IsZero() {
			look = min(look, w.x.expires.Sub(now)+1)
		}
		q.unlock()
		if give == nil {
			w.timer.Reset(look)
			select {
			case err := <-w.done:
				return err
			case <-ctx.Done():
				give = context.Cause(ctx)
			case <-w.timer.C:
				continue
			}
		}
		q.mu.Lock()
		if w.queued {
			q.lanes[w.lane].waiters.remove(w)
			q.grant() // it may have stood before one that fits
			q.unlock()
			return give
		}
		q.mu.Unlock()
		return <-w.done // settled in the meantime
	}
}

// grant accepts the messages of those who wait, as far as there is room, and reports
// whether there were any.
func (q *queue) grant() (granted bool) {
	for i := range q.lanes {
		l := &q.lanes[i]
		for w := l.waiters.first; w != nil && q.fits(len(w.m.Data), &w.class); w = l.waiters.first {
			if w.x != nil && w.expired(time.Now()) {
				break // it is about to give up
			}
			q.accept(w.m, w.class)
			l.waiters.settle(w, nil)
			granted = true
		}
	}
	return granted
}
