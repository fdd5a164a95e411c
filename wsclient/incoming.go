package wsclient

import (
	"errors"

	"github.com/steadyws/steadyws/internal/wire"
)

// parse handles all that was read. A Close by the user ends it early: like a
// browser's, its message events are over then.
func (k *connection) parse() {
	deliver := k.c.opts.OnMessage
	if k.opened == 0 {
		deliver = nil
	}
	ack := k.c.opts.Queue.Ack
	if deliver != nil || ack != nil || k.talk != nil {
		k.c.enter(k.now)
		defer k.c.leave()
	}
	var messages, bytes uint64
	fresh := false // there was data
	m := Message{Session: k.session, Received: k.now}
	for {
		op, p, err := k.r.Next()
		switch op {
		case wire.OpText, wire.OpBinary:
			messages++
			bytes += uint64(len(p))
			m.Type = MessageType(op)
			if ack != nil {
				k.acked(m, p)
			}
			shown, data := true, true
			if k.talk != nil {
				shown, data = k.hear(op, p)
			}
			if fresh = fresh || data; shown && deliver == nil {
				k.take(m, p)
				continue
			}
			if shown {
				m.Data = p
				deliver(m)
			} else {
				k.hide(p)
			}
			if e := k.ended.Load(); e == nil || e.manner != ours {
				continue
			}
		case wire.OpPing:
			k.w.owe(p)
			continue
		case wire.OpPong:
			k.pong(p)
			continue
		case wire.OpClose:
			k.peerClosed(p)
		}
		k.c.count(messages, bytes)
		if fresh {
			k.stale.note(k.now.Sub(k.c.q.base))
		}
		k.unread = k.r.Pending()
		if err != nil {
			k.fail(err)
		}
		return
	}
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
