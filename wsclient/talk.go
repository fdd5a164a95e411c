package wsclient

import (
	"slices"
	"time"
	"unicode/utf8"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

// A talk is the part of a heartbeat that is made of messages, on one connection.
type talk struct {
	dialog  *heartbeat.Dialog // nil: neither probes nor beats
	reply   func(text bool, data []byte) (reply []byte, ok bool)
	visible bool          // what reply takes is for the user too
	turn    chan struct{} // one place: the functions of dialog run one at a time

	// Guarded by the queue's mutex.
	sent     [heartbeat.ProbesMost]asking
	answered uint64 // the latest probe that was
}

// An asking is a probe that waits for its answer.
type asking struct {
	seq uint64
	at  time.Time // when it was made, then when it was written
}

// newTalk returns that of p, or nil if there is none; before is the talk until now.
func newTalk(p heartbeat.Policy, before *talk) *talk {
	var answered uint64
	if before != nil {
		answered = before.latest()
	}
	var dialog *heartbeat.Dialog
	if !p.IsOff() {
		dialog = p.Dialog(answered)
	}
	if dialog == nil && p.Reply == nil && answered == 0 {
		return nil
	}
	return &talk{dialog: dialog, reply: p.Reply, visible: p.Visible, turn: make(chan struct{}, 1), answered: answered}
}

// latest is the number of the latest probe.
func (t *talk) latest() uint64 {
	if t.dialog == nil {
		return t.answered
	}
	return t.dialog.Latest()
}

// probes reports whether the heartbeat's probes are messages.
func (t *talk) probes() bool { return t != nil && t.dialog != nil && t.dialog.Asks() }

// ask sends the next probe.
func (k *connection) ask(t *talk, now time.Time) {
	t.turn <- struct{}{}
	seq, text, data := t.dialog.Next()
	<-t.turn
	c := controlMessage{op: wire.OpBinary, seq: uint32(seq), data: data}
	if text {
		c.op = wire.OpText
	}
	q := &k.c.q
	q.mu.Lock()
	if k.talk == t {
		t.sent[seq%heartbeat.ProbesMost] = asking{seq, now}
		k.w.say(c)
	}
	q.mu.Unlock()
}

// asked is called by the writer when such a probe was handed over; the queue's mutex
// is held.
func (k *connection) asked(seq uint32, now time.Time) {
	t := k.talk
	if !t.probes() || uint64(seq) <= t.answered { // of an earlier policy; or its answer came before its write had returned
		return
	}
	if s := &t.sent[seq%heartbeat.ProbesMost]; s.seq == uint64(seq) {
		s.at = now
	}
	k.probed(now)
}

// hear shows a received message to the heartbeat. shown: the user gets it too; data:
// it is what the user waits for.
func (k *connection) hear(op wire.Op, p []byte) (shown, data bool) {
	t, text := k.talk, op == wire.OpText
	shown, data = true, true
	if t.dialog != nil && t.dialog.Listens() {
		t.turn <- struct{}{}
		h := t.dialog.Hear(text, p)
		<-t.turn
		switch {
		case h.Beat:
			data = false
			k.answered(k.now, -1)
		case h.Answer:
			shown, data = false, false
			k.answer(t, h)
		}
	}
	if t.reply == nil {
		return shown, data
	}
	reply, ok := t.reply(text, p)
	if !ok {
		return shown, data
	}
	if text && !utf8.Valid(reply) { // a strict peer would close with 1007, and end the client
		k.c.complain(failed("heartbeat reply", errNotUTF8))
	} else if reply != nil {
		q := &k.c.q
		q.mu.Lock()
		k.w.say(controlMessage{op: op, data: append([]byte(nil), reply...)})
		q.mu.Unlock()
	}
	return shown && t.visible, false
}

// review shows the messages that OnConnect has not taken to a new heartbeat, if the
// one before had no Reply.
func (k *connection) review(before *talk) {
	if k.talk == nil || before != nil && before.reply != nil {
		return
	}
	k.batch = slices.DeleteFunc(k.batch, func(m Message) bool {
		shown, _ := k.hear(wire.Op(m.Type), m.Data)
		return !shown
	})
}

// answer takes the answer to a probe.
func (k *connection) answer(t *talk, h heartbeat.Heard) {
	q := &k.c.q
	q.mu.Lock()
	s := t.sent[h.Seq%heartbeat.ProbesMost]
	known := h.Seq > t.answered && s.seq == h.Seq
	t.answered = max(t.answered, h.Seq)
	q.mu.Unlock()
	if !known {
		return
	}
	rtt := k.now.Sub(s.at)
	if !h.Sure {
		rtt = -1
	}
	k.answered(s.at, rtt)
}

// answered notes that an answer to what was sent then came with the last read, and
// how long it took; negative: unknown.
func (k *connection) answered(sent time.Time, rtt time.Duration) {
	q := &k.c.q
	q.mu.Lock()
	k.monitor.Answered(sent, k.now)
	if rtt >= 0 {
		k.w.barriers.rtt.Add(rtt)
	}
	q.mu.Unlock()
	k.traceRTT(rtt)
}

func (k *connection) traceRTT(rtt time.Duration) {
	if t := k.c.opts.Trace; rtt >= 0 && t != nil && t.RTT != nil {
		t.RTT(rtt)
	}
}

// complain tells OnError of what does not end the connection; the queue knows that
// a callback runs.
func (c *Client) complain(err error) {
	if f := c.opts.OnError; f != nil {
		f(err)
	}
}
