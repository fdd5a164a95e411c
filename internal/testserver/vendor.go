package testserver

import (
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// A vendor is the server's side of a feed's heartbeat, on one connection.
type vendor struct {
	greeting []Frame
	every    time.Duration // between its beats; 0: it has none
	idle     bool          // it beats only when it has said nothing else for so long
	beat     func() Frame
	hear     func(f Frame) verdict // what it makes of a frame; nil: nothing
	patience time.Duration         // it hangs up when it has not heard what it wants for so long; 0: for ever
	pushes   bool                  // saying something itself is as good
	code     ws.StatusCode         // with this Close; 0: without one

	last time.Time // when it last said something; belongs to serve's loop
}

// verdict is what a vendor makes of a frame.
type verdict struct {
	wanted bool          // it was waiting for that
	answer []Frame       // it says so at once
	refuse ws.StatusCode // it hangs up over it; 0: no
}

// serve plays it. chatter, if not 0, is between messages of data, besides.
func (v *vendor) serve(p *Peer, chatter time.Duration) {
	var reader sync.WaitGroup
	heard, left := make(chan Frame), make(chan struct{})
	reader.Go(func() {
		defer close(left)
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			select {
			case heard <- f:
			case <-p.Done():
				return
			}
		}
	})
	v.say(p, v.greeting...)
	v.loop(p, chatter, heard, left)
	reader.Wait()
}

// judge knows control frames, and leaves the rest to the vendor.
func (v *vendor) judge(f Frame) (d verdict) {
	if v.hear != nil {
		d = v.hear(f)
	}
	switch {
	case f.Op == ws.OpClose:
		d.answer = []Frame{{Fin: true, Op: ws.OpClose, Payload: f.Payload}}
	case f.Op == ws.OpPing && d.refuse == 0:
		d.answer = []Frame{PongFrame(f.Payload)}
	}
	return d
}

func (v *vendor) loop(p *Peer, chatter time.Duration, heard <-chan Frame, left <-chan struct{}) {
	beat, data, patience := newAlarm(v.every), newAlarm(chatter), newAlarm(v.patience)
	defer beat.Stop()
	defer data.Stop()
	defer patience.Stop()
	for {
		select {
		case <-left:
			return
		case <-beat.C:
			if quiet := time.Since(v.last); v.idle && quiet < v.every {
				beat.Reset(v.every - quiet)
				continue
			}
			v.say(p, v.beat())
			beat.Reset(v.every)
		case <-data.C:
			v.say(p, TextFrame(`{"data":1}`))
			if data.Reset(chatter); v.pushes {
				patience.Reset(v.patience)
			}
		case <-patience.C:
			hangUp(p, v.code)
			return
		case f := <-heard:
			d := v.judge(f)
			if d.wanted && v.patience > 0 {
				patience.Reset(v.patience)
			}
			if d.refuse > 0 {
				hangUp(p, d.refuse)
				return
			}
			v.say(p, d.answer...)
		}
	}
}

func (v *vendor) say(p *Peer, frames ...Frame) {
	if len(frames) > 0 {
		_ = p.Write(frames...) // a failed write ends in a failed read
		v.last = time.Now()
	}
}

func hangUp(p *Peer, code ws.StatusCode) {
	if p.gate.pass() != nil { // frozen, to the end
		return
	}
	if code > 0 {
		_ = p.SendClose(code, "")
	}
	_ = p.FIN()
}

// newAlarm returns a timer; 0: one that never rings.
func newAlarm(d time.Duration) *time.Timer {
	t := time.NewTimer(max(d, time.Hour))
	t.Stop()
	if d > 0 {
		t.Reset(d)
	}
	return t
}
