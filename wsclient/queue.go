package wsclient

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

// The lanes of the queue, in the order in which they leave.
const (
	hookLane = iota // what OnConnect sends; it dies with its connection
	dataLane
	lanes
)

// A queue holds what was accepted and is not yet in the kernel, and the counts
// of what is. It is the one structure that senders, the writer, the heartbeat
// and the reader share, under one mutex that is never held across anything that
// blocks.
type queue struct {
	maxBytes    int64
	maxMessages int
	timeout     time.Duration // of a write; also of a Send that waits while a callback runs

	// callback is when the callback that runs now began, in nanoseconds since
	// base; 0: none runs.
	callback atomic.Int64
	base     time.Time

	mu        sync.Mutex
	lanes     [lanes]lane
	arena     arena
	partial   int64 // of the payload in them, what the kernel has of a message that is not yet whole
	err       error // not nil: nothing is accepted any more
	over      error // not nil: nothing leaves any more
	link      *writer
	dropped   uint64 // messages
	lost      uint64 // messages that were uncertain at a cut
	lostBytes int64

	passive  bool          // no pings are sent on this connection
	patience time.Duration // for a peer to show that it confirms

	// Messages of the data lane leave in the order they were accepted, so that
	// three counts say what became of each.
	accepted, handed, confirmed uint64
	handedBytes, confirmedBytes int64
	flushes                     []*flush
}

// A flush waits until the first mark messages are confirmed, or only handed over.
type flush struct {
	mark   uint64
	handed bool
	hasty  bool       // one pong that confirms nothing is enough to give up
	done   chan error // gets the outcome, once
}

// room reports whether a message of n bytes fits. One of any permitted size fits
// into an empty lane. Each has a bound of its own: a login must go out while the
// queue is full.
func (q *queue) room(l *lane, n int) bool {
	return l.n < q.maxMessages && l.bytes+int64(n) <= q.maxBytes
}

// accept takes m, for which there is room.
func (q *queue) accept(at int, m Message) {
	l := &q.lanes[at]
	l.push(q.arena.put(wire.Op(m.Type), m.Data))
	l.bytes += int64(len(m.Data))
	if at == dataLane {
		q.accepted++
	}
	if q.link != nil {
		q.link.kick()
	}
}

// enter notes that a callback begins at now, leave that it has ended. The
// callback may be waiting for whoever waits for room, who must give up then.
func (q *queue) enter(now time.Time) { q.callback.Store(int64(now.Sub(q.base))) }

func (q *queue) leave() { q.callback.Store(0) }

// attach makes w the way out, for what OnConnect sends only until open.
func (q *queue) attach(w *writer) {
	q.mu.Lock()
	q.link = w
	w.barriers.covered = q.handed // all settled
	q.mu.Unlock()
}

// open lets the data lane out.
func (q *queue) open() {
	q.mu.Lock()
	q.link.gated = false
	q.link.kick()
	q.mu.Unlock()
}

// detach ends the connection's part, whose writer has stopped. What was not
// wholly handed over stays queued; what was and is not confirmed is uncertain.
func (q *queue) detach(session int) *UnconfirmedError {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.link = nil
	q.partial = 0
	for i := range q.lanes {
		q.lanes[i].taken = 0
	}
	hook := &q.lanes[hookLane]
	for hook.n > 0 {
		q.release(hook)
	}
	q.grant()
	lost := q.unconfirmed(session)
	if lost != nil {
		q.lost += uint64(lost.Messages)
		q.lostBytes += lost.Bytes
		old := q.flushes
		q.flushes = nil
		for _, f := range old {
			if f.mark > q.confirmed {
				f.done <- lost
			} else {
				q.flushes = append(q.flushes, f)
			}
		}
	}
	q.confirm(q.handed, q.handedBytes)
	return lost
}

// unconfirmed returns what is handed over and not confirmed, or nil.
func (q *queue) unconfirmed(session int) *UnconfirmedError {
	if q.handed == q.confirmed {
		return nil
	}
	return &UnconfirmedError{Session: session, Messages: int(q.handed - q.confirmed), Bytes: q.handedBytes - q.confirmedBytes}
}

// release removes the first entry of l.
func (q *queue) release(l *lane) {
	e := l.at(0)
	l.bytes -= int64(len(e.data))
	q.arena.release(e)
	l.pop()
}

// confirm notes that the first n messages are settled and tells the flushes.
func (q *queue) confirm(n uint64, bytes int64) {
	q.confirmed, q.confirmedBytes = max(n, q.confirmed), max(bytes, q.confirmedBytes)
	q.settleFlushes()
}

// watch takes from the heartbeat what Flush needs to know.
func (q *queue) watch(p heartbeat.Policy) { q.passive, q.patience = p.IsPassive(), p.Timeout }

// settleFlushes tells the flushes that have what they wait for.
func (q *queue) settleFlushes() {
	if len(q.flushes) == 0 {
		return
	}
	left := q.flushes[:0]
	for _, f := range q.flushes {
		if f.mark <= q.confirmed || f.handed && f.mark <= q.handed {
			f.done <- nil
		} else {
			left = append(left, f)
		}
	}
	clear(q.flushes[len(left):])
	q.flushes = left
}

// end refuses all that comes from now on with err.
func (q *queue) end(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
		for i := range q.lanes {
			q.lanes[i].waiters.refuse(err)
		}
	}
	q.mu.Unlock()
}

// drop empties the data lane, save for what the writer is writing, and ends the
// flushes with err. BufferedAmount keeps its value, as a browser's does.
func (q *queue) drop(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = err
	l := &q.lanes[dataLane]
	for l.waiting() > 0 {
		e := l.at(l.n - 1)
		q.arena.release(e)
		*e = entry{}
		l.n--
		q.dropped++
	}
	for _, f := range q.flushes {
		f.done <- err
	}
	q.flushes = nil
}

// buffered is BufferedAmount.
func (q *queue) buffered() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.payload() - q.partial
}

// payload is what is accepted and not wholly handed over; q.mu is held.
func (q *queue) payload() int64 { return q.lanes[hookLane].bytes + q.lanes[dataLane].bytes }
