package wsclient_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// The closing handshake (RFC 6455 7.1), which the public suite sees from one side
// only. Close frames are noted with their time.

// listen notes the Closes, and other frames by their opcode, to the end.
func (w *world) listen(p *testserver.Peer) {
	for {
		f, err := p.Read()
		if err != nil {
			w.note("EOF at %v", w.elapsed())
			return
		}
		if f.Op == ws.OpClose {
			code, reason := ws.ParseCloseFrameData(f.Payload)
			w.note("Close %d %q at %v", code, reason, w.elapsed())
		} else {
			w.note("%s at %v", opName(f.Op), w.elapsed())
		}
	}
}

// ends waits for c's end and wants it at a time.
func (w *world) ends(c *wsclient.Client, at time.Duration) {
	w.Helper()
	if <-c.Done(); w.elapsed() != at {
		w.Errorf("Done at %v, want %v", w.elapsed(), at)
	}
}

func TestConformanceUnseenClosesCross(t *testing.T) {
	const latency = 50 * time.Millisecond
	srv := &testserver.Server{}
	bubble(t, srv, func(w *world) {
		w.net.Latency = latency
		srv.Handler = func(p *testserver.Peer) {
			time.AfterFunc(time.Second-w.elapsed(), func() { p.SendClose(4001, "mine") })
			w.listen(p)
		}
		var event wsclient.CloseEvent
		o := patient()
		o.OnClose = func(e wsclient.CloseEvent) { event = e }
		c := w.dial(o)
		w.at(time.Second)
		c.CloseWith(3001, "yours")
		// One way for the Closes, one for the peer's EOF.
		w.ends(c, time.Second+2*latency)
		// Each has sent its own: neither answers with a second (RFC 6455 5.5.1).
		w.expect(`Close 3001 "yours" at 1.05s`, "EOF at 1.05s")
		if event.Code != 4001 || event.Reason != "mine" || !event.WasClean || !errors.Is(c.Err(), wsclient.ErrClosed) {
			t.Errorf("%+v, Err %v", event, c.Err())
		}
	})
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
}

// The client has said its Close, and the peer's comes broken: there is nothing
// more to say, and the end is not clean.
func TestConformanceUnseenBrokenAnswerToOurClose(t *testing.T) {
	for name, f := range map[string]testserver.Frame{
		"code 1005":   {Fin: true, Op: ws.OpClose, Payload: ws.NewCloseFrameBody(1005, "")},
		"one octet":   {Fin: true, Op: ws.OpClose, Payload: []byte{3}},
		"reserved":    {Fin: true, Op: ws.OpClose, Rsv: 4, Payload: ws.NewCloseFrameBody(1000, "")},
		"masked":      {Fin: true, Op: ws.OpClose, Masked: true, Payload: ws.NewCloseFrameBody(1000, "")},
		"no Close":    testserver.TextFrame("what?"),
		"not a frame": {Fin: true, Op: 15},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &testserver.Server{}
			bubble(t, srv, func(w *world) {
				srv.Handler = func(p *testserver.Peer) {
					w.listen(p)
					p.WriteRaw(testserver.Encode(f))
				}
				var event wsclient.CloseEvent
				o := patient()
				o.OnClose = func(e wsclient.CloseEvent) { event = e }
				o.OnMessage = func(m wsclient.Message) { w.note("message %s", m.Data) }
				c := w.dial(o)
				c.Close()
				w.ends(c, 0)
				w.expect(`Close 1000 "" at 0s`, "EOF at 0s")
				if event.WasClean {
					t.Errorf("%+v", event)
				}
			})
			if v := srv.Violations(); len(v) > 0 {
				t.Errorf("violations: %q", v)
			}
		})
	}
}

// After our Close frame: half-close, read to EOF. A close() at once would let the
// kernel answer what the peer still says with RST, and that eats our last words
// (RFC 6455 7.1.1).
func TestConformanceUnseenHalfClose(t *testing.T) {
	for name, begin := range map[string]func(p *testserver.Peer, c *wsclient.Client){
		"we close":      func(_ *testserver.Peer, c *wsclient.Client) { c.Close() },
		"the peer does": func(p *testserver.Peer, _ *wsclient.Client) { p.SendClose(1001, "") },
		"it must":       func(p *testserver.Peer, _ *wsclient.Client) { p.WriteFrame(true, 0, 3, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := &testserver.Server{}
			bubble(t, srv, func(w *world) {
				clients := make(chan *wsclient.Client, 1)
				srv.Handler = func(p *testserver.Peer) {
					begin(p, <-clients)
					w.listen(p) // to EOF, which is the half-close
					<-time.After(500 * time.Millisecond)
					if err := p.WriteRaw(noise(1000)); err != nil {
						t.Errorf("the client does not listen any more: %v", err)
					}
				}
				c := w.dial(patient())
				clients <- c
				w.ends(c, 500*time.Millisecond)
			})
		})
	}
}

// Nobody waits for a peer for ever.
func TestConformanceUnseenClosingIsBounded(t *testing.T) {
	hold := func(say ...testserver.Frame) func(*world, *testserver.Peer) {
		return func(w *world, p *testserver.Peer) {
			if p.Write(say...); len(say) == 0 {
				w.listen(p)
			}
			testserver.Hold(p) // TCP stays open
		}
	}
	chatter := func(w *world, p *testserver.Peer) {
		for p.WriteText("still here") == nil {
			<-time.After(100 * time.Millisecond)
		}
	}
	shutdown := func(w *world, c *wsclient.Client) {
		if err := c.Shutdown(w.ctx); err != nil {
			w.Errorf("Shutdown: %v", err)
		}
	}
	end := func(_ *world, c *wsclient.Client) { c.Close() }
	stuck := func(w *world, c *wsclient.Client) { c.Send(w.ctx, wsclient.Binary(noise(1<<20))) }
	for name, test := range map[string]struct {
		peer  func(*world, *testserver.Peer)
		do    func(*world, *wsclient.Client)
		limit time.Duration
	}{
		"Shutdown, no answer":             {hold(), shutdown, 3 * time.Second}, // CloseTimeout
		"Shutdown, a peer that talks on":  {chatter, shutdown, 3 * time.Second},
		"Close, no answer":                {hold(), end, time.Second},
		"Close, a peer that talks on":     {chatter, end, time.Second},
		"the peer's Close, TCP left open": {hold(testserver.CloseFrame(1000, "")), nil, time.Second},
		"a violation, TCP left open":      {hold(testserver.Frame{Fin: true, Op: 3}), nil, time.Second},
		// Our Close cannot go out: the peer takes no more of the message before it.
		"the peer's Close during our write": {func(w *world, p *testserver.Peer) {
			<-time.After(time.Second)
			hold(testserver.CloseFrame(1000, ""))(w, p)
		}, stuck, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &testserver.Server{}
			bubble(t, srv, func(w *world) {
				srv.Handler = func(p *testserver.Peer) { test.peer(w, p) }
				o := patient()
				o.CloseTimeout = 3 * time.Second
				c := w.open(o)
				if c.WaitOpen(w.ctx) == nil && test.do != nil {
					test.do(w, c)
				}
				w.ends(c, test.limit)
			})
			if v := srv.Violations(); len(v) > 0 {
				t.Errorf("violations: %q", v)
			}
		})
	}
}
