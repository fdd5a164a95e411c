package wsclient

import (
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// commit notes that the kernel has taken n more bytes of the batch, and reports whether
// somebody who waited for the room has got it; q.mu is held.
func (w *writer) commit(n int, now time.Time) (granted bool) {
	b, q := w.b, w.q
	b.sent += n
	for ; b.done < len(b.items); b.done++ {
		it := &b.items[b.done]
		if it.end == partEnd || int(it.end) > b.sent {
			w.commitPart(it)
			break
		}
		b.begin = int(it.end)
		switch it.op {
		case wire.OpPing:
			w.pinged(it.ping, now)
		case wire.OpPong:
		case wire.OpClose:
			w.said = true
			w.halt()
		default:
			if w.spoke(it, now) {
				break
			}
			w.cut = cut{} // only the first message of a batch may be one
			w.handed(&it.entry)
		}
	}
	if q.partial = 0; w.cut.on {
		q.partial = w.cut.handed(max(0, w.cut.off-max(0, w.cut.end-b.sent)))
	}
	if b.sent == b.size {
		w.written(now)
	}
	q.settleFlushes()
	q.level()
	return q.grant()
}

// handed notes that the kernel has all of e.
func (w *writer) handed(e *entry) {
	n := uint64(e.count)
	if e.lane == hookLane || e.acked() {
		n = 0
	}
	w.q.handed(e)
	w.inHand -= n
}

// commitPart notes what the kernel has of a run.
func (w *writer) commitPart(it *item) {
	b := w.b
	if it.op != opFrames {
		return
	}
	if n, size := it.whole(b.sent - b.begin); n > 0 {
		first := w.q.arena.split(&it.entry, n)
		b.begin += size
		w.handed(&first)
	}
}

// written ends the batch.
func (w *writer) written(now time.Time) {
	w.most = max(w.most, int32(w.b.size))
	w.wrote = now.Sub(w.q.base)
	w.b.free()
	w.b = nil
	w.pace.left(now)
}

// pinged notes that a ping was handed over.
func (w *writer) pinged(seq uint32, now time.Time) {
	w.q.settleFlushes() // what left before it is what its pong confirms
	answered := w.barriers.wrote(seq, w.q.window.handed, now)
	if answered {
		w.q.confirm(w.q.window.handed)
	}
	if w.barriers.probe {
		w.barriers.probe = false
		if !answered {
			w.probed(now)
		}
	}
}
