package wsclient

import (
	"context"
	"time"
)

// send accepts m, waiting for room until ctx ends.
func (q *queue) send(ctx context.Context, at int, m Message) error {
	if int64(len(m.Data)) > q.maxBytes {
		return failed("send", ErrTooLarge, ErrNotSent)
	}
	q.mu.Lock()
	if q.err != nil {
		err := q.err
		q.mu.Unlock()
		return failed("send", ErrNotSent, err)
	}
	l, dead := &q.lanes[at], q.link == nil || q.link.stopped
	if at == hookLane && dead {
		q.mu.Unlock()
		return failed("send", errLost, ErrNotSent)
	}
	if l.waiters.first == nil && q.room(l, len(m.Data)) {
		q.accept(at, m)
		q.mu.Unlock()
		return nil
	}
	if q.callback.Load() != 0 && dead {
		q.mu.Unlock()
		return failed("send", ErrQueueFull, ErrNotSent)
	}
	w := l.waiters.take(at, m)
	l.waiters.push(w)
	q.mu.Unlock()
	err := q.wait(ctx, w)
	q.mu.Lock()
	l.waiters.put(w)
	q.mu.Unlock()
	if err != nil {
		return failed("send", err, ErrNotSent)
	}
	return nil
}

// wait waits for the outcome of w.
func (q *queue) wait(ctx context.Context, w *waiter) error {
	patience := q.timeout
	if patience <= 0 {
		patience = 10 * time.Second // a callback must not wait for ever for its own client
	}
	if w.timer == nil {
		w.timer = time.NewTimer(patience)
	} else {
		w.timer.Reset(patience)
	}
	defer w.timer.Stop()
	for {
		var give error
		select {
		case err := <-w.done:
			return err
		case <-ctx.Done():
			give = context.Cause(ctx)
		case <-w.timer.C:
			// Only a Send that a callback may be waiting for gives up.
			left := patience
			if began := q.callback.Load(); began != 0 {
				left -= time.Since(q.base) - time.Duration(began)
			}
			if left > 0 {
				w.timer.Reset(left)
				continue
			}
			give = ErrQueueFull
		}
		q.mu.Lock()
		if w.queued {
			q.lanes[w.lane].waiters.remove(w)
			q.grant() // it may have stood before one that fits
			q.mu.Unlock()
			return give
		}
		q.mu.Unlock()
		return <-w.done // settled in the meantime
	}
}

// grant accepts the messages of those who wait, as far as there is room.
func (q *queue) grant() {
	for i := range q.lanes {
		l := &q.lanes[i]
		for w := l.waiters.first; w != nil && q.room(l, len(w.m.Data)); w = l.waiters.first {
			q.accept(i, w.m)
			l.waiters.settle(w, nil)
		}
	}
}
