package heartbeat_test

import (
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// FuzzMonitor plays random events against a Monitor that is ticked exactly when
// it asks for it, and looks at what was promised of the verdict.
func FuzzMonitor(f *testing.F) {
	f.Add([]byte{15, 10}, uint16(15), uint16(10), byte(0), byte(0))
	f.Add([]byte{0x10, 0x2f, 0x33, 0x44, 0x5f, 0x60, 0x7f}, uint16(15), uint16(10), byte(0), byte(0))
	f.Add([]byte{0x41, 0x0f, 0x0f, 0x5a, 0x0f, 0x0f, 0x0f, 0x33, 0x6f, 0x7f}, uint16(10), uint16(25), byte(0), byte(9))
	f.Add([]byte{0x41, 0x0f, 0x0f, 0x5a, 0x0f, 0x0f, 0x0f, 0x33, 0x6f, 0x7f}, uint16(20), uint16(10), byte(1), byte(0))
	f.Add([]byte{0x0f, 0x9f, 0x0f, 0x0f, 0xa3, 0x1f, 0x0f, 0x3f, 0x4f, 0x0f, 0xb1, 0x0f, 0x9f}, uint16(14), uint16(14), byte(6), byte(99))
	f.Add([]byte{0x0f, 0x1f, 0x0f, 0x0f, 0xb3, 0x1f, 0x0f, 0x3f, 0xcf, 0x0f}, uint16(3), uint16(5), byte(0x1c), byte(200))
	f.Add([]byte("a long afternoon with a feed that says this and that"), uint16(3), uint16(40), byte(8), byte(0))
	f.Fuzz(func(t *testing.T, events []byte, interval, timeout uint16, options, chance byte) {
		p := heartbeat.Policy{
			Interval: time.Duration(1+interval%100) * second, Timeout: time.Duration(1+timeout%100) * second,
			Fixed: options&2 != 0, AnswersOnly: options&4 != 0, Misses: 1 + int(options>>3&3), Jitter: options&32 != 0,
		}
		if options&1 != 0 {
			p.Probe, p.Fixed, p.Misses, p.Jitter = heartbeat.Expect(func(bool, []byte) bool { return false }), false, 1, false
		}
		if field, err := p.Validate(); err != nil {
			t.Fatal(field, err)
		}
		w := &world{T: t, p: p, m: heartbeat.NewMonitor(p, start), now: start, heard: start, alive: start, need: p.Misses, first: p.Interval}
		if w.m.Jitter(float64(chance) / 256); p.Jitter {
			w.first = w.first * time.Duration(chance) / 256
		}
		w.l.Empty = start
		w.tick()
		for _, e := range events {
			w.pass(time.Duration(e&0x0f) * second)
			if w.dead {
				return
			}
			w.event(e >> 4)
		}
		w.prompt = w.prompt && len(w.wrote) == 0 && w.owed == 0 // from here on all is written at once
		w.lateWriter = false
		w.pass(time.Hour)
		if waits := !w.l.Empty.IsZero() && !w.l.Unread; waits && !w.dead && (w.owed == 0 || p.IsPassive()) {
			t.Fatalf("alive after an hour of silence; heard %v, wrote %v", w.heard.Sub(start), w.wrote)
		}
	})
}

// A world is a connection as the Monitor's rules see it.
type world struct {
	*testing.T
	p     heartbeat.Policy
	m     *heartbeat.Monitor
	l     heartbeat.Link
	now   time.Time
	next  time.Time
	ahead time.Duration // the wall clock
	slept bool          // since the last Tick
	first time.Duration
	dead  bool

	heard      time.Time   // the last byte
	alive      time.Time   // the last byte, or answer
	asked      time.Time   // the last probe
	wrote      []time.Time // the probes written since alive, or not answered
	need       int         // of them for a verdict
	owed       int         // probes asked for and not written
	lateWriter bool        // probes are written only when the event says so
	prompt     bool        // the reader waits since the last sign of life, and all probes were written at once
}

func (w *world) event(kind byte) {
	switch kind {
	case 0, 1: // a byte, and the reader waits again
		w.receive()
		w.l.Empty, w.prompt = w.now, !w.lateWriter && w.owed == 0 && !w.l.Unread && !w.slept && (!w.p.AnswersOnly || w.prompt)
	case 2: // a byte, and the reader is busy
		w.receive()
		w.l.Empty, w.prompt = time.Time{}, false
	case 3:
		w.l.Empty, w.prompt = time.Time{}, false
	case 4:
		if w.l.Empty.IsZero() {
			w.l.Empty, w.l.CaughtUp = w.now, w.now
			w.tick() // it was asked for as soon as a read finds the socket empty
		}
	case 5:
		w.l.Unread = !w.l.Unread
		w.prompt = false
	case 6:
		w.lateWriter, w.prompt = true, false
	case 7:
		w.lateWriter = false
		w.write()
	case 8:
		w.tick() // a Tick too many changes nothing
	case 9, 10: // an answer to the latest probe, or to the earliest
		if len(w.wrote) > 0 || w.p.IsPassive() {
			w.answer(kind == 10)
		}
	case 11:
		w.ahead += time.Hour
		w.slept, w.prompt = true, false
	case 12:
		w.l.CaughtUp, w.prompt = w.now, false
	}
}

func (w *world) receive() {
	if w.l.Received, w.heard = w.now, w.now; !w.p.AnswersOnly {
		w.lives()
		w.wrote = nil
	}
}

func (w *world) lives() { w.alive, w.need = w.now, w.p.Misses }

func (w *world) answer(earliest bool) {
	sent := w.now
	if n := len(w.wrote); n > 0 {
		if sent = w.wrote[n-1]; earliest {
			sent = w.wrote[0]
		}
	}
	w.receive()
	if w.m.Answered(sent, w.now); w.p.AnswersOnly {
		w.lives()
		for len(w.wrote) > 0 && !w.wrote[0].After(sent) {
			w.wrote = w.wrote[1:]
		}
	}
	w.prompt = w.prompt && !earliest
}

func (w *world) write() {
	if w.owed == 0 {
		return
	}
	w.owed = 0
	if w.now.After(w.heard) || w.p.AnswersOnly {
		w.wrote = append(w.wrote, w.now)
	}
	if next := w.m.Wrote(w.now); next.IsZero() || next.Before(w.now) || len(w.wrote) == w.need && next.After(w.now.Add(w.p.Timeout)) {
		w.Fatalf("Wrote at %v wants a Tick at %v", w.now.Sub(start), next.Sub(start))
	} else {
		w.next = next
	}
}

// pass lets time pass, with a Tick exactly whenever the Monitor wants it.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); !w.dead; {
		if w.next.IsZero() || w.next.After(end) {
			w.now = end
			return
		}
		if w.next.Before(w.now) {
			w.Fatalf("Next is %v in the past", w.now.Sub(w.next))
		}
		w.now = w.next
		w.tick()
	}
}

