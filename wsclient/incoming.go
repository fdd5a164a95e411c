package wsclient

import (
	"errors"

	"github.com/steadyws/steadyws/internal/wire"
)

// parse handles all that was read. A Close by the user ends it early: like a
// browser's, its message events are over then. The stack beneath OnMessage is to be
// small, as it stays with the connection. owes: a pong is to be written next.
func (k *connection) parse() (owes bool) {
	deliver := k.c.opts.OnMessage
	if k.opened == 0 {
		deliver = nil
	}
	ack := k.c.opts.Queue.Ack
	if deliver != nil || ack != nil || k.talk != nil {
		k.c.enter(k.now)
		defer k.c.leave()
	}
	var got arrival
	plain := ack == nil && k.talk == nil && k.opened != 0
	for over := false; !over; {
		switch {
		case !plain:
		case deliver != nil:
			over = k.hand(deliver, &got)
		case k.c.in.whole:
			k.packAll(&got)
		}
		over = over || k.next(deliver, &got)
		if got.op != 0 {
			over = k.show(deliver, &got)
		}
	}
	k.c.count(got.messages, got.bytes)
	if got.fresh {
		k.stale.note(k.now.Sub(k.c.q.base))
	}
	k.unread = k.r.Pending()
	if got.err != nil {
		k.fail(got.err)
	}
	return got.owes
}

// An arrival is what one read has brought.
type arrival struct {
	messages, bytes uint64
	fresh           bool // there was data
	owes            bool // a ping was the end of it
	op              wire.Op
	p               []byte // with op, a message that is to be shown to OnMessage; no op: none
	err             error
}

// hand gives the messages at the beginning of what was read to OnMessage, until
// something else is among them. over: or until the user has closed the client.
func (k *connection) hand(deliver func(Message), got *arrival) (over bool) {
	b, most := k.r.Plain()
	all := len(b)
	m := Message{Session: k.session, Received: k.now}
	for !over {
		op, header, n := wire.Glance(b, most)
		if op == 0 {
			break
		}
		m.Type, m.Data = MessageType(op), b[header:header+n:header+n]
		if b = b[header+n:]; len(b) == 0 {
			k.c.q.writesNext.Store(true)
		}
		got.messages++
		got.bytes += uint64(n)
		deliver(m)
		over = k.closedByUs()
	}
	got.fresh = got.fresh || len(b) < all
	k.r.Skip(all - len(b))
	return over
}

// next deals with the next message or control frame. over: there is nothing more to do.
func (k *connection) next(deliver func(Message), got *arrival) (over bool) {
	op, p, err := k.r.Next()
	switch op {
	case wire.OpText, wire.OpBinary:
		got.messages++
		got.bytes += uint64(len(p))
		return k.message(op, p, deliver, got)
	case wire.OpPing:
		got.owes = k.opened != 0 && k.r.Pending() == 0
		k.w.owe(p, got.owes)
	case wire.OpPong:
		k.pong(p)
	case wire.OpClose:
		k.peerClosed(p)
		return true
	default:
		got.err = err
		return true
	}
	return false
}

// message deals with a message, whose data is p. What OnMessage is to see, show shows.
func (k *connection) message(op wire.Op, p []byte, deliver func(Message), got *arrival) (over bool) {
	m := Message{Type: MessageType(op), Session: k.session, Received: k.now}
	if k.c.opts.Queue.Ack != nil {
		k.acked(m, p)
	}
	shown, data := true, true
	if k.talk != nil {
		shown, data = k.hear(op, p)
	}
	got.fresh = got.fresh || data
	switch {
	case !shown:
		k.hide(p)
		return k.closedByUs()
	case deliver == nil:
		k.take(m, p)
	default:
		got.op, got.p = op, p
	}
	return false
}

// show gives the message that next has found to OnMessage, when the stack that it took
// to find it is free again. over: the user has closed the client. Within parse it would
// be stack beneath next.
//
//go:noinline
func (k *connection) show(deliver func(Message), got *arrival) (over bool) {
	m := Message{Type: MessageType(got.op), Data: got.p, Session: k.session, Received: k.now}
	got.op, got.p = 0, nil
	if k.r.Pending() == 0 {
		k.c.q.writesNext.Store(true)
	}
	deliver(m)
	return k.closedByUs()
}

// closedByUs reports whether the user has closed the client, who gets no message then.
func (k *connection) closedByUs() bool {
	e := k.ended.Load()
	return e != nil && e.manner == ours
}

// take notes a message, whose data is p, that is for Receive.
func (k *connection) take(m Message, p []byte) {
	if k.opened != 0 && k.c.in.whole {
		k.pack(m, p)
		return
	}
	m.Data = k.keep(p)
	k.batch = append(k.batch, m)
}

// acked shows a message, whose data is p, to Queue.Ack.
func (k *connection) acked(m Message, p []byte) {
	m.Data = p
	if id, upTo, ok := k.c.opts.Queue.Ack(m); ok {
		k.c.q.ack(id, upTo)
	}
}

// slabMost, as parcelMost, is the size of the memory that small messages share, and so what one
// of them pins when it is kept.
const slabMost = 16 << 10

// keep returns p as memory of its own.
func (k *connection) keep(p []byte) []byte {
	if k.r.Take() {
		return p[:len(p):len(p)]
	}
	if len(p) > len(k.slab) {
		if len(p) > slabMost/4 {
			k.unread -= len(p)
			return append([]byte(nil), p...)
		}
		k.slab = make([]byte, min(slabMost, max(len(p), k.unread)))
	}
	k.unread -= len(p)
	kept := k.slab[:len(p):len(p)]
	k.slab = k.slab[copy(kept, p):]
	return kept
}

// peerClosed takes the peer's Close frame.
func (k *connection) peerClosed(p []byte) {
	code, reason, err := wire.ParseClose(p)
	if err != nil {
		k.fail(err)
		return
	}
	e := &ending{manner: answered, code: StatusCode(code), reason: reason, limit: bothClosed}
	e.err = &CloseError{Code: e.code, Reason: reason, Remote: true}
	k.end(e)
}

// fail ends the connection because of what the peer did (RFC 6455 7.1.7).
func (k *connection) fail(err error) {
	e := &ending{manner: failing, err: err, code: StatusProtocolError, limit: bothClosed}
	if v, ok := errors.AsType[*wire.Error](err); ok {
		e.code = StatusCode(v.Code)
		if e.err = error(&ProtocolError{Code: e.code, Err: v.Err}); v.TooBig() {
			e.err = failed("receive", ErrTooLarge, v.Err)
		}
	}
	k.end(e)
}
