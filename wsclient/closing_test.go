package wsclient_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// closes checks that Close ends c within a moment, with ErrClosed.
func (w *world) closes(c *wsclient.Client) {
	w.Helper()
	before := w.elapsed()
	c.Close()
	if d := w.elapsed() - before; d != 0 {
		w.Errorf("Close took %v", d)
	}
	if s := c.ReadyState(); s != wsclient.Closing && s != wsclient.Closed {
		w.Errorf("ReadyState after Close is %v", s)
	}
	w.done(c)
	if d := w.elapsed() - before; d > time.Second {
		w.Errorf("Done came %v after Close", d)
	}
	if s := c.ReadyState(); s != wsclient.Closed {
		w.Errorf("ReadyState after Done is %v", s)
	}
	if !errors.Is(c.Err(), wsclient.ErrClosed) || !errors.Is(c.Err(), net.ErrClosed) {
		w.Errorf("Err: %v", c.Err())
	}
}

func TestCloseAtAnyMoment(t *testing.T) {
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, test := range map[string]struct {
		srv *testserver.Server
		o   wsclient.Options
		at  time.Duration
		do  func(w *world, c *wsclient.Client)
	}{
		"while dialing":        {server(testserver.Sink), wsclient.Options{NetDial: hang}, time.Second, nil},
		"while upgrading":      {&testserver.Server{OnUpgrade: never}, wsclient.Options{}, time.Second, nil},
		"while preparing":      {server(testserver.Sink), wsclient.Options{Prepare: func(ctx context.Context, _ *wsclient.Attempt) error { <-ctx.Done(); return ctx.Err() }}, time.Second, nil},
		"while connecting":     {server(testserver.Sink), wsclient.Options{OnConnect: func(ctx context.Context, _ *wsclient.Conn) error { <-ctx.Done(); return ctx.Err() }}, time.Second, nil},
		"while waiting":        {refuse(1e6, 503, nil, nil), wsclient.Options{}, time.Minute, nil},
		"while open":           {server(testserver.Sink), wsclient.Options{}, time.Second, nil},
		"while the peer hangs": {server(testserver.Hold), wsclient.Options{Heartbeat: heartbeat.Off}, time.Second, nil},
		"while a write is stuck": {server(testserver.Hold), wsclient.Options{}, time.Second, func(w *world, c *wsclient.Client) {
			c.Send(w.ctx, wsclient.Binary(make([]byte, 1<<20)))
		}},
		"while the inbox is full": {server(func(p *testserver.Peer) {
			p.Write(testserver.TextFrame("a"), testserver.TextFrame("b"))
			testserver.Sink(p)
		}), wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: 1}}, time.Second, nil},
		"twice": {server(testserver.Sink), wsclient.Options{}, time.Second, func(_ *world, c *wsclient.Client) { c.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.srv, func(w *world) {
				c := w.open(test.o)
				w.at(test.at)
				if test.do != nil {
					test.do(w, c)
				}
				w.closes(c)
			})
		})
	}
}

func TestCloseFromEachCallback(t *testing.T) {
	for _, name := range []string{"OnOpen", "OnMessage", "OnError", "OnClose"} {
		t.Run(name, func(t *testing.T) {
			srv := server(func(p *testserver.Peer) {
				p.WriteText("hello")
				<-time.After(time.Second)
				p.FIN()
			})
			bubble(t, srv, func(w *world) {
				clients := make(chan *wsclient.Client, 1)
				end := func(which string) {
					if which == name {
						(<-clients).Close()
						w.note("closed")
					}
				}
				c := w.open(wsclient.Options{
					OnOpen:    func(*wsclient.Conn) { end("OnOpen") },
					OnMessage: func(wsclient.Message) { end("OnMessage") },
					OnError:   func(error) { end("OnError") },
					OnClose: func(e wsclient.CloseEvent) {
						if len(w.noted()) == 0 {
							end("OnClose")
						}
					},
				})
				clients <- c
				w.done(c)
				if d := w.elapsed(); d > 2*time.Second {
					t.Errorf("Done at %v", d)
				}
				w.expect("closed")
			})
		})
	}
}

