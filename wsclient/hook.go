package wsclient

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/reconnect"
)

// A Conn is one connection, as OnConnect and OnOpen see it. Send, Receive and
// SetHeartbeat are for OnConnect, while it runs and on its goroutine; the other
// methods may be called always, on any.
type Conn struct{ k *connection }

// A hook is what OnConnect has of its connection.
type hook struct {
	ctx     context.Context // ends with the connection
	cancel  context.CancelCauseFunc
	laps    *laps // of the attempt
	runs    atomic.Bool
	refusal error // what it has returned
}

func newHook() *hook {
	h := &hook{}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	return h
}

// running reports whether OnConnect is.
func (h *hook) running() bool { return h != nil && h.runs.Load() }

// refused is OnConnect's error.
func (h *hook) refused() error {
	if h == nil {
		return nil
	}
	return h.refusal
}

var errHookOver = errors.New("only for OnConnect, while it runs; use the Client's methods")

// Send sends m on this connection, ahead of everything in the queue. It returns
// once the message is accepted; it is lost with the connection.
func (n *Conn) Send(ctx context.Context, m Message) error {
	if !n.k.hook.running() {
		return failed("send", errHookOver, ErrNotSent)
	}
	if err := m.check(); err != nil {
		return failed("send", err, ErrNotSent)
	}
	if ctx.Err() != nil {
		return failed("send", context.Cause(ctx), ErrNotSent)
	}
	return n.k.c.q.send(ctx, m, class{lane: hookLane})
}

// Receive takes the next message out of the stream; its Data belongs to the
// caller. Messages that it does not take are delivered after OnOpen, in order.
func (n *Conn) Receive(ctx context.Context) (Message, error) {
	k := n.k
	if !k.hook.running() {
		return Message{}, failed("receive", errHookOver)
	}
	stop := context.AfterFunc(ctx, k.wake)
	defer stop()
	for {
		if len(k.batch) > 0 {
			m := k.batch[0]
			k.batch[0] = Message{}
			k.batch = k.batch[1:]
			return m, nil
		}
		if e := k.ended.Load(); e != nil {
			return Message{}, failed("receive", e.err)
		}
		if ctx.Err() != nil {
			return Message{}, failed("receive", context.Cause(ctx))
		}
		k.step()
	}
}

// SetHeartbeat replaces the heartbeat for the rest of this connection, as feeds
// want that say their interval in a greeting. Its error is an *OptionError. If there
// was no Reply yet, the new one sees what was received and Receive has not taken: it
// may have come with the greeting.
func (n *Conn) SetHeartbeat(p heartbeat.Policy) error {
	if !n.k.hook.running() {
		return failed("set heartbeat", errHookOver)
	}
	if err := checkHeartbeat(p); err != nil {
		return err
	}
	if err := n.k.c.opts.Queue.check(p); err != nil {
		return err
	}
	before := n.k.talk
	n.k.setHeartbeat(p, time.Now())
	n.k.review(before)
	return nil
}

// Session returns the number of the connection, which is that of its messages.
func (n *Conn) Session() int { return n.k.session }

// URL returns where it leads, without credentials and query values.
func (n *Conn) URL() string { return n.k.target.text }

// Subprotocol returns the one that the server chose, or "".
func (n *Conn) Subprotocol() string { return n.k.agreed.Protocol }

// Extensions returns those negotiated, or "".
func (n *Conn) Extensions() string { return n.k.extensions() }

// Header returns the header of the server's answer; it must not be changed.
func (n *Conn) Header() http.Header { return n.k.agreed.Header() }

// runHook runs OnConnect, if there is one.
func (k *connection) runHook() {
	h := k.hook
	if h == nil {
		return
	}
	ctx, cancel := withTimeout(h.ctx, k.c.opts.ConnectTimeout, "OnConnect")
	defer cancel()
	h.runs.Store(true)
	err := k.c.opts.OnConnect(ctx, &Conn{k})
	h.runs.Store(false)
	if err != nil {
		h.refusal = failed(k.c.op("connect", k.target), err)
	}
	h.laps.done(reconnect.PhaseConnect, h.refusal)
}

// serve reads until the connection has ended, and hands on what comes.
func (k *connection) serve() {
	k.deliver()
	for k.ended.Load() == nil {
		k.c.runLow()
		k.step()
		k.deliver()
		k.warn()
	}
}

// warn says, once, that the peer does not confirm what would have to go again.
func (k *connection) warn() {
	if !k.mute || k.warned {
		return
	}
	k.warned = true
	k.c.log(slog.LevelWarn, "peer does not confirm", "session", k.session)
	if f := k.c.opts.OnError; f != nil {
		k.c.q.enter(time.Now())
		f(failed("confirm", ErrNoConfirmation))
		k.c.q.leave()
	}
}

// deliver hands on the messages of the last read. If there is no room it waits
// for some, or ends the connection, as the inbox's policy is.
func (k *connection) deliver() {
	if k.handOn() {
		return
	}
	if k.c.in.overflow == OverflowDisconnect {
		if !k.draining() {
			k.end(&ending{manner: failing, err: failed("receive", ErrInboxFull), code: StatusPolicyViolation, reason: "inbox full", limit: bothClosed})
		}
		return
	}
	k.r.Rest()
	// Once writing has ended, reading goes on for a second at most: see
	// checkWriting.
	for k.ended.Load() == nil && k.writeErr.Load() == nil && !k.draining() {
		select {
		case <-k.c.in.room.wait():
			return
		case <-k.c.q.low.bell:
			k.c.callLow()
		case <-k.bell.wait():
		}
	}
}

// handOn hands them on, and reports whether there is room for more.
func (k *connection) handOn() (roomy bool) {
	f := k.c.opts.OnMessage
	switch {
	case len(k.packer.list) > 0:
		return k.load()
	case len(k.batch) == 0:
		return true
	case f != nil: // what OnConnect did not take
		k.c.enter(time.Now())
		for _, m := range k.batch {
			if e := k.ended.Load(); e == nil || e.manner != ours {
				f(m)
			}
		}
		k.c.leave()
		k.batch = nil
		return true
	case k.draining() && k.c.in.skip(len(k.batch)):
		k.batch = nil // what is behind, the pongs, is what Shutdown waits for
		return true
	}
	k.batch, roomy = k.c.in.put(k.batch)
	return roomy
}

// load hands on the parcels of the last read, and reports whether there is room for
// more.
func (k *connection) load() (roomy bool) {
	w, n := &k.packer, 0
	w.to = 0 // of the next read it has nothing
	for i := range w.list {
		n += w.list[i].n
	}
	if k.draining() && k.c.in.skip(n) {
		clear(w.list)
		w.list = w.list[:0]
		return true
	}
	w.list, roomy = k.c.in.load(w.list)
	return roomy
}

// draining reports whether Shutdown is under way.
func (k *connection) draining() bool { return k.c.ReadyState() == Closing }
