package heartbeat

import (
	"fmt"
	"sync/atomic"
	"unicode/utf8"
)

// A Dialog is the part of a heartbeat that is made of messages, on one connection:
// which probe is next, and what a received message is to those that wait. Next and
// Hear must not run at the same time; Listens may run beside Next.
type Dialog struct {
	m    *message   // nil: nothing is sent
	e    *expecting // nil: no beats are expected
	seq  atomic.Uint64
	done uint64 // the latest probe that was answered
}

// ProbesMost is how many probes wait for their answers; of more, the latest do.
const ProbesMost = 4

// Dialog returns that of a new connection, or of one on which probes up to seq have
// been sent. nil: p is not made of messages.
func (p Policy) Dialog(seq uint64) *Dialog {
	var m *message
	var e *expecting
	switch v := p.Probe.(type) {
	case *message:
		m = v
	case *stateful:
		own := *v.start().(*message)
		own.curious = true
		m = &own
	case *expecting:
		e = v
	default:
		return nil
	}
	d := &Dialog{m: m, e: e, done: seq}
	d.seq.Store(seq)
	return d
}

// Asks reports whether there are probes to send.
func (d *Dialog) Asks() bool { return d.m != nil }

// Latest returns the number of the latest probe.
func (d *Dialog) Latest() uint64 { return d.seq.Load() }

// Next makes the next probe.
func (d *Dialog) Next() (seq uint64, text bool, data []byte) {
	seq = d.seq.Load() + 1
	text, data = d.m.send(seq)
	if text && !utf8.Valid(data) { // a strict peer would close with 1007, and end the client
		panic(fmt.Sprintf("heartbeat: probe %d is text that is not valid UTF-8", seq))
	}
	d.seq.Store(seq)
	return seq, text, data
}

// Listens reports whether Hear wants to see a message: if not, nothing waits.
func (d *Dialog) Listens() bool {
	return d.e != nil || d.m.curious || d.seq.Load() > d.done
}

// Heard is what a received message is to a heartbeat.
type Heard struct {
	Beat   bool   // one that Expect waits for
	Answer bool   // one to a probe, and so not for the user
	Seq    uint64 // of that probe; 0: none waits for it
	Sure   bool   // it cannot be another's: the time it took is a round trip
}

// Hear looks at a received message.
func (d *Dialog) Hear(text bool, data []byte) (h Heard) {
	if d.e != nil {
		h.Beat = d.e.match(text, data)
		return h
	}
	match := d.m.match
	if d.m.object != nil {
		o := object(data)
		if o == nil {
			return h
		}
		match = func(seq uint64, _ bool, _ []byte) bool { return d.m.object(seq, o) }
	}
	last := d.seq.Load()
	if last == d.done && d.m.curious {
		h.Answer = match(last, text, data)
		return h
	}
	for seq := last; seq > d.done && seq+ProbesMost > last; seq-- {
		if !match(seq, text, data) {
			continue
		}
		if h.Answer {
			h.Sure = false
			break
		}
		h = Heard{Answer: true, Seq: seq, Sure: true}
	}
	if h.Answer {
		d.done = h.Seq
	}
	return h
}
