package wsclient

import (
	"slices"
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// recall takes out of the batch what has expired while its write waited, and puts
// the messages behind that back to the front of their lanes; q.mu is held. What the
// kernel has a part of is beyond recall.
func (w *writer) recall(now time.Time) {
	b := w.b
	if b == nil || b.mortal.IsZero() || !now.After(b.mortal) {
		return
	}
	b.mortal = time.Time{}
	first, begin := b.expired(now)
	if first < 0 {
		return
	}
	taken := b.items[first:]
	for i := len(taken) - 1; i >= 0; i-- {
		if it := &taken[i]; it.isMessage() {
			w.untake(&it.entry)
		}
	}
	left := slices.DeleteFunc(taken, func(it item) bool { return it.isMessage() || it.op == wire.OpClose })
	b.rest.cut(begin - b.sent)
	b.items, b.size, b.encoded = b.items[:first+len(left)], begin, first
	w.last = false
	w.barriers.uncover(w.taken(), w.hooksTaken())
	w.deflater.Forget() // what the peer will not see
	for i := range w.q.lanes {
		w.q.sweep(&w.q.lanes[i], now)
	}
	if b.done == len(b.items) {
		w.written(now)
	}
}

// expired returns the first item that has expired and is not begun, and where it
// begins; -1: there is none. It notes when the next of those will.
func (b *batch) expired(now time.Time) (first, begin int) {
	for i := range b.items {
		it := &b.items[i]
		if begin >= b.sent && !(i == 0 && b.tail) && it.isMessage() {
			if it.expired(now) {
				return i, begin
			}
			b.notes(&it.entry)
		}
		begin = int(it.end)
	}
	return -1, 0
}

// notes takes the Expires of e into account.
func (b *batch) notes(e *entry) {
	if x := e.x; x != nil && !x.expires.IsZero() && (b.mortal.IsZero() || x.expires.Before(b.mortal)) {
		b.mortal = x.expires
	}
}

// untake puts an entry in the writer's hands back to where it came from.
func (w *writer) untake(e *entry) {
	q := w.q
	l := &q.lanes[e.lane]
	l.inHand -= int(e.count)
	if e.lane != hookLane && !e.acked() {
		w.inHand -= uint64(e.count)
	}
	if w.cut.on && w.cut.is(e) {
		w.cut = cut{}
	}
	if e.is(suspect) {
		q.alone = false
	}
	w.pace.untake()
	if e.is(acknowledged) {
		l.bytes -= int64(e.size)
		q.arena.release(e)
		return
	}
	q.again(*e)
}
