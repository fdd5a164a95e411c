package wsclient

import (
	"bytes"
	"sync"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

const (
	batchLeast = 64 << 10  // a batch is full at this size at first
	batchMost  = 512 << 10 // and at this one under back-pressure
)

// batches are write buffers. A connection with nothing to write holds none.
var batches = sync.Pool{New: func() any { return &batch{buf: make([]byte, 0, batchLeast+wire.FrameOverhead)} }}

// A batch is what goes out in one write.
type batch struct {
	items   []item // what it is made of
	control []byte // payloads of its pongs
	ping    [heartbeat.PayloadSize]byte
	buf     []byte // its bytes
	sent    int    // of buf, what the kernel has
	marks   []mark // where each of its messages, pings and Closes ends
	done    int    // of marks, those that the kernel has
}

// An item is one frame to be.
type item struct {
	data []byte
	op   wire.Op
	lane int8
	seq  uint32 // of a ping
}

// A mark is where the last byte of an item lies.
type mark struct {
	end  int32
	op   wire.Op
	lane int8
	seq  uint32
}

func (b *batch) free() {
	clear(b.items)
	b.items, b.marks, b.done = b.items[:0], b.marks[:0], 0
	b.buf, b.sent = b.buf[:0], 0
	batches.Put(b)
}

// cut is a message larger than a batch: it leaves in pieces.
type cut struct {
	item
	on      bool
	payload []byte // of its frame: data, or that compressed
	op      wire.Op
	off     int // of payload, what went into batches so far
	key     uint32
}

// handed is how much of the message the kernel has, if it has n bytes of its payload.
func (c *cut) handed(n int) int64 {
	return int64(float64(n) / float64(len(c.payload)) * float64(len(c.data)))
}

// fill decides what goes out next; q.mu is held. It only moves references: the
// bytes are copied and masked by encode, without the mutex.
func (w *writer) fill(now time.Time) bool {
	if w.stopped || w.last {
		return false
	}
	b := batches.Get().(*batch)
	room := w.full
	if w.cut.on {
		room -= len(w.cut.payload) - w.cut.off
	}
	if room > 0 { // no frame goes into the middle of another
		w.pongs.take(b)
		if w.barriers.wanted {
			b.items = append(b.items, w.barriers.ping(w.q.handed, now))
		}
		room = w.fillLane(b, hookLane, w.q.lanes[hookLane].waiting(), room, now)
		if !w.gated {
			w.fillLane(b, dataLane, w.dataWaiting(), room, now)
		}
		w.fillLast(b, now)
	}
	if len(b.items) == 0 && !w.cut.on {
		b.free()
		return false
	}
	w.b = b
	return true
}

// dataWaiting is how many messages of the data lane may go out now.
func (w *writer) dataWaiting() int {
	l := &w.q.lanes[dataLane]
	if w.closing == nil {
		return l.waiting()
	}
	return min(l.waiting(), max(0, int(w.closeMark-w.taken())))
}

// taken is how many messages of the data lane, since the client began, were
// handed over or are in the batch under way.
func (w *writer) taken() uint64 { return w.q.handed + uint64(w.q.lanes[dataLane].taken) }

// fillLane adds up to n messages of a lane while there is room, and returns
// what is left of it.
func (w *writer) fillLane(b *batch, at int8, n, room int, now time.Time) int {
	l := &w.q.lanes[at]
	for ; n > 0 && !w.cut.on; n-- {
		e := l.at(l.taken)
		it := item{data: e.data, op: e.op, lane: at}
		size := len(e.data) + wire.HeaderSize(len(e.data))
		if size > room && len(b.items) > 0 {
			break
		}
		l.taken++
		if room -= size; room < 0 {
			w.cut = cut{item: it, on: true, payload: it.data, op: it.op, key: w.keys.Next()}
		} else {
			b.items = append(b.items, it)
		}
		if at == dataLane && w.barriers.passed(len(e.data), w.taken(), w.q.flushes) && !w.cut.on {
			b.items = append(b.items, w.barriers.ping(w.taken(), now))
		}
	}
	if n > 0 && w.full < batchMost {
		w.full *= 2
	}
	return room
}

// fillLast adds what goes behind the last message: the Close, or a barrier.
func (w *writer) fillLast(b *batch, now time.Time) {
	if w.cut.on || w.q.lanes[hookLane].waiting() > 0 || !w.gated && w.dataWaiting() > 0 {
		return
	}
	if w.closing != nil {
		w.last = true
		b.items = append(b.items, item{data: w.closing, op: wire.OpClose})
		return
	}
	if w.gated {
		return
	}
	due, later := w.barriers.due(w.taken(), w.q.flushes, now)
	if w.barriers.nudged = false; due {
		b.items = append(b.items, w.barriers.ping(w.taken(), now))
	} else if !later.IsZero() {
		w.alarm(later)
	}
}

// encode makes the bytes of the batch, unless they are already made.
func (w *writer) encode() {
	b := w.b
	if len(b.buf) > 0 {
		return
	}
	if c := &w.cut; c.on {
		if c.off == 0 {
			if z, ok := w.deflate(c.item); ok {
				c.op, c.payload = c.op|wire.Deflated, bytes.Clone(z)
			}
			b.buf = wire.AppendHeader(b.buf, c.op, true, len(c.payload), c.key)
		}
		piece := c.payload[c.off:min(len(c.payload), c.off+w.full)]
		b.buf = wire.AppendPayload(b.buf, piece, c.key, c.off)
		if c.off += len(piece); c.off == len(c.payload) {
			b.mark(c.item)
		}
	}
	for i := range b.items {
		it := &b.items[i]
		if it.op == wire.OpPing {
			it.data = heartbeat.AppendPayload(b.ping[:0], w.barriers.tag, it.seq)
		}
		op, payload := it.op, it.data
		if z, ok := w.deflate(*it); ok {
			op, payload = op|wire.Deflated, z
		}
		b.buf = wire.AppendFrame(b.buf, op, payload, w.keys.Next())
		b.mark(*it)
	}
}

func (b *batch) mark(it item) {
	if it.op != wire.OpPong {
		b.marks = append(b.marks, mark{int32(len(b.buf)), it.op, it.lane, it.seq})
	}
}

// commit notes that the kernel has taken n more bytes of the batch; q.mu is held.
func (w *writer) commit(n int, now time.Time) {
	b, q := w.b, w.q
	for b.sent += n; b.done < len(b.marks) && int(b.marks[b.done].end) <= b.sent; b.done++ {
		switch m := b.marks[b.done]; m.op {
		case wire.OpPing:
			answered := w.barriers.wrote(m.seq, q.handed, q.handedBytes, now)
			if answered {
				q.confirm(q.handed, q.handedBytes)
			}
			if w.barriers.probe {
				w.barriers.probe = false
				if !answered {
					w.probed(now)
				}
			}
		case wire.OpClose:
			w.said = true
			w.halt()
		default:
			if b.done == 0 { // the first of a batch may be the end of a cut one
				w.cut = cut{}
			}
			l := &q.lanes[m.lane]
			if m.lane == dataLane {
				q.handed++
				q.handedBytes += int64(len(l.at(0).data))
			}
			q.release(l)
		}
	}
	if q.partial = 0; w.cut.on {
		end := len(b.buf) // of its piece
		if len(b.marks) > 0 {
			end = int(b.marks[0].end)
		}
		q.partial = w.cut.handed(max(0, w.cut.off-max(0, end-b.sent)))
	}
	if b.sent == len(b.buf) {
		b.free()
		w.b = nil
	}
	q.settleFlushes()
	q.grant()
}
