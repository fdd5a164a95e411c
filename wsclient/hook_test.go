package wsclient_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

func TestLoginGoesOutFirstOnEveryConnection(t *testing.T) {
	rec := &testserver.Recorder{}
	first := make(chan string, 2)
	srv := server(func(p *testserver.Peer) {
		if p.Session() < 3 {
			_, data, _ := p.ReadMessage()
			first <- string(data)
			p.RST()
			return
		}
		rec.Serve(p)
	})
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			<-time.After(100 * time.Millisecond) // everything else would have overtaken it
			return conn.Send(ctx, wsclient.Text("login"))
		}}
		c := w.open(o)
		w.send(c, numbered(0, 500)...)
		w.at(time.Minute)
		c.Flush(w.ctx)
		got := texts(rec)
		if a, b := <-first, <-first; a != "login" || b != "login" {
			t.Errorf("the first two connections began with %q and %q", a, b)
		}
		if len(got) == 0 || got[0] != "login" || slices.Contains(got[1:], "login") {
			t.Fatalf("%d messages, the first %.10q", len(got), got)
		}
	})
}

func TestHookReceivesAndTheRestIsDeliveredAfterOnOpen(t *testing.T) {
	for _, callback := range []bool{false, true} {
		srv := &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
			return &testserver.Answer{Frames: []testserver.Frame{testserver.TextFrame("hello"), testserver.TextFrame("early")}}
		}, Handler: func(p *testserver.Peer) {
			_, data, _ := p.ReadMessage()
			p.Write(testserver.TextFrame("welcome "+string(data)), testserver.TextFrame("late"))
			testserver.Sink(p)
		}}
		bubble(t, srv, func(w *world) {
			o := wsclient.Options{}
			o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
				m, err := conn.Receive(ctx)
				if err != nil {
					return err
				}
				w.note("hook: %s, session %d", m.Data, m.Session)
				if err := conn.Send(ctx, wsclient.Text("me")); err != nil {
					return err
				}
				conn.Receive(ctx)
				m, err = conn.Receive(ctx)
				w.note("hook: %s", m.Data)
				return err
			}
			o.OnOpen = func(*wsclient.Conn) { w.note("open") }
			if callback {
				o.OnMessage = func(m wsclient.Message) { w.note("message: %s", m.Data) }
			}
			c := w.dial(o)
			if !callback {
				w.note("message: %s", w.receive(c).Data)
			}
			w.at(time.Second)
			w.expect("hook: hello, session 1", "hook: welcome me", "open", "message: late")
		})
	}
}

func TestConnIsForTheHookOnly(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		var kept *wsclient.Conn
		c := w.dial(wsclient.Options{OnConnect: func(_ context.Context, conn *wsclient.Conn) error { kept = conn; return nil }})
		if err := kept.Send(w.ctx, wsclient.Text("x")); !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("Conn.Send after OnConnect: %v", err)
		}
		if _, err := kept.Receive(w.ctx); err == nil {
			t.Error("Conn.Receive after OnConnect works")
		}
		if kept.Session() != 1 || kept.URL() != "ws://feed/" || kept.Header().Get("Upgrade") != "websocket" {
			t.Errorf("session %d, URL %q, header %v", kept.Session(), kept.URL(), kept.Header())
		}
		_ = c
	})
}

func TestHookLearnsThatItsConnectionIsGone(t *testing.T) {
	bubble(t, server(testserver.Sessions(func(p *testserver.Peer) { p.Close(4000, "no") }, testserver.Sink)), func(w *world) {
		w.dial(wsclient.Options{Reconnect: steady, OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			if len(w.noted()) > 0 {
				return nil
			}
			_, err := conn.Receive(ctx)
			e := as[*wsclient.CloseError](w, err)
			w.note("%d %v", e.Code, ctx.Err() != nil)
			return err
		}})
		w.expect("4000 true")
	})
}

func TestFramesGluedToTheHandshakeAreNotLost(t *testing.T) {
	srv := &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Frames: []testserver.Frame{testserver.TextFrame("first"), testserver.BinaryFrame(make([]byte, 3000)), testserver.TextFrame("third")}}
	}, Handler: testserver.Sink}
	ctx, o := tcp(t, srv, false)
	c := dialTCP(t, ctx, srv, o)
	for i, want := range []int{5, 3000, 5} {
		if m, err := c.Receive(ctx); err != nil || len(m.Data) != want {
			t.Errorf("message %d: %d bytes, %v", i, len(m.Data), err)
		}
	}
}
