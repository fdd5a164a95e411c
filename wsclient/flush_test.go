package wsclient_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// unhurried is a peer that answers a ping after a second.
func unhurried(p *testserver.Peer) {
	p.ManualControl = true
	for {
		f, err := p.Read()
		if err != nil {
			return
		}
		switch f.Op {
		case 9:
			<-time.After(time.Second)
			p.Pong(f.Payload)
		case 8:
			p.SendClose(1000, "")
			return
		}
	}
}

// outcome is an error and when it came, in words.
func (w *world) outcome(err error) string {
	said := "nil"
	u, unconfirmed := errors.AsType[*wsclient.UnconfirmedError](err)
	switch {
	case unconfirmed && errors.Is(err, context.DeadlineExceeded):
		said = "deadline, " + u.Error()
	case unconfirmed:
		said = strings.TrimPrefix(u.Error(), "wsclient: ")
	case errors.Is(err, wsclient.ErrClosed):
		said = "closed"
	case errors.Is(err, context.DeadlineExceeded):
		said = "deadline"
	case errors.Is(err, wsclient.ErrNoConfirmation):
		said = "no confirmation"
	case err != nil:
		said = err.Error()
	}
	return said + " at " + w.elapsed().String()
}

// TestMethodsInEachState is the table of doc.go.
func TestMethodsInEachState(t *testing.T) {
	type methods struct{ send, flush, shutdown string }
	for name, test := range map[string]struct {
		at   func(w *world, c *wsclient.Client) // brings about the state; two messages are queued or out
		want methods
	}{
		"connecting": {func(w *world, c *wsclient.Client) {}, methods{"nil at 0s", "nil at 11s", "nil at 11s"}},
		"open":       {func(w *world, c *wsclient.Client) { w.at(20 * time.Second) }, methods{"nil at 20s", "nil at 21s", "nil at 21s"}},
		"closing, as Shutdown drains": {func(w *world, c *wsclient.Client) {
			w.at(20 * time.Second)
			w.send(c, "x")
			go c.Shutdown(w.ctx)
			synctest.Wait()
		}, methods{"closed at 20s", "nil at 21s", "nil at 21s"}},
		"closing, by Close": {func(w *world, c *wsclient.Client) {
			w.at(20 * time.Second)
			w.srv.FreezeAll()
			c.Close()
		}, methods{"closed at 20s", "closed at 20s", "nil at 21s"}},
		"closed": {func(w *world, c *wsclient.Client) {
			w.at(20 * time.Second)
			c.Close()
			w.done(c)
		}, methods{"closed at 20s", "closed at 20s", "nil at 20s"}},
		"connecting again": {func(w *world, c *wsclient.Client) {
			w.at(20 * time.Second)
			w.srv.CutRST()
			synctest.Wait()
		}, methods{"nil at 20s", "nil at 31s", "nil at 31s"}},
	} {
		t.Run(name, func(t *testing.T) {
			for method, want := range map[string]string{"Send": test.want.send, "Flush": test.want.flush, "Shutdown": test.want.shutdown} {
				bubble(t, server(unhurried), func(w *world) {
					c := w.open(w.later(10*time.Second, wsclient.Options{Heartbeat: heartbeat.Off, CloseTimeout: time.Second}, 30*time.Second))
					test.at(w, c)
					for range 2 {
						c.Send(w.ctx, wsclient.Text("x"))
					}
					synctest.Wait()
					var err error
					switch method {
					case "Send":
						err = c.Send(w.ctx, wsclient.Text("x"))
					case "Flush":
						err = c.Flush(w.ctx)
					case "Shutdown":
						err = c.Shutdown(w.ctx)
						select {
						case <-c.Done():
						default:
							t.Error("Shutdown has returned before Done")
						}
					}
					if got := w.outcome(err); got != want {
						t.Errorf("%s: %s, want %s", method, got, want)
					}
				})
			}
		})
	}
}

