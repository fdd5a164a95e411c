package wsclient

import (
	"bytes"
	"slices"
)

// takeBack puts what is in the writer's hands back to the front of its lanes.
func (q *queue) takeBack(w *writer) {
	for _, e := range w.release() {
		l := &q.lanes[e.lane]
		l.inHand--
		switch {
		case e.lane == hookLane:
			l.bytes -= int64(e.size)
			q.arena.release(&e)
		case e.is(volatile):
			q.drop(&e, DropVolatile)
		default:
			q.again(e)
		}
	}
	for i := range q.lanes { // what waits and was only for this connection
		if i != int(hookLane) {
			q.dropVolatile(&q.lanes[i])
		}
	}
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

func (q *queue) dropVolatile(l *lane) {
	for i := l.n; i > 0; i-- { // once round: those that stay keep their order
		e := l.pop()
		if e.is(volatile) {
			q.drop(&e, DropVolatile)
		} else {
			l.push(e)
		}
	}
}

// cut decides what becomes of the window when its connection has ended.
func (q *queue) cut(session int, code StatusCode) *UnconfirmedError {
	unconfirmed := q.window.messages()
	entries, lost := q.window.cut()
	lost.Session = session
	rejected := code == StatusUnsupportedData || code == StatusInvalidFramePayloadData || code == StatusPolicyViolation || code == StatusMessageTooBig
	q.suspects = 0
	if !rejected {
		unconfirmed = 0
	}
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i].e
		l := &q.lanes[e.lane]
		l.kept--
		l.keptBytes -= int64(e.size)
		switch {
		case e.is(again) && unconfirmed == 1: // it is the one that the peer means
			lost.Messages, lost.Bytes, lost.more = 1, int64(e.size), &loss{rejected: code}
			q.keep(&lost, &e)
			q.dropped(&e, DropRejected)
		case e.is(again) && q.over == nil:
			l.bytes += int64(e.size)
			e.marks |= written
			if q.again(e); rejected {
				q.suspects++
			}
		default:
			if e.is(again) { // there is no other connection
				lost.Messages++
				lost.Bytes += int64(e.size)
			}
			q.keep(&lost, &e)
			q.arena.release(&e)
		}
	}
	slices.Reverse(lost.Lost())
	for _, f := range q.flushes {
		f.left = false // what went again has to leave again
		if lost.Messages > 0 {
			f.lost.add(&lost)
			f.lost.Session, f.failed = session, true
		}
	}
	return &lost
}

// keep notes the payload of a message that is lost, if that is wanted.
func (q *queue) keep(lost *UnconfirmedError, e *entry) {
	if q.reports {
		lost.keep(Message{Type: MessageType(e.op), Data: bytes.Clone(e.data())})
	}
}
