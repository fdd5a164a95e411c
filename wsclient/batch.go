package wsclient

import (
	"sync"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

const (
	batchLeast = 64 << 10  // a batch is full at this size at first
	batchMost  = 512 << 10 // and at this one under back-pressure, which is remembered
)

// batches are write buffers. A connection with nothing to write holds none.
var batches = sync.Pool{New: func() any { return &batch{buf: make([]byte, 0, batchLeast+wire.FrameOverhead)} }}

// A batch is what goes out in one write.
type batch struct {
	items   []item // what it is made of
	encoded int    // of items, those whose bytes are made
	done    int    // of items, those that the kernel has
	tail    bool   // the first is the rest of a message that was begun
	control []byte // payloads of its pongs and control messages
	ping    [heartbeat.PayloadSize]byte
	buf     []byte  // frames that are made for it: those that are not stored as such
	size    int     // its bytes
	sent    int     // of size, what the kernel has
	begin   int     // of size, where what the kernel has not whole begins
	rest    buffers // the bytes that the kernel has not

	mortal time.Time // not after the first Expires of what is not begun; zero: none
}

// An item is one frame, or a piece of one.
type item struct {
	entry        // of a control frame only the opcode, of a pong or control message its place in control
	ping  uint32 // the number of a ping, or of a probe that is a message
	end   int32  // of its bytes in the batch; partEnd: the end of its frame is in another batch
}

const partEnd = -1

// isMessage reports whether the item is more than a control frame or message.
func (it *item) isMessage() bool {
	return it.lane != controlLane && (it.op == wire.OpText || it.op == wire.OpBinary || it.op == opFrames)
}

func (b *batch) free() {
	clear(b.items)
	b.rest.reset()
	*b = batch{items: b.items[:0], control: b.control, buf: b.buf[:0], rest: b.rest}
	batches.Put(b)
}

// fill decides what goes out next; q.mu is held. It only moves entries: the
// bytes are copied and masked by encode, without the mutex.
func (w *writer) fill(now time.Time) bool {
	if w.stopped || w.last {
		return false
	}
	w.q.throttled += w.pace.look(now)
	b := batches.Get().(*batch)
	w.b = b
	room, more := int(w.full), false
	if w.cut.on {
		b.items, b.tail = append(b.items, item{entry: w.cut.entry}), true
		room -= len(w.cut.payload) - w.cut.off
	}
	if room > 0 { // no frame goes into the middle of another
		w.takePongs()
		w.takeControls()
		if w.barriers.wanted && w.pace.control() {
			w.ping(now)
		}
		for at := range lanes {
			if at == hookLane || !w.gated {
				room = w.fillLane(at, room, now)
				more = more || w.mayGo(&w.q.lanes[at])
			}
		}
		w.fillLast(now)
		w.resume(now)
		if more && w.full < batchMost { // for the next one: all lanes see the same
			w.full *= 2
		}
	}
	if len(b.items) == 0 {
		b.free()
		w.b = nil
		return false
	}
	return true
}

// mayGo reports whether the first entry of a lane may go out now.
func (w *writer) mayGo(l *lane) bool {
	switch {
	case l.n == 0, w.pace != nil && w.pace.held:
		return false
	case w.closing != nil && l != &w.q.lanes[hookLane] && l.at(0).seq > w.closeMark[l.at(0).lane]:
		return false
	}
	return l == &w.q.lanes[hookLane] || !w.q.wary() || w.q.quiet()
}

// taken is how many messages were handed over, or are about to be, that pongs
// confirm.
func (w *writer) taken() uint64 { return w.q.window.handed.n + w.inHand }

// hooksTaken is taken for what OnConnect has sent.
func (w *writer) hooksTaken() uint64 {
	return w.q.window.handed.hook + uint64(w.q.lanes[hookLane].inHand)
}

// ping adds a ping behind all that was taken.
func (w *writer) ping(now time.Time) {
	w.barriers.hooks = w.hooksTaken()
	w.b.items = append(w.b.items, w.barriers.ping(w.taken(), now))
}

// fillLane adds messages of a lane while there is room, and returns what is left
// of it.
func (w *writer) fillLane(at int8, room int, now time.Time) int {
	l, q := &w.q.lanes[at], w.q
	q.sweep(l, now)
	for w.mayGo(l) && !w.cut.on {
		if at != hookLane && w.barriers.owed(l.at(0), q) && w.pace.control() {
			w.ping(now)
		}
		size := l.at(0).stored()
		if l.at(0).op != opFrames {
			size += wire.HeaderSize(size)
		}
		if size > room && room < int(w.full) { // nor may a smaller one of another lane go first
			room = 0
			break
		}
		if !w.pace.message(now) {
			break
		}
		room -= size
		w.take(l, room < 0)
	}
	return room
}

// take takes the first entry of a lane. over: it is larger than what is left of the batch.
func (w *writer) take(l *lane, over bool) {
	w.b.items = append(w.b.items, item{})
	e := &w.b.items[len(w.b.items)-1].entry
	l.pop(e)
	l.inHand += int(e.count)
	if over && e.op != opFrames {
		w.cut = cut{entry: *e, on: true, payload: e.data(), key: w.keys.Next()}
	}
	if e.lane == hookLane {
		return
	}
	w.b.notes(e)
	if !e.acked() {
		w.inHand += uint64(e.count)
	}
	w.q.alone = w.q.alone || e.is(suspect)
	w.barriers.passed(e)
}

// fillLast adds what goes behind the last message: the Close, or a barrier.
func (w *writer) fillLast(now time.Time) {
	if w.cut.on || w.mayGo(&w.q.lanes[hookLane]) {
		return
	}
	waiting := false
	if !w.gated {
		waiting = w.mayGo(&w.q.lanes[priorityLane]) || w.mayGo(&w.q.lanes[dataLane])
	}
	switch {
	case waiting:
	case w.closing != nil:
		// The peer's Close is the answer to ours only if the pong to this comes first.
		if b := &w.barriers; b.tells() && b.behind(w.taken(), w.hooksTaken()) && w.pace.control() {
			w.ping(now)
		}
		w.last = true
		w.b.items = append(w.b.items, item{entry: entry{op: wire.OpClose}})
	case !w.gated:
		due, later := w.barriers.due(w.taken(), w.hooksTaken(), w.q, now)
		if w.barriers.nudged = false; due && w.pace.control() {
			w.ping(now)
		} else if !later.IsZero() {
			w.lookAt(later)
		}
	}
}

// encode makes the bytes of the batch that are not made yet.
func (w *writer) encode() {
	b := w.b
	for ; b.encoded < len(b.items); b.encoded++ {
		it := &b.items[b.encoded]
		op, payload := it.op, []byte(nil)
		switch op {
		case wire.OpPing:
			payload = heartbeat.AppendPayload(b.ping[:0], w.barriers.tag, it.ping)
		case wire.OpPong:
			payload = b.control[it.off : it.off+it.size]
		case wire.OpClose:
			payload = w.closing
		case opFrames:
			if frames := it.frames(); len(frames) >= pieceLeast && w.sock.direct() {
				b.add(frames)
			} else {
				b.made(append(b.buf, frames...))
			}
			it.end = int32(b.size)
			continue
		default:
			if w.cut.on && w.cut.is(&it.entry) {
				w.piece(it)
				continue
			}
			payload = b.payload(it)
			if z, ok := w.deflate(payload); ok {
				op, payload = op|wire.Deflated, z
			}
		}
		b.made(wire.AppendFrame(b.buf, op, payload, w.keys.Next()))
		it.end = int32(b.size)
	}
}

// add appends p to the bytes of the batch.
func (b *batch) add(p []byte) {
	b.rest.add(p)
	b.size += len(p)
}

// made appends what buf has more than b.buf.
func (b *batch) made(buf []byte) {
	p := buf[len(b.buf):]
	b.buf = buf
	b.add(p)
}