// TestFlushTellsWhatWasDropped: settled question 16.
func TestFlushTellsWhatWasDropped(t *testing.T) {
	type o = wsclient.SendOptions
	for name, test := range map[string]struct {
		queue  wsclient.QueueOptions
		before func(w *world, c *wsclient.Client)
		during func(w *world, c *wsclient.Client)
		want   string
	}{
		"by OverflowDropNewest before": {wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDropNewest}, func(w *world, c *wsclient.Client) {
			w.send(c, "a", "bb")
		}, nil, "1 messages (2 bytes) unconfirmed in session 0 at 10s"},
		"by OverflowDropOldest while it waits, all of it": {wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDropOldest}, func(w *world, c *wsclient.Client) {
			w.send(c, "aaa")
		}, func(w *world, c *wsclient.Client) { w.send(c, "b") }, "1 messages (3 bytes) unconfirmed in session 0 at 1s"},
		"of what was sent after it, of which it says nothing": {wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDropNewest}, func(w *world, c *wsclient.Client) {
			w.send(c, "a")
		}, func(w *world, c *wsclient.Client) { w.send(c, "b") }, "nil at 10s"},
		"by Expires, when it does": {wsclient.QueueOptions{}, func(w *world, c *wsclient.Client) {
			w.with(c, o{Expires: w.start.Add(3 * time.Second)}, "a")
		}, nil, "1 messages (1 bytes) unconfirmed in session 0 at 3.000000001s"},
		"by Key: it waits for the one that stands for it": {wsclient.QueueOptions{}, func(w *world, c *wsclient.Client) {
			w.with(c, o{Key: "k"}, "a", "b")
		}, func(w *world, c *wsclient.Client) { w.with(c, o{Key: "k"}, "c") }, "2 messages (2 bytes) unconfirmed in session 0 at 10s"},
		"by Close": {wsclient.QueueOptions{}, func(w *world, c *wsclient.Client) {
			w.send(c, "a")
		}, func(w *world, c *wsclient.Client) { c.Close() }, "closed at 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sink), func(w *world) {
				c := w.open(w.later(10*time.Second, wsclient.Options{Queue: test.queue}))
				test.before(w, c)
				if test.during != nil {
					time.AfterFunc(time.Second, func() { test.during(w, c) })
				}
				if got := w.outcome(c.Flush(w.ctx)); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
				if strings.Contains(test.want, "unconfirmed") { // which is told once
					w.flush(c)
				}
			})
		})
	}
}

// TestFlushesWaitEachForTheirOwn, in lanes, with a cut.
func TestFlushesWaitEachForTheirOwn(t *testing.T) {
	srv := server(testserver.Sessions(mute(3, (*testserver.Peer).RST), unhurried))
	bubble(t, srv, func(w *world) {
		o := w.later(time.Second, wsclient.Options{Heartbeat: heartbeat.Off}, 10*time.Second)
		c := w.open(o)
		var wg sync.WaitGroup
		flush := func(name string) {
			wg.Go(func() {
				err := c.Flush(w.ctx)
				w.note("%s: %s", name, w.outcome(err))
			})
			synctest.Wait()
		}
		flush("nothing")
		w.send(c, "1")
		flush("one")
		w.with(c, again, "22")
		flush("two")
		w.with(c, wsclient.SendOptions{Priority: true}, "333")
		flush("three")
		w.at(5 * time.Second)
		w.send(c, "4")
		flush("after the cut")
		wg.Wait()
		got := strings.Join(w.noted(), "; ")
		for _, want := range []string{
			"nothing: nil at 0s",
			"one: 2 messages (4 bytes) unconfirmed in session 1 at 1s",
			"two: 2 messages (4 bytes) unconfirmed in session 1 at 1s",
			"three: 2 messages (4 bytes) unconfirmed in session 1 at 1s",
			"after the cut: nil at 11s",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s\nwant %s", got, want)
			}
		}
	})
}

// TestShutdownCountsWhatIsNotDelivered, in whatever way.
func TestShutdownCountsWhatIsNotDelivered(t *testing.T) {
	refused := func(context.Context, *wsclient.Attempt) error {
		<-time.After(time.Second) // the messages are queued by then
		return reconnect.Permanent(errors.New("no token"))
	}
	for name, test := range map[string]struct {
		o    wsclient.Options
		send wsclient.SendOptions
		do   func(w *world, c *wsclient.Client)
		want string
	}{
		"it expires":                      {wsclient.Options{}, wsclient.SendOptions{Expires: time.Unix(946684805, 0)}, nil, "2 messages (3 bytes) unconfirmed in session 0 at 5.000000001s"},
		"the client is closed by another": {wsclient.Options{}, wsclient.SendOptions{}, func(w *world, c *wsclient.Client) { c.Close() }, "2 messages (3 bytes) unconfirmed in session 0 at 1s"},
		"the client ends by itself":       {wsclient.Options{Prepare: refused}, wsclient.SendOptions{}, nil, "2 messages (3 bytes) unconfirmed in session 0 at 1s"},
		"it is delivered on the way":      {wsclient.Options{}, wsclient.SendOptions{}, nil, "nil at 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sink), func(w *world) {
				c := w.open(w.later(10*time.Second, test.o))
				c.SendWith(w.ctx, wsclient.Text("a"), test.send)
				c.SendWith(w.ctx, wsclient.Text("bb"), test.send)
				if test.do != nil {
					time.AfterFunc(time.Second, func() { test.do(w, c) })
				}
				if got := w.outcome(c.Shutdown(w.ctx)); got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})
		})
	}
}
