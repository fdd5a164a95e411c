package heartbeat_test

import (
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// FuzzMonitor plays random events against a Monitor that is ticked exactly when
// it asks for it, and looks at what was promised of the verdict.
func FuzzMonitor(f *testing.F) {
	f.Add([]byte{15, 10}, uint16(15), uint16(10), false)
	f.Add([]byte{0x10, 0x2f, 0x33, 0x44, 0x5f, 0x60, 0x7f}, uint16(15), uint16(10), false)
	f.Add([]byte{0x41, 0x0f, 0x0f, 0x5a, 0x0f, 0x0f, 0x0f, 0x33, 0x6f, 0x7f}, uint16(10), uint16(25), false)
	f.Add([]byte{0x41, 0x0f, 0x0f, 0x5a, 0x0f, 0x0f, 0x0f, 0x33, 0x6f, 0x7f}, uint16(20), uint16(10), true)
	f.Add([]byte("a long afternoon with a feed that says this and that"), uint16(3), uint16(40), false)
	f.Fuzz(func(t *testing.T, events []byte, interval, timeout uint16, passive bool) {
		p := heartbeat.Policy{Interval: time.Duration(1+interval%100) * second, Timeout: time.Duration(1+timeout%100) * second}
		if passive {
			p.Probe = heartbeat.Passive
		}
		w := &world{T: t, p: p, m: heartbeat.NewMonitor(p, start), now: start, heard: start}
		w.l.Empty = start
		w.tick()
		for _, e := range events {
			w.pass(time.Duration(e&0x0f) * second)
			if w.dead {
				return
			}
			w.event(e >> 4)
		}
		w.prompt = w.prompt && w.wrote.IsZero() && w.owed == 0 // from here on all is written at once
		w.lateWriter = false
		w.pass(time.Hour)
		if waits := !w.l.Empty.IsZero() && !w.l.Unread; waits && !w.dead && (w.owed == 0 || passive) {
			t.Fatalf("alive after an hour of silence; heard %v, wrote %v", w.heard.Sub(start), w.wrote.Sub(start))
		}
	})
}

// A world is a connection as the Monitor's rules see it.
type world struct {
	*testing.T
	p    heartbeat.Policy
	m    *heartbeat.Monitor
	l    heartbeat.Link
	now  time.Time
	next time.Time
	dead bool

	heard      time.Time // the last byte
	wrote      time.Time // the first probe written since
	owed       int       // probes asked for and not written
	lateWriter bool      // probes are written only when the event says so
	prompt     bool      // the reader waits since the last byte, and all probes were written at once
}

func (w *world) event(kind byte) {
	switch kind {
	case 0, 1: // a byte, and the reader waits again
		w.receive()
		w.l.Empty, w.prompt = w.now, !w.lateWriter && w.owed == 0 && !w.l.Unread
	case 2: // a byte, and the reader is busy
		w.receive()
		w.l.Empty, w.prompt = time.Time{}, false
	case 3:
		w.l.Empty, w.prompt = time.Time{}, false
	case 4:
		if w.l.Empty.IsZero() {
			w.l.Empty = w.now
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
	}
}

func (w *world) receive() {
	w.l.Received, w.heard, w.wrote = w.now, w.now, time.Time{}
}

func (w *world) write() {
	if w.owed == 0 {
		return
	}
	w.owed = 0
	first := w.wrote.IsZero() && w.now.After(w.heard)
	if first {
		w.wrote = w.now
	}
	if next := w.m.Wrote(w.now); next.IsZero() || next.Before(w.now) || first && next.After(w.now.Add(w.p.Timeout)) {
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
	quiet := w.p.Interval + w.p.Timeout
	if w.prompt && w.now.Sub(w.heard) >= quiet {
		w.Fatalf("still alive at %v: %s; the last byte came at %v", w.now.Sub(start), say(d), w.heard.Sub(start))
	}
	if d.Probe {
		if w.p.IsPassive() || w.now.Sub(w.heard) < w.p.Interval {
			w.Fatalf("a probe at %v; the last byte came at %v", w.now.Sub(start), w.heard.Sub(start))
		}
		if w.owed++; !w.lateWriter {
			w.write()
		}
	}
}

// verdict looks whether death came too early.
func (w *world) verdict(d heartbeat.Decision) {
	from, wait := w.wrote, w.p.Timeout
	if w.p.IsPassive() {
		from, wait = w.heard, w.p.Interval+w.p.Timeout
	}
	switch {
	case from.IsZero():
		w.Fatalf("dead at %v without a probe written into the silence", w.now.Sub(start))
	case w.l.Empty.IsZero() || w.l.Unread:
		w.Fatalf("dead at %v while nobody reads", w.now.Sub(start))
	case w.now.Sub(from) < wait || w.now.Sub(w.l.Empty) < wait:
		w.Fatalf("dead at %v; written %v, found empty %v", w.now.Sub(start), from.Sub(start), w.l.Empty.Sub(start))
	case d.Dead.Silence != w.now.Sub(w.heard):
		w.Fatalf("silence of %v; the last byte came %v ago", d.Dead.Silence, w.now.Sub(w.heard))
	}
}