func TestCloseSaysGoodbyeAndDropsTheQueue(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			_, _, err := p.ReadMessage()
			w.note("peer: %v", err)
		}
		var ev wsclient.CloseEvent
		c := w.dial(wsclient.Options{OnClose: func(e wsclient.CloseEvent) { ev = e }, OnError: func(err error) { w.note("error %v", err) }})
		c.CloseWith(3001, "so long")
		err := c.Send(w.ctx, wsclient.Text("late"))
		if !errors.Is(err, wsclient.ErrClosed) || !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("Send after Close: %v", err)
		}
		w.done(c)
		if w.elapsed() != 0 {
			t.Errorf("a clean close took %v", w.elapsed())
		}
		if ev.Code != 3001 || !ev.WasClean || ev.Retry || ev.Session != 1 || !errors.Is(ev.Err, wsclient.ErrClosed) {
			t.Errorf("%+v", ev)
		}
		if got := w.noted(); len(got) != 1 || !strings.Contains(got[0], "3001") || !strings.Contains(got[0], "so long") {
			t.Errorf("%q", got)
		}
	})
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		c := w.open(wsclient.Options{Reconnect: steady})
		w.send(c, "never", "leaves")
		w.closes(c)
		if s := c.Stats(); s.DroppedOut != 2 || c.BufferedAmount() != 11 {
			t.Errorf("dropped %d, BufferedAmount %d; want 2 and the last value, 11", s.DroppedOut, c.BufferedAmount())
		}
	})
}

func TestCloseWithTakesWhatABrowserTakes(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.dial(wsclient.Options{})
		for _, bad := range []struct {
			code   wsclient.StatusCode
			reason string
		}{{0, ""}, {999, ""}, {1001, ""}, {1005, ""}, {2999, ""}, {5000, ""}, {1000, strings.Repeat("x", 124)}, {1000, "\xff"}} {
			as[*wsclient.OptionError](t, c.CloseWith(bad.code, bad.reason))
		}
		if c.ReadyState() != wsclient.Open {
			t.Fatal("a refused CloseWith has closed")
		}
		if err := c.CloseWith(4999, strings.Repeat("x", 123)); err != nil {
			t.Error(err)
		}
	})
}

func TestPeersCloseIsEchoedAndRetried(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.WriteText("last words")
		if err := p.Close(1001, "restarting"); err != nil {
			t.Errorf("the handshake at the peer: %v", err)
		}
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady}
		o.OnMessage = func(m wsclient.Message) { w.note("message %s", m.Data) }
		o.OnError = func(err error) {
			e := as[*wsclient.CloseError](w, err)
			w.note("error %d %q %v", e.Code, e.Reason, e.Remote)
		}
		o.OnClose = func(e wsclient.CloseEvent) {
			w.note("close %d %q clean %v retry %v session %d", e.Code, e.Reason, e.WasClean, e.Retry, e.Session)
		}
		o.OnOpen = func(c *wsclient.Conn) { w.note("open %d", c.Session()) }
		w.dial(o)
		w.at(time.Second)
		w.expect("open 1", "message last words", `error 1001 "restarting" true`, `close 1001 "restarting" clean true retry true session 1`, "open 2")
	})
}

func TestShutdownDrainsConfirmsAndSaysGoodbye(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := refuse(2, 503, nil, rec.Serve)
	bubble(t, srv, func(w *world) {
		var ev wsclient.CloseEvent
		c := w.open(wsclient.Options{Reconnect: steady, OnClose: func(e wsclient.CloseEvent) { ev = e }})
		w.send(c, numbered(0, 50)...)
		if err := c.Shutdown(w.ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		select {
		case <-c.Done():
		default:
			t.Error("Shutdown has returned before Done")
		}
		if got := texts(rec); !slices.Equal(got, numbered(0, 50)) {
			t.Errorf("%d messages arrived", len(got))
		}
		if !ev.WasClean || ev.Code != 1000 {
			t.Errorf("%+v", ev)
		}
		if err := c.Shutdown(w.ctx); err != nil {
			t.Errorf("the second Shutdown: %v", err)
		}
	})
}

func TestShutdownSaysWhatWasLeft(t *testing.T) {
	bubble(t, server(testserver.Hold), func(w *world) {
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off})
		w.send(c, "one", "two")
		ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
		defer cancel()
		err := c.Shutdown(ctx)
		u := as[*wsclient.UnconfirmedError](t, err)
		if u.Messages != 2 || u.Bytes != 6 || !errors.Is(err, context.DeadlineExceeded) || w.elapsed() != 3*time.Second {
			t.Errorf("%v, %+v after %v", err, *u, w.elapsed())
		}
		w.done(c)
		if w.elapsed() > 4*time.Second {
			t.Errorf("Done at %v", w.elapsed())
		}
	})
}

