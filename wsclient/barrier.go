package wsclient

import (
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/wire"
)

const (
	barrierEvery = 64 << 10    // payload between two barriers of a burst
	barrierAgain = 16 << 10    // if some of it would have to go again
	barrierPause = time.Second // between two barriers of a quiet connection
	barriersMost = 256         // of a peer that does not answer, the latest are kept
	pongsMost    = 16          // of those that the peer is owed, the latest are kept
)

// barriers are the pings of one connection. TCP is ordered, so the pong to one
// confirms all that was written before it; a peer may answer only the newest
// (RFC 6455 5.5.3), so it confirms the earlier pings too. Guarded by q.mu.
type barriers struct {
	auto  bool   // send them unasked
	never bool   // not even asked for: the heartbeat is Passive
	again bool   // something behind the latest would have to go again
	kept  bool   // or is kept until it is confirmed
	needs bool   // something of this connection was
	tag   uint32 // of the payloads
	seq   uint32 // of the latest

	wanted  bool      // a ping must go out now: a probe, or Ping
	probe   bool      // it is the heartbeat's
	nudged  bool      // look whether a barrier is due, even if there is nothing else to write
	since   int       // payload taken since the latest
	covered uint64    // messages before the latest
	hooks   uint64    // and of OnConnect's
	last    time.Time // when the latest was taken

	open   []barrier // oldest first
	pongs  uint32    // the latest ping that was answered: its pong may come before its write returns
	rtt    heartbeat.RTT
	flying bool // one is taken and not written, or written and not answered by any pong
	echoes bool // a pong had the payload of its ping
	blank  bool // a pong came that had not

	pingers []*pinger
}

// A barrier is a ping that was taken and not answered.
type barrier struct {
	seq     uint32
	at      time.Time // when it was taken, then when it was written
	written bool
	mark    tally // once written: what left before it
}

// A pinger waits for a pong.
type pinger struct {
	seq  uint32 // 0: the next ping
	done chan pingResult
}

type pingResult struct {
	rtt time.Duration
	err error
}

// ping returns the next ping, behind covered messages.
func (b *barriers) ping(covered uint64, now time.Time) item {
	b.seq++
	b.wanted, b.nudged, b.flying = false, false, true
	b.since, b.again, b.kept, b.covered, b.last = 0, false, false, max(b.covered, covered), now
	if len(b.open) == barriersMost {
		b.open = append(b.open[:0], b.open[1:]...)
	}
	b.open = append(b.open, barrier{seq: b.seq, at: now})
	for _, p := range b.pingers {
		if p.seq == 0 {
			p.seq = b.seq
		}
	}
	return item{entry: entry{op: wire.OpPing}, ping: b.seq}
}

// due reports whether a barrier belongs behind the first taken messages, and hooks
// of OnConnect's, after which nothing may go now. later is when it will be, if time is all that is
// missing.
func (b *barriers) due(taken, hooks uint64, q *queue, now time.Time) (ok bool, later time.Time) {
	wary := q.wary()
	switch {
	case b.never:
		return false, later
	case !b.behind(taken, hooks) || taken <= b.covered && !wary:
		return false, later
	case q.flushing():
		return true, later
	case !b.auto && !b.kept && !wary:
		return false, later
	case b.since >= b.every():
		return true, later
	case b.flying: // one per round trip: its pong looks again
		return false, later
	case q.pressed():
		return true, later
	}
	if at := b.last.Add(barrierPause); now.Before(at) {
		return false, at
	}
	return true, later
}

// behind reports whether something was taken since the latest.
func (b *barriers) behind(taken, hooks uint64) bool { return taken > b.covered || hooks > b.hooks }

// uncover notes that no more than that was taken after all.
func (b *barriers) uncover(taken, hooks uint64) {
	b.covered, b.hooks = min(b.covered, taken), min(b.hooks, hooks)
}

// tells reports whether pongs will tell what the peer has read: pings go unasked,
// and it has not shown that it echoes none.
func (b *barriers) tells() bool {
	return !b.never && (b.auto || b.needs) && (b.echoes || !b.blank)
}

// every is how much payload of a burst may be without a barrier.
func (b *barriers) every() int {
	if b.again {
		return barrierAgain
	}
	return barrierEvery
}

