package wsclient_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

func TestFullInboxDisconnects(t *testing.T) {
	for name, inbox := range map[string]wsclient.InboxOptions{
		"in messages": {MaxMessages: 3}, "in bytes": {MaxBytes: 3}, "in bytes, by one of any size": {MaxBytes: 4},
	} {
		inbox.Overflow = wsclient.OverflowDisconnect
		srv := server(nil)
		bubble(t, srv, func(w *world) {
			srv.Handler = testserver.Sessions(func(p *testserver.Peer) {
				<-time.After(3 * time.Second)
				p.Write(testserver.TextFrame("a"), testserver.TextFrame("b"), testserver.TextFrame("c"), testserver.TextFrame("dd"), testserver.TextFrame("e"))
				_, _, err := p.ReadMessage()
				w.note("%v", *as[*testserver.CloseError](w, err))
			}, func(p *testserver.Peer) {
				<-time.After(time.Second)
				p.WriteText("f")
				testserver.Sink(p)
			})
			o := wsclient.Options{Inbox: inbox, Reconnect: steady}
			o.OnError = func(err error) { w.note("full %v", errors.Is(err, wsclient.ErrInboxFull)) }
			o.OnClose = func(e wsclient.CloseEvent) { w.note("session %d retry %v at %v", e.Session, e.Retry, w.elapsed()) }
			c := w.dial(o)
			w.at(3500 * time.Millisecond)
			w.expect("{1008 inbox full}", "full true", "session 1 retry true at 3s")
			var got []string
			for range 4 { // what was in it stays
				m := w.receive(c)
				got = append(got, fmt.Sprintf("%s in %d", took(m), m.Session))
			}
			if g := strings.Join(got, ", "); g != "a in 1, b in 1, c in 1, (2) f in 2" {
				t.Errorf("%s: %s", name, g)
			}
			if s := c.Stats(); s.DroppedIn != 2 || s.MessagesIn != 6 {
				t.Errorf("%s: %+v", name, s)
			}
		})
	}
}

func TestFullInboxDisconnectsWithBackoff(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a"), testserver.TextFrame("b"))
		testserver.Sink(p)
	}), func(w *world) {
		o := wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: 1, Overflow: wsclient.OverflowDisconnect}}
		o.Reconnect = reconnect.Policy{MaxAttempts: 5}
		c := w.open(o)
		w.done(c)
		gaveUp := as[*wsclient.GaveUpError](t, c.Err())
		if !errors.Is(gaveUp, wsclient.ErrInboxFull) || gaveUp.Attempts != 5 {
			t.Errorf("%v", gaveUp)
		}
		// The client has ended; what is in the inbox is handed out first.
		if m := w.receive(c); string(m.Data) != "a" || m.Session != 1 {
			t.Errorf("%q in session %d", m.Data, m.Session)
		}
		if _, err := c.Receive(w.ctx); !errors.Is(err, wsclient.ErrClosed) || !errors.Is(err, wsclient.ErrInboxFull) {
			t.Errorf("%v", err)
		}
		if s := c.Stats(); s.DroppedIn != 2*5-1 {
			t.Errorf("%d dropped, want 9", s.DroppedIn)
		}
	})
}