func TestShutdownWithoutConfirmationByPong(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}})
		w.send(c, "a", "b")
		if err := c.Shutdown(w.ctx); err != nil || w.elapsed() != 0 {
			t.Errorf("%v after %v: the echo of our Close confirms", err, w.elapsed())
		}
		if got := texts(rec); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%q", got)
		}
	})
}

func TestShutdownOfAPeerThatDoesNotEchoPings(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.ManualControl = true
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			switch f.Op {
			case 9:
				p.Pong(nil)
			case 8:
				p.SendClose(1000, "")
				return
			}
		}
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.send(c, "a", "b")
		if err := c.Shutdown(w.ctx); err != nil || w.elapsed() != 0 {
			t.Errorf("%v after %v: the echo of our Close confirms, nothing is to be waited for", err, w.elapsed())
		}
	})
}

func TestClosingHandshakeIsBoundedByCloseTimeout(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.ManualControl = true
		for {
			if _, err := p.Read(); err != nil {
				break
			}
		}
		testserver.Hold(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		if err := c.Shutdown(w.ctx); err != nil || w.elapsed() != 5*time.Second {
			t.Errorf("%v after %v, want CloseTimeout", err, w.elapsed())
		}
	})
}

func TestReadyStateIsTheBrowsers(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Read()
		p.FIN()
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		clients := make(chan *wsclient.Client, 1)
		var c *wsclient.Client
		o := wsclient.Options{Reconnect: steady, Trace: &wsclient.Trace{StateChange: func(from, to wsclient.ReadyState) { w.note("%v to %v", from, to) }}}
		o.OnConnect = func(context.Context, *wsclient.Conn) error {
			if c == nil {
				c = <-clients
			}
			w.note("OnConnect: %v", c.ReadyState())
			return nil
		}
		o.OnOpen = func(*wsclient.Conn) { w.note("OnOpen: %v", c.ReadyState()) }
		o.OnClose = func(wsclient.CloseEvent) { w.note("OnClose: %v", c.ReadyState()) }
		cl := w.open(o)
		clients <- cl
		if err := cl.WaitOpen(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.send(cl, "go")
		synctest.Wait()
		w.at(time.Second)
		cl.Close()
		<-cl.Done()
		w.expect(
			"OnConnect: connecting", "connecting to open", "OnOpen: open",
			"open to connecting", "OnClose: connecting",
			"OnConnect: connecting", "connecting to open", "OnOpen: open",
			"open to closing", "OnClose: closing", "closing to closed")
	})
}

func TestMethodsAfterTheEnd(t *testing.T) {
	check := func(w *world, c *wsclient.Client, cause func(error) bool) {
		w.Helper()
		ctx := w.ctx
		_, receive := c.Receive(ctx)
		_, ping := c.Ping(ctx)
		for name, err := range map[string]error{
			"Send": c.Send(ctx, wsclient.Text("x")), "Receive": receive, "Ping": ping, "WaitOpen": c.WaitOpen(ctx),
		} {
			if !errors.Is(err, wsclient.ErrClosed) || !errors.Is(err, net.ErrClosed) || !cause(err) {
				w.Errorf("%s after the end: %v", name, err)
			}
			if n := strings.Count(err.Error(), "wsclient:"); n != 1 {
				w.Errorf("%s: %q has the prefix %d times", name, err, n)
			}
		}
	}
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.closes(c)
		check(w, c, func(err error) bool { return true })
		for range c.Messages(w.ctx) {
			t.Error("Messages yields after our own Close")
		}
	})
	bubble(t, server(func(p *testserver.Peer) {
		p.WriteText("last")
		p.Close(1008, "banned")
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.done(c)
		var got []string
		for m, err := range c.Messages(w.ctx) {
			if err != nil {
				got = append(got, "error")
				continue
			}
			got = append(got, string(m.Data))
		}
		if !slices.Equal(got, []string{"last", "error"}) {
			t.Errorf("%q", got)
		}
		if e := as[*wsclient.CloseError](t, c.Err()); e.Code != 1008 || !e.Remote {
			t.Errorf("Err: %v", c.Err())
		}
		check(w, c, func(err error) bool {
			_, ok := errors.AsType[*wsclient.CloseError](err)
			return ok
		})
	})
}
