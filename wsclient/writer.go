package wsclient

import (
	"runtime"
	"sync"
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// A writer sends what the queue holds over one connection. Whoever sets writing
// under the queue's mutex owns its batch: the goroutine that is started when
// there is something to write, the reader before it sleeps, or a Send.
type writer struct {
	q    *queue
	sock socket
	line
	run     func() // work, as a value that go starts without allocating; nil: it was not needed yet
	workers sync.WaitGroup

	// Guarded by q.mu.
	writing   bool
	scheduled bool // a goroutine is about to work
	stopped   bool // nothing is written any more
	gated     bool // the data lane is not open yet
	last      bool // the Close was taken: nothing follows it. Only the batch's owner changes it
	said      bool // it was written
	pongs     pongs
	controls  controls
	barriers  barriers
	closing   []byte        // payload of the Close to send; nil: none
	closeMark [lanes]uint64 // it goes behind the messages up to these
	closed    chan struct{} // closed when it is written, or cannot be; nil: nobody waits
	inHand    uint64        // messages in b and cut that pongs will confirm

	// Owned by whoever set writing.
	b     *batch
	full  int32 // size at which a batch is full
	most  int32 // size of the largest batch since the writer has last begun
	keys  wire.Keys
	cut   cut
	wrote time.Duration // since queue.base, when a batch was written last; guarded by q.mu

	pace     *pace          // nil: there is no Rate
	deflater *wire.Deflater // nil: nothing is compressed
}

// A line is the connection that a writer belongs to. All but writingEnded is called
// with the mutex.
type line interface {
	writingEnded(error)
	wake()       // lets the run goroutine look
	overflowed() // ends the connection: the queue is full, and that is the policy
	probed(now time.Time)
	asked(seq uint32, now time.Time) // as probed, of one that is a message
	lookAt(time.Time)                // call nudge at this time
}

func (w *writer) begin(q *queue, sock socket, l line) {
	w.q, w.sock, w.line, w.gated, w.full = q, sock, l, true, batchLeast
}

// kick makes sure that somebody writes; q.mu is held.
func (w *writer) kick() {
	if !w.writing && !w.scheduled && w.pending() {
		w.start()
	}
}

// start starts the goroutine; q.mu is held.
func (w *writer) start() {
	w.schedule()
	if w.run == nil {
		w.run = w.work
	}
	go w.run()
}

// schedule notes that somebody is about to work, who must: work or writeHere; q.mu is held.
func (w *writer) schedule() {
	w.scheduled = true
	w.workers.Add(1)
}

// pending reports whether there is something to write; q.mu is held.
func (w *writer) pending() bool {
	switch {
	case w.stopped:
		return false
	case w.b != nil || w.cut.on:
		return true
	case w.last:
		return false
	}
	return w.owes() || w.closing != nil || w.mayGo(&w.q.lanes[hookLane]) ||
		!w.gated && (w.barriers.nudged || w.mayGo(&w.q.lanes[priorityLane]) || w.mayGo(&w.q.lanes[dataLane]))
}

// work is the goroutine: it writes until nothing is left.
func (w *writer) work() { w.turn(true) }

// writeHere is what a Send does instead, see mayWriteHere.
func (w *writer) writeHere() { w.turn(false) }

func (w *writer) turn(wait bool) {
	defer w.workers.Done()
	w.q.mu.Lock()
	w.scheduled = false
	w.write(wait)
}

// hereAfter is how long nothing must have been written for a Send to write by itself.
const hereAfter = 50 * time.Microsecond

// mayWriteHere reports whether a Send that finds nobody writing may do it by itself, as
// far as the kernel takes it, which spares waking another goroutine: in a callback behind
// which the reader would write next, once, and otherwise if nothing was written for a
// while, since many Sends in a row are to leave together. q.mu is held.
func (w *writer) mayWriteHere() bool {
	if !w.sock.direct() {
		return false
	}
	if w.q.callback.Load() != 0 {
		return w.q.writesNext.CompareAndSwap(true, false)
	}
	return time.Since(w.q.base)-w.wrote > hereAfter
}

// flush writes what is pending as far as the kernel takes it, and leaves the
// rest to the goroutine. The reader calls it before it sleeps: what a handler
// has sent costs no switch to another goroutine.
func (w *writer) flush() {
	w.q.mu.Lock()
	w.write(false)
}

// write writes what is pending, unless somebody does: all of it, or, if it is not to
// wait, one batch, as far as the kernel takes it; q.mu is held, and released.
func (w *writer) write(wait bool) {
	if w.writing || !w.pending() {
		w.q.mu.Unlock()
		return
	}
	w.writing = true
	now := time.Now()
	began := now // of the wait for the next byte to be taken
	for w.recall(now); w.b != nil || w.fill(now); w.recall(now) {
		w.q.unlock()
		w.encode()
		var n int
		var err error
		if rest := &w.b.rest; !wait {
			n, err = w.sock.tryWrite(rest, w.last)
		} else {
			n, err = w.sock.write(rest, w.last, w.patience(now.Sub(began)), w.b.mortal)
			if now = time.Now(); n > 0 {
				began = now
			}
		}
		w.q.mu.Lock()
		granted := w.commit(n, now)
		if err != nil {
			w.fail(err)
			return
		}
		if !wait && w.pending() { // the goroutine goes on with it, and with what others have sent
			w.writing = false
			if !w.scheduled {
				w.start()
			}
			w.q.unlock()
			return
		}
		if granted { // they go on first: what they have to say makes one write with this
			w.q.unlock()
			runtime.Gosched()
			w.q.mu.Lock()
		}
	}
	w.rest()
	w.q.unlock()
}

// patience is what is left of the WriteTimeout of a write that has waited.
func (w *writer) patience(waited time.Duration) time.Duration {
	if w.q.timeout <= 0 {
		return 0
	}
	return max(w.q.timeout-waited, 1)
}

// rest ends the work: nothing is left to write. How large a batch may be is remembered
// as long as there are some of a quarter of that. q.mu is held.
func (w *writer) rest() {
	w.writing = false
	if w.most < w.full/4 {
		w.full = max(w.full/2, batchLeast)
	}
	w.most = 0
	w.deflater.Rest()
}

// fail ends the writing; q.mu is held, and released.
func (w *writer) fail(err error) {
	already := w.stopped
	w.halt()
	w.writing = false
	w.q.unlock()
	if !already {
		w.writingEnded(err)
	}
}

// halt lets nothing more be written; q.mu is held.
func (w *writer) halt() {
	if !w.stopped {
		w.stopped = true
		w.q.lanes[hookLane].waiters.refuse(errLost)
		if w.closed != nil {
			close(w.closed)
		}
	}
}

// stop ends the writing and waits for the goroutine. A write that is stuck must
// have been released before.
func (w *writer) stop() {
	w.q.mu.Lock()
	w.halt()
	w.q.mu.Unlock()
	w.workers.Wait()
	w.deflater.Rest()
}

// sendClose lets the next write say Close, and nothing after it (RFC 6455 5.5.1). It goes
// behind what the lanes hold now if behind, or if that is one batch at the most:
// what a callback has answered before the cause goes first.
func (w *writer) sendClose(code StatusCode, reason string, behind bool) {
	w.q.mu.Lock()
	if w.closing == nil {
		w.closing = wire.AppendClose(make([]byte, 0, 2+len(reason)), uint16(code), reason)
		if behind || w.q.payload() <= batchLeast {
			for i := range w.q.lanes {
				w.closeMark[i] = w.q.lanes[i].seq
			}
			w.q.seal()
		}
	}
	w.q.mu.Unlock()
}

// await waits until the Close is written, or cannot be.
func (w *writer) await() {
	w.q.mu.Lock()
	if w.stopped {
		w.q.mu.Unlock()
		return
	}
	w.kick()
	w.closed = make(chan struct{})
	w.q.mu.Unlock()
	<-w.closed
}

// owe queues the pong to a ping. later: the reader writes next.
func (w *writer) owe(payload []byte, later bool) {
	w.q.mu.Lock()
	w.pongs.push(payload)
	if !later {
		w.kick()
	}
	w.q.mu.Unlock()
}

// nudge looks whether a barrier is due, or what Rate has held up may go on; q.mu
// is held.
func (w *writer) nudge() {
	w.barriers.nudged = true
	if w.pace != nil {
		w.q.throttled += w.pace.look(time.Now())
	}
	w.kick()
}
