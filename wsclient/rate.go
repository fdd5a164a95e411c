package wsclient

import (
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// Rate bounds how much leaves on one connection, for venues that cut off clients
// which say too much. What may not leave yet waits in the queue, which is bounded:
// see QueueOptions.Overflow. Within a rate, pongs and pings go before what
// OnConnect sends, that before Priority, and that before the rest. A Close frame
// always goes.
//
// It is the time of writing that counts: what the network delays and then delivers
// together may come faster, so leave a margin.
type Rate struct {
	// Messages is how many may leave within any Per, each counted once, however
	// large. 0: no limit. Per 0: 1 s. Negative is an *OptionError, and so is Per
	// without Messages.
	Messages int
	Per      time.Duration
	// Control: pings and pongs count too. One of Messages is then kept for them, if
	// there is more than one, so that messages never hold up the heartbeat. Of the
	// pongs that the peer is owed beyond the rate, only the newest are sent (RFC
	// 6455 5.5.3).
	Control bool
}

func (r *Rate) check() error {
	switch {
	case r.Messages < 0:
		return option("Rate.Messages", "negative; 0 is no limit")
	case r.Per < 0:
		return option("Rate.Per", "negative; 0 is 1 s")
	case r.Messages == 0 && (r.Per != 0 || r.Control):
		return option("Rate.Messages", "0 is no limit; write how many may leave within Per")
	}
	return nil
}

// A pace keeps a connection within its Rate. It is pure; nil allows everything.
// The writer owns it, under the queue's mutex.
type pace struct {
	Rate
	reserve int // of Messages, what only pings, pongs and the heartbeat take

	sent  []departure                    // oldest first
	head  int                            // of sent, the first within the last Per
	data  int                            // of those and of what is being written, how many are messages
	taken struct{ messages, others int } // what is being written

	held  bool      // messages wait
	mute  bool      // pings or pongs do
	since time.Time // when the messages were held up
}

// A departure is one frame that has left.
type departure struct {
	at   time.Time
	data bool
}

func newPace(r Rate) *pace {
	if r.Messages == 0 {
		return nil
	}
	if r.Per == 0 {
		r.Per = time.Second
	}
	return &pace{Rate: r}
}

// heed keeps room for what a heartbeat says.
func (p *pace) heed(h heartbeat.Policy) {
	if p == nil {
		return
	}
	p.reserve = 0
	if p.Control || h.Reply != nil || h.Probe != nil && !h.IsPassive() {
		p.reserve = min(1, p.Messages-1)
	}
}

// look forgets what left more than Per ago, and returns for how long messages were
// held up. What waits is to be tried again.
func (p *pace) look(now time.Time) (throttled time.Duration) {
	if p == nil {
		return 0
	}
	throttled = p.throttled(now)
	for ; p.head < len(p.sent) && now.Sub(p.sent[p.head].at) >= p.Per; p.head++ {
		if p.sent[p.head].data {
			p.data--
		}
	}
	if p.head > len(p.sent)/2 {
		p.sent, p.head = append(p.sent[:0], p.sent[p.head:]...), 0
	}
	p.held, p.mute = false, false
	return throttled
}

// throttled is for how long messages have been held up.
func (p *pace) throttled(now time.Time) time.Duration {
	if p == nil || !p.held {
		return 0
	}
	return max(now.Sub(p.since), 0)
}

// message reports whether one more may go, and counts it; so do control, for a
// ping or a pong, and beat, for a message of the heartbeat's.
func (p *pace) message(now time.Time) bool {
	if p == nil {
		return true
	}
	if p.room(true) == 0 {
		p.held, p.since = true, now
		return false
	}
	p.take(true)
	return true
}

func (p *pace) control() bool { return p == nil || !p.Control || p.beat() }

func (p *pace) beat() bool {
	if p == nil {
		return true
	}
	if p.room(false) == 0 {
		p.mute = true
		return false
	}
	p.take(false)
	return true
}

// controls is how many pings and pongs may go.
func (p *pace) controls() int {
	if p == nil || !p.Control {
		return pongsMost
	}
	return p.room(false)
}

func (p *pace) room(data bool) int {
	n := p.Messages - (len(p.sent) - p.head) - p.taken.messages - p.taken.others
	if data {
		n = min(n, p.Messages-p.reserve-p.data)
	}
	return max(n, 0)
}

func (p *pace) take(data bool) {
	if data {
		p.data++
		p.taken.messages++
	} else {
		p.taken.others++
	}
}

// untake notes that one message was not written after all.
func (p *pace) untake() {
	if p == nil {
		return
	}
	p.data--
	p.taken.messages--
}

// left notes that what was taken has left.
func (p *pace) left(now time.Time) {
	if p == nil {
		return
	}
	for range p.taken.messages {
		p.sent = append(p.sent, departure{now, true})
	}
	for range p.taken.others {
		p.sent = append(p.sent, departure{now, false})
	}
	p.taken.messages, p.taken.others = 0, 0
}

// next is when what is held up may go on; zero: nothing is.
func (p *pace) next(now time.Time) time.Time {
	if p == nil || !p.held && !p.mute {
		return time.Time{}
	}
	n, data := p.Messages-(len(p.sent)-p.head)-p.taken.messages-p.taken.others, p.Messages-p.reserve-p.data
	for _, d := range p.sent[p.head:] {
		if n++; d.data {
			data++
		}
		if n > 0 && (p.mute || data > 0) {
			return d.at.Add(p.Per)
		}
	}
	return now.Add(p.Per) // it is what is being written now
}

// keep forgets all but the n newest pongs that are owed.
func (p *pongs) keep(n int) {
	for ; p.n > n; p.n-- {
		p.data = append(p.data[:0], p.data[1+int(p.data[0]):]...)
	}
}

// takePongs moves the pongs to the batch, as far as the rate lets it.
func (w *writer) takePongs() {
	if w.pongs.n == 0 {
		return
	}
	n := w.pace.controls()
	if n == 0 {
		w.pace.mute = true
		return
	}
	w.pongs.keep(n)
	for range w.pongs.n {
		w.pace.control()
	}
	w.pongs.take(w.b)
}

// takeControls moves the heartbeat's messages to the batch, likewise.
func (w *writer) takeControls() {
	n := 0
	for n < len(w.controls.list) && w.pace.beat() {
		n++
	}
	w.controls.take(w.b, n)
}

// owes reports whether a pong or a ping is to go out, and may.
func (w *writer) owes() bool {
	return (w.pongs.n > 0 || len(w.controls.list) > 0 || w.barriers.wanted) && (w.pace == nil || !w.pace.mute)
}

// resume sees to it that what is held up goes on in time.
func (w *writer) resume(now time.Time) {
	if at := w.pace.next(now); !at.IsZero() {
		w.lookAt(at)
	}
}