func (w *world) tick() {
	w.l.Wall = w.now.Add(w.ahead)
	woke := w.slept
	if woke {
		w.wrote, w.need, w.slept = nil, 1, false
	}
	d := w.m.Tick(w.now, w.l)
	w.next = d.Next
	if d.Dead != nil {
		w.dead = true
		w.verdict(d)
		return
	}
	if !d.Next.After(w.now) {
		w.Fatalf("at %v: %s", w.now.Sub(start), say(d))
	}
	life := w.heard
	if w.alive.After(life) {
		life = w.alive
	}
	quiet := time.Duration(w.p.Misses)*w.p.Interval + w.p.Timeout
	if w.prompt && w.now.Sub(life) >= quiet {
		w.Fatalf("still alive at %v: %s; the last byte came at %v", w.now.Sub(start), say(d), w.heard.Sub(start))
	}
	if d.Probe {
		w.probe(woke)
	}
}

// probe looks whether a probe came too early, and writes it.
func (w *world) probe(woke bool) {
	wait := w.p.Interval
	if w.asked.IsZero() {
		wait = w.first
	}
	idle := !w.p.Fixed && !(w.p.AnswersOnly && len(w.wrote) > 0)
	if w.p.IsPassive() || !woke && (w.now.Sub(w.asked) < wait || idle && w.now.Sub(w.heard) < wait) {
		w.Fatalf("a probe at %v; the last byte came at %v", w.now.Sub(start), w.heard.Sub(start))
	}
	w.asked = w.now
	if w.owed++; !w.lateWriter {
		w.write()
	}
}

// verdict looks whether death came too early.
func (w *world) verdict(d heartbeat.Decision) {
	from, wait := w.alive, w.p.Interval+w.p.Timeout
	if !w.p.IsPassive() {
		if len(w.wrote) < w.need {
			w.Fatalf("dead at %v with %d probes written into the silence", w.now.Sub(start), len(w.wrote))
		}
		from, wait = w.wrote[w.need-1], w.p.Timeout
	}
	read := w.l.Empty
	if w.p.AnswersOnly {
		read = w.l.CaughtUp
	}
	switch {
	case w.l.Empty.IsZero() || w.l.Unread:
		w.Fatalf("dead at %v while nobody reads", w.now.Sub(start))
	case w.now.Sub(from) < wait || w.now.Sub(read) < wait:
		w.Fatalf("dead at %v; written %v, found empty %v", w.now.Sub(start), from.Sub(start), read.Sub(start))
	case d.Dead.Silence != w.now.Sub(w.alive):
		w.Fatalf("silence of %v; the last sign of life came %v ago", d.Dead.Silence, w.now.Sub(w.alive))
	}
}