// owed reports whether a barrier belongs before e, which is the next in a burst.
func (b *barriers) owed(e *entry, q *queue) bool {
	every := b.every()
	if e.is(again) {
		every = barrierAgain
	}
	return b.since > 0 && b.since+int(e.size) > every && !b.never && (b.auto || b.kept || q.flushing())
}

// passed counts a message that was taken.
func (b *barriers) passed(e *entry) {
	if !e.acked() {
		b.since += int(e.size)
		b.again, b.kept, b.needs = b.again || e.is(again), b.kept || e.is(kept), b.needs || e.is(kept)
	}
}

// wrote notes that the seq-th ping was handed over. answered: so was its pong,
// before the write returned.
func (b *barriers) wrote(seq uint32, mark tally, now time.Time) (answered bool) {
	for i := range b.open {
		if o := &b.open[i]; o.seq == seq {
			o.written, o.at, o.mark = true, now, mark
		}
	}
	return seq <= b.pongs
}

// pong takes a pong's payload. ok: it confirms the barrier. rtt is the round trip,
// negative if none could be measured.
func (b *barriers) pong(p []byte, now time.Time) (confirmed tally, rtt time.Duration, ok bool) {
	b.flying, rtt = false, -1
	seq, known := heartbeat.ParsePayload(p, b.tag)
	if !known || seq > b.seq { // not the answer to a ping of ours
		b.blank = b.blank || len(b.open) > 0
		return confirmed, rtt, false
	}
	b.echoes, b.pongs = true, max(b.pongs, seq)
	n := 0
	for ; n < len(b.open) && b.open[n].seq <= seq; n++ {
		o := &b.open[n]
		if o.written { // of the others, wrote will learn
			confirmed, ok = o.mark, true
		}
		if o.seq == seq {
			rtt = now.Sub(o.at)
			b.rtt.Add(rtt)
			b.answer(seq, rtt)
		}
	}
	b.open = append(b.open[:0], b.open[n:]...)
	return confirmed, rtt, ok
}

// answer tells all who wait for the seq-th ping, or for one before it: a peer
// may answer only the newest.
func (b *barriers) answer(seq uint32, rtt time.Duration) {
	left := b.pingers[:0]
	for _, p := range b.pingers {
		if p.seq != 0 && p.seq <= seq {
			p.done <- pingResult{rtt: rtt}
		} else {
			left = append(left, p)
		}
	}
	clear(b.pingers[len(left):])
	b.pingers = left
}

// refuse tells all who wait for a pong that none will come.
func (b *barriers) refuse(err error) {
	for _, p := range b.pingers {
		p.done <- pingResult{err: err}
	}
	b.pingers = nil
}

// mute reports whether the peer has shown that it does not confirm: a barrier
// has been out for timeout and only pongs with other payloads came.
func (b *barriers) mute(now time.Time, timeout time.Duration) bool {
	return b.blank && !b.echoes && len(b.open) > 0 && b.open[0].written && now.Sub(b.open[0].at) >= timeout
}

// left is how long until mute could be said of the oldest barrier.
func (b *barriers) left(now time.Time, timeout time.Duration) time.Duration {
	if len(b.open) == 0 || !b.open[0].written {
		return timeout
	}
	if d := timeout - now.Sub(b.open[0].at); d > 0 {
		return d
	}
	return timeout
}

// pongs are the answers that the peer is owed, in order. Only the latest are
// kept (RFC 6455 5.5.3): a flood of pings costs no memory.
type pongs struct {
	n    int
	data []byte // each with its length before it
}

func (p *pongs) push(payload []byte) {
	if p.n == pongsMost {
		p.n, p.data = 0, p.data[:0]
	}
	p.n++
	p.data = append(p.data, byte(len(payload)))
	p.data = append(p.data, payload...)
}

// take moves the pongs to b.
func (p *pongs) take(b *batch) {
	b.control = append(b.control[:0], p.data...)
	for rest := b.control; p.n > 0; p.n-- {
		n := 1 + int(rest[0])
		b.items = append(b.items, item{entry: entry{op: wire.OpPong, off: uint32(len(b.control) - len(rest) + 1), size: uint32(n - 1)}})
		rest = rest[n:]
	}
	p.data = p.data[:0]
}
