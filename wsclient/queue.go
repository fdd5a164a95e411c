package wsclient

import (
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

// A queue holds what was accepted and is not yet in the kernel, and the window of
// what is and may not have arrived. It is the one structure that senders, the
// writer, the heartbeat and the reader share, under one mutex that is never held
// across anything that blocks, user code included.
type queue struct {
	bounds    *QueueOptions // the user's
	plain     class         // of a plain Send
	plainErr  error         // why there is none
	timeout   time.Duration // of a write; also of a Send that waits while a callback runs
	traceDrop func(DropReason, Message)

	framed     bool        // plain messages are stored as frames
	alone      bool        // a suspect has left, and must not have company
	freed      bool        // something was dropped since the mutex was taken
	passive    bool        // no pings are sent on this connection
	writesNext atomic.Bool // behind the callback that runs now the reader writes what is pending

	low low

	// callback is when the callback that runs now began, in nanoseconds since
	// base; 0: none runs.
	callback atomic.Int64
	base     time.Time // what times in atomics are relative to: before all of them, so that 0 is none

	mu      guard
	lanes   [lanes]lane
	arena   arena
	keys    wire.Keys
	window  window
	partial int64 // of the payload in the lanes, what the kernel has of a message that is not yet whole
	err     error // not nil: nothing is accepted any more
	over    error // not nil: nothing leaves any more
	link    *writer

	out      tally         // messages and payload handed over, again counted again
	losses   *losses       // see loss
	frozen   int64         // payload that the end has dropped, which stays in BufferedAmount
	patience time.Duration // for a peer to show that it confirms

	reaper *reaper // nil: nothing has ever expired

	flushes []*flush

	throttled time.Duration // for how long Rate has held up messages
}

// configure takes what the options say.
func (q *queue) configure(c *Client) {
	o := &c.opts.Queue
	q.mu.q = q
	q.bounds, q.timeout, q.base = o, c.opts.WriteTimeout, time.Now().Add(-time.Second)
	q.plain, q.plainErr = c.class(&SendOptions{})
	q.framed = c.opts.Compression == CompressionOff && c.opts.Rate.Messages == 0
	if o.OnLow != nil {
		q.low.bell = make(chan struct{}, 1)
	}
	if t := c.opts.Trace; t != nil {
		q.traceDrop = t.Dropped
	}
	q.watch(c.opts.Heartbeat)
}

// fits reports whether there is room for n bytes. Those of an entry with the same
// key will be free. A message of any permitted size fits into an empty lane.
func (q *queue) fits(n int, c *class) bool {
	l := &q.lanes[c.lane]
	messages, bytes := q.room(l)
	if i := l.twin(c); i >= 0 {
		return int64(n)-int64(l.at(i).size) <= bytes
	}
	return messages > 0 && int64(n) <= bytes
}

// twin is the place of the entry that one of class c replaces, or -1.
func (l *lane) twin(c *class) int {
	if c.x == nil || c.x.key == "" {
		return -1
	}
	return l.find(c.x.key)
}

// accept takes m, for which there is room.
func (q *queue) accept(m Message, c class) {
	if q.runs(len(m.Data), &c) {
		q.frame(wire.Op(m.Type), m.Data, &c)
		q.accepted(false)
		return
	}
	q.squeeze()
	l := &q.lanes[c.lane]
	e := q.arena.put(wire.Op(m.Type), m.Data)
	e.class = c
	l.bytes += int64(len(m.Data))
	if i := l.twin(&c); i >= 0 {
		old := l.at(i)
		e.seq = old.seq
		l.unindex(old)
		q.drop(old, DropReplaced)
		*old = e
		l.index(&e)
	} else {
		l.seq++
		e.seq = l.seq
		l.push(e)
	}
	q.accepted(false)
}

// accepted does what follows from a message that has come. here: if it can be written at
// once the caller may do it; then its writer is returned.
func (q *queue) accepted(here bool) *writer {
	if q.low.bell != nil {
		q.level()
	}
	w := q.link
	switch {
	case w == nil || w.writing || w.scheduled || !w.pending():
	case here && w.mayWriteHere():
		w.schedule()
		return w
	default:
		w.start()
	}
	return nil
}

// since is a time as those are that are relative to base; that of the zero time is 0.
func (q *queue) since(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return t.Sub(q.base)
}

// enter notes that a callback begins at now, leave that it has ended. The
// callback may be waiting for whoever waits for room, who must give up then.
func (q *queue) enter(now time.Time) { q.callback.Store(int64(now.Sub(q.base))) }

func (q *queue) leave() {
	q.callback.Store(0)
	if q.writesNext.Load() {
		q.writesNext.Store(false)
	}
}

// attach makes w the way out, for what OnConnect sends only until open.
func (q *queue) attach(w *writer) {
	q.mu.Lock()
	q.link = w
	w.barriers.covered = q.window.handed.n // all settled
	q.mu.Unlock()
}

// open lets the other lanes out.
func (q *queue) open() {
	q.mu.Lock()
	q.link.gated = false
	if q.wary() {
		q.link.nudge() // what OnConnect has sent must be confirmed first
	}
	q.link.kick()
	q.mu.Unlock()
}

// isOpen reports whether what is accepted now leaves now; q.mu is held.
func (q *queue) isOpen() bool { return q.link != nil && !q.link.gated && !q.link.stopped }

// detach ends the connection's part, whose writer has stopped, and returns what
// is uncertain and will not go again, or nil. What was not wholly handed over
// stays queued. The code is that of the peer's Close; 0: none came.
func (q *queue) detach(session int, code StatusCode) *UnconfirmedError {
	q.mu.Lock()
	defer q.unlock()
	q.settleFlushes()
	w := q.link
	q.link, q.partial = nil, 0
	hook := &q.lanes[hookLane]
	for hook.n > 0 {
		var e entry
		hook.pop(&e)
		hook.bytes -= int64(e.size)
		q.arena.release(&e)
	}
	q.takeBack(w)
	lost := q.cut(session, code)
	q.settleFlushes()
	q.level()
	q.grant()
	if lost.Messages == 0 {
		return nil
	}
	if lost.more == nil || lost.more.rejected == 0 { // else it counts as dropped
		q.loss().cost.count(&lost)
	}
	return &UnconfirmedError{lost.Session, lost.Messages, lost.Bytes, lost.more}
}

// handed notes that the kernel has all of e; q.mu is held.
func (q *queue) handed(e *entry) {
	l := &q.lanes[e.lane]
	l.inHand -= int(e.count)
	l.bytes -= int64(e.size)
	q.out.n += uint64(e.count)
	q.out.all += int64(e.size)
	if e.lane == hookLane {
		q.window.handed.hook++
		q.arena.release(e)
		return
	}
	if q.passive && !e.acked() && !e.is(again) {
		e.marks &^= kept // nothing would ever let it go
	}
	if e.is(acknowledged) || !q.window.hand(e) {
		q.arena.release(e)
		return
	}
	l.kept += int(e.count)
	l.keptBytes += int64(e.size)
}

// watch takes from the heartbeat what Flush needs to know.
func (q *queue) watch(p heartbeat.Policy) { q.passive, q.patience = p.IsPassive(), p.Timeout }

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

// close empties the lanes, save for what the writer is writing, and ends the
// flushes with err. BufferedAmount keeps its value, as a browser's does. What had
// left on an earlier connection and was to go again is lost.
func (q *queue) close(err error) (lost *UnconfirmedError) {
	q.mu.Lock()
	defer q.unlock()
	q.over = err
	for _, at := range []int8{priorityLane, dataLane} {
		l := &q.lanes[at]
		for l.n > 0 {
			var e entry
			l.pop(&e)
			if e.is(written) {
				doomed := &q.loss().doomed
				doomed.count(&UnconfirmedError{Messages: int(e.count), Bytes: int64(e.size)})
				q.keep(doomed, &e)
			}
			q.frozen += int64(e.size)
			q.drop(&e, DropClosed)
		}
	}
	for _, f := range q.flushes {
		f.done <- err
	}
	q.flushes = nil
	if q.reaper != nil {
		q.reaper.timer.Stop()
	}
	if q.losses == nil || q.losses.doomed.Messages == 0 {
		return nil
	}
	return &q.losses.doomed
}

// buffered is BufferedAmount; q.mu is held.
func (q *queue) buffered() int64 { return q.payload() - q.partial + q.frozen }

// payload is what is accepted and not wholly handed over; q.mu is held.
func (q *queue) payload() (n int64) {
	for i := range q.lanes {
		n += q.lanes[i].bytes
	}
	return n
}
