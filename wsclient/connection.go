package wsclient

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

// A connection is one WebSocket, from the upgrade to its last byte. It belongs
// to the run goroutine, which reads; others only end it, and look at what is
// atomic or guarded by the queue's mutex.
type connection struct {
	c       *Client
	session int
	target  *target
	agreed  wire.Agreed
	opened  time.Duration // when it became Open, since queue.base; 0: not yet

	sock  socket
	own   ownSocket  // what sock is
	pulse *pulseConn // beneath TLS; nil without
	r     wire.Reader
	w     writer
	hook  *hook // OnConnect's; nil: there is none

	now    time.Time // of the last read
	batch  []Message // received and not handed on yet, one by one
	packer packer    // or together
	slab   []byte    // memory for the messages that are to come
	unread int       // bytes of the last read that were not parsed: what slab may be needed for
	early  bool      // frames came with the handshake, and wait to be parsed
	mute   bool      // the peer does not confirm, though it is needed
	warned bool      // and that was said
	waited bool      // the read that is under way waited

	heard atomic.Int64 // the last byte received, in nanoseconds since queue.base
	empty atomic.Int64 // when the read that now waits found the socket empty; 0: none waits

	away     time.Duration // the reader is away if it does not look for so long; 0: nobody wants to know
	woke     time.Duration // when one last had to, and did, since queue.base
	caughtUp atomic.Int64  // as empty, but of the last read that found it so after the reader was away

	ended    atomic.Pointer[ending] // why it is over; the first cause counts
	writeErr atomic.Pointer[error]  // writing has ended
	bell     bell                   // when ended or writeErr was set
	noticed  time.Duration          // when the reader learnt that writing has, since queue.base; 0: not yet
	held     atomic.Bool            // a verdict waits for the socket to be found empty
	quiet    bool                   // the timer is not armed any more; guarded as what follows

	stale *stale // nil: nobody asks

	// Guarded by the queue's mutex. The times are since queue.base; 0: none.
	monitor heartbeat.Monitor
	talk    *talk         // nil: none; set by the run goroutine only
	due     time.Duration // when the timer calls tick; once it is quiet, the limit of the closing handshake
	beat    time.Duration // when the monitor wants it
	look    time.Duration // when a barrier wants it
}

// An ending says why a connection is over.
type ending struct {
	err    error
	manner manner
	code   StatusCode // of the Close that we send or have received
	reason string
	limit  time.Duration // for the closing handshake
}

// manner is how a connection ends.
type manner int

const (
	broken    manner = iota // nothing can be said any more
	answered                // the peer has sent Close: it gets ours
	failing                 // the peer broke a rule, or overran the inbox: it gets a Close
	requested               // Reconnect
	ours                    // Close, CloseWith or Shutdown
)

func newConnection(c *Client, d *dialed, session int) *connection {
	k := &connection{
		c: c, session: session, target: d.target, agreed: d.answer.Agreed,
		pulse: d.pulse, now: time.Now(), quiet: true, // until it has a heartbeat
		early: len(d.answer.Early) > 0, unread: len(d.answer.Early),
	}
	if c.opts.OnConnect != nil {
		k.hook = newHook()
	}
	k.sock = k.own.open(d.nc)
	k.r.Begin(c.opts.MaxMessage, d.answer.Early)
	k.w.begin(&c.q, k.sock, k)
	k.w.pace = newPace(c.opts.Rate)
	k.compress(d.answer.Deflate)
	k.w.barriers.tag = rand.Uint32()
	k.woke = c.q.since(k.now)
	k.heard.Store(int64(k.woke))
	c.current.Store(k) // the timer looks for it
	k.setHeartbeat(c.opts.Heartbeat, k.now)
	return k
}

// end ends the connection, unless it has ended.
func (k *connection) end(e *ending) {
	if k.ended.CompareAndSwap(nil, e) {
		if k.hook != nil {
			k.hook.cancel(e.err)
		}
		k.wake()
	}
}

// wake lets the run goroutine look at what has happened, in a read or waiting
// for room in the inbox.
func (k *connection) wake() {
	k.bell.ring()
	k.sock.wake(aLongTimeAgo)
}

// writingEnded is called by the writer. What the peer said before is still read.
func (k *connection) writingEnded(err error) {
	cause := failed("write", err)
	if errors.Is(err, errWriteTimeout) {
		k.end(&ending{err: cause})
		return
	}
	k.writeErr.Store(&cause)
	k.wake()
}

// overflowed is called when the send queue is full and that is to end the
// connection: the peer reads too slowly.
func (k *connection) overflowed() { k.end(&ending{err: failed("send", ErrQueueFull)}) }

// afterWriteError is how long the peer's last words are waited for.
const afterWriteError = time.Second

// step waits for bytes, reads once and handles what came: messages go to the
// callback, or into batch.
func (k *connection) step() {
	k.w.flush()
	if k.early {
		k.early = false
		k.arrived()
		return
	}
	n, err := k.sock.read(&k.r, k)
	k.awake()
	if k.now = time.Now(); k.waited {
		k.waited, k.woke = false, k.c.q.since(k.now)
	}
	if n > 0 {
		k.heard.Store(int64(k.now.Sub(k.c.q.base)))
		k.unread += n
		k.arrived()
	}
	if err == nil {
		return
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		k.readingEnded(err)
		return
	}
	// Somebody woke us. First the deadline is taken back, then the reason is
	// looked for: the other way round one could be lost in between.
	k.sock.awake()
	k.checkWriting()
	k.tellStale()
}

// arrived deals with what was read, and writes the pong that is owed at once: what
// follows may wait for room in the inbox.
func (k *connection) arrived() {
	if k.parse() {
		k.w.flush()
	}
}

// checkWriting gives the peer's last words their time once writing has ended.
func (k *connection) checkWriting() {
	failure, now := k.writeErr.Load(), k.c.q.since(k.now)
	switch {
	case failure == nil:
	case k.noticed == 0:
		k.noticed = now
		k.sock.wake(k.now.Add(afterWriteError))
	case now-k.noticed >= afterWriteError:
		k.end(&ending{err: *failure})
	default: // something else woke us
		k.sock.wake(k.now.Add(k.noticed + afterWriteError - now))
	}
}

// readingEnded ends the connection for a failed read. An EOF without a Close is
// what a cut looks like; if writing failed before, that is the better cause.
func (k *connection) readingEnded(err error) {
	if failure := k.writeErr.Load(); failure != nil {
		k.end(&ending{err: *failure})
		return
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	k.end(&ending{err: failed("read", err)})
}

// sleeping is called when a read finds the socket empty.
func (k *connection) sleeping() {
	k.slab = nil
	if cap(k.batch) > idleMost {
		k.batch = nil // an idle connection holds little
	}
	k.packer.rest()
	now := time.Since(k.c.q.base)
	k.empty.Store(int64(now))
	if k.away > 0 && now-k.woke > k.away {
		k.caughtUp.Store(int64(now))
	}
	if k.held.Load() && k.held.Swap(false) {
		k.tickSoon()
	}
}

// awake is called when it looks again.
func (k *connection) awake() {
	if k.empty.Load() != 0 {
		k.empty.Store(0)
		k.waited = true
	}
}
