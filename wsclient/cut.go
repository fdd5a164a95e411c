package wsclient

import (
	"slices"

	"github.com/steadyws/steadyws/internal/wire"
)

// takeBack puts what is in the writer's hands back to the front of its lanes.
func (q *queue) takeBack(w *writer) {
	for _, e := range w.release() {
		l := &q.lanes[e.lane]
		l.inHand -= int(e.count)
		switch {
		case e.lane == hookLane, e.is(acknowledged):
			l.bytes -= int64(e.size)
			q.arena.release(&e)
		case e.is(volatile):
			q.drop(&e, DropVolatile)
		default:
			q.again(e)
		}
	}
	for _, at := range []int8{priorityLane, dataLane} { // what waits and was only for this connection
		q.lanes[at].filter(func(e *entry) bool {
			if !e.is(volatile) {
				return true
			}
			q.drop(e, DropVolatile)
			return false
		})
	}
}

// release empties the writer, which has stopped, and returns the entries in its
// hands, the newest first.
func (w *writer) release() (entries []entry) {
	if b := w.b; b != nil {
		for i := len(b.items) - 1; i >= b.done; i-- {
			it := &b.items[i]
			if i == b.done && it.op == opFrames && b.sent > b.begin {
				w.q.remask(&it.entry, 1) // a part of it was on the wire
			}
			if it.isMessage() {
				entries = append(entries, it.entry)
			}
		}
		b.free()
		w.b = nil
	} else if w.cut.on {
		entries = append(entries, w.cut.entry)
	}
	w.cut = cut{}
	return entries
}

// again puts e, which is older than all that waits, to the front of its lane,
// unless a newer one of its key is there.
func (q *queue) again(e entry) {
	l := &q.lanes[e.lane]
	if l.twin(&e.class) >= 0 {
		q.drop(&e, DropReplaced)
		return
	}
	l.unpop(e)
}

// goAgain puts e, which was handed over, to the front of its lane. One that the peer
// may have closed over goes alone.
func (q *queue) goAgain(e entry, meant bool) {
	e.marks |= written
	if e.op == opFrames {
		q.remask(&e, int(e.count))
	}
	if !meant {
		q.again(e)
		return
	}
	e.marks |= suspect
	var alone []entry
	for e.count > 1 {
		alone = append(alone, q.arena.split(&e, 1))
	}
	q.again(e)
	for i := len(alone) - 1; i >= 0; i-- {
		q.again(alone[i])
	}
}

// rejects reports whether a peer that closes with this code may mean a message.
func rejects(code StatusCode) bool {
	switch code {
	case StatusUnsupportedData, StatusInvalidFramePayloadData, StatusPolicyViolation, StatusMessageTooBig:
		return true
	}
	return false
}

// cut decides what becomes of the window when its connection has ended.
func (q *queue) cut(session int, code StatusCode) UnconfirmedError {
	meant := rejects(code)
	only := meant && q.window.messages() == 1 && q.window.hooks() == 0
	for _, f := range q.flushes {
		f.cut(q)
	}
	entries, lost := q.window.cut()
	lost.Session, q.alone = session, false
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i].e
		l := &q.lanes[e.lane]
		l.kept -= int(e.count)
		l.keptBytes -= int64(e.size)
		switch {
		case e.is(again) && only: // it is the one that the peer means
			lost.Messages, lost.Bytes, lost.more = 1, int64(e.size), &loss{rejected: code}
			q.keepBefore(&lost, &e)
			q.dropped(&e, DropRejected)
			q.acquit()
			for _, f := range q.flushes {
				f.failed = f.failed || e.seq <= f.marks[e.lane]
			}
		case e.is(again) && q.over == nil:
			l.bytes += int64(e.size)
			q.goAgain(e, meant)
		default:
			if e.is(again) { // there is no other connection
				lost.count(&UnconfirmedError{Messages: int(e.count), Bytes: int64(e.size)})
			}
			q.keepBefore(&lost, &e)
			for _, f := range q.flushes {
				if e.seq <= f.marks[e.lane] {
					q.keepBefore(&f.lost, &e)
				}
			}
			q.arena.release(&e)
		}
	}
	slices.Reverse(lost.Lost())
	for _, f := range q.flushes {
		slices.Reverse(f.lost.Lost())
		if f.failed {
			f.lost.Session = session
		}
	}
	return lost
}

// cut tells f what it loses with the connection. What goes again has to leave
// again.
func (f *flush) cut(q *queue) {
	end := q.window.place()
	if f.left {
		end = f.at
	}
	lost := q.window.loses(end)
	f.lost.count(&lost)
	f.left, f.failed = false, lost.Messages > 0
}

// keep notes the payload of what is lost, if that is wanted.
func (q *queue) keep(lost *UnconfirmedError, e *entry) {
	if q.bounds.KeepUnconfirmed {
		e.each(func(op wire.Op, _ uint64, p []byte) { lost.keep(MessageType(op), p) })
	}
}

// keepBefore is keep where the newest come first.
func (q *queue) keepBefore(lost *UnconfirmedError, e *entry) {
	n := len(lost.Lost())
	q.keep(lost, e)
	slices.Reverse(lost.Lost()[n:])
}
