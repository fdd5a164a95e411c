package wsclient_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// noting notes each OnLow.
func (w *world) noting(o wsclient.Options) wsclient.Options {
	o.Queue.OnLow = func() { w.note("low at %v", w.elapsed()) }
	return o
}

func TestOnLowRunsOncePerCrossing(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		g, o := w.gated()
		o.Queue.LowWater = 10
		c := w.dial(w.noting(o))
		w.send(c, "0123456789") // not more than LowWater
		synctest.Wait()
		w.expect()
		for range 3 {
			g.open = make(chan struct{})
			w.held(g, c, "12345") // in the writer's hands
			w.send(c, "12345", "1")
			w.send(c, "23", "45")
			w.at(w.elapsed() + time.Second)
			close(g.open) // first 10 are left, then none: that is one crossing
			synctest.Wait()
		}
		w.expect("low at 1s", "low at 2s", "low at 3s")
	})
}

// TestOnLowAtZero is what an RTCDataChannel's default means: all has left.
func TestOnLowAtZero(t *testing.T) {
	bubble(t, server(silence), func(w *world) { // nothing is read that would wake the client
		c := w.dial(w.noting(wsclient.Options{Heartbeat: heartbeat.Off}))
		for i := range 3 {
			w.at(time.Duration(i) * time.Second)
			w.send(c, "x")
		}
		synctest.Wait()
		w.expect("low at 0s", "low at 1s", "low at 2s")
	})
}

// TestOnLowRunsOnTheClientsGoroutine: never beside another callback.
func TestOnLowRunsOnTheClientsGoroutine(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(time.Second)
		p.WriteText("hello")
		testserver.Sink(p)
	}), func(w *world) {
		o := wsclient.Options{OnMessage: func(wsclient.Message) {
			w.note("message begins at %v", w.elapsed())
			<-time.After(time.Second)
			w.note("message ends at %v", w.elapsed())
		}}
		c := w.dial(w.noting(o))
		w.at(3 * time.Second / 2)
		w.send(c, "meanwhile")
		w.at(3 * time.Second)
		w.expect("message begins at 1s", "message ends at 2s", "low at 2s")
	})
}

// TestOnLowMaySend, which is what it is for.
func TestOnLowMaySend(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		clients := make(chan *wsclient.Client, 1)
		var o wsclient.Options
		o.Queue = wsclient.QueueOptions{MaxBytes: 100, LowWater: 10} // less than any message, so that each arms it
		sent := 0
		o.Queue.OnLow = func() {
			c := <-clients
			clients <- c
			for range 4 {
				if sent++; sent <= 400 {
					w.send(c, strings.Repeat("x", 20))
				}
			}
		}
		c := w.dial(o)
		clients <- c
		w.send(c, strings.Repeat("x", 40))
		w.at(time.Second)
		if n := len(texts(rec)); n != 401 {
			t.Errorf("%d messages arrived", n)
		}
	})
}

// TestOnLowComesWheneverItIsDue, whatever the client's goroutine waits for.
func TestOnLowComesWheneverItIsDue(t *testing.T) {
	soon := func(w *world) wsclient.SendOptions {
		return wsclient.SendOptions{Expires: w.start.Add(time.Second)}
	}
	t.Run("while it waits for the next attempt, and a message expires", func(t *testing.T) {
		bubble(t, server(testserver.Sink), func(w *world) {
			o := wsclient.Options{NetDial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }}
			o.Reconnect.Classify = func(reconnect.Failure) reconnect.Verdict {
				return reconnect.Verdict{Action: reconnect.At, After: time.Hour}
			}
			c := w.open(w.noting(o))
			w.with(c, soon(w), "x")
			w.at(time.Minute)
			w.expect("low at 1.000000001s")
		})
	})
	t.Run("while it waits for room in the inbox", func(t *testing.T) {
		bubble(t, server(func(p *testserver.Peer) {
			p.Write(testserver.TextFrame("1"), testserver.TextFrame("2"), testserver.TextFrame("3"))
			testserver.Sink(p)
		}), func(w *world) {
			o := wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: 1}}
			c := w.dial(w.noting(o))
			w.at(time.Second)
			w.send(c, "x")
			w.at(2 * time.Second)
			w.send(c, "y")
			synctest.Wait()
			w.expect("low at 1s", "low at 2s")
		})
	})
	t.Run("when OnConnect has returned, though it was woken while that was reading", func(t *testing.T) {
		bubble(t, server(func(p *testserver.Peer) {
			<-time.After(2 * time.Second)
			p.WriteText("welcome")
			testserver.Sink(p)
		}), func(w *world) {
			o := wsclient.Options{Heartbeat: heartbeat.Off}
			o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
				_, err := conn.Receive(ctx)
				return err
			}
			c := w.open(w.noting(o))
			w.with(c, soon(w), "x")
			w.at(time.Minute)
			w.expect("low at 2s")
		})
	})
}

// TestOnLowAfterACut: what comes back may cross the mark again.
func TestOnLowAfterACut(t *testing.T) {
	for name, delivery := range map[string]wsclient.Delivery{
		"half a message":                    wsclient.AtMostOnce,
		"what was not confirmed goes again": wsclient.AtLeastOnce,
	} {
		t.Run(name, func(t *testing.T) {
			size := 300 << 10 // it leaves in pieces
			if delivery == wsclient.AtLeastOnce {
				size = 100
			}
			srv := server(testserver.Sessions(func(p *testserver.Peer) {
				p.ManualControl = true
				p.Read() // as far as it comes
				<-time.After(time.Second)
				p.RST()
			}, testserver.Sink))
			bubble(t, srv, func(w *world) {
				w.net.Buffer = size - size/4
				o := w.later(0, wsclient.Options{Heartbeat: heartbeat.Off}, 10*time.Second)
				o.Queue = wsclient.QueueOptions{LowWater: int64(size / 2), Delivery: delivery}
				c := w.dial(w.noting(o))
				if delivery == wsclient.AtMostOnce {
					w.srv.FreezeAll()
				}
				w.send(c, strings.Repeat("x", size))
				synctest.Wait()
				if n := len(w.noted()); n != 1 {
					t.Fatalf("%q before the cut", w.noted())
				}
				w.srv.CutRST()
				w.at(2 * time.Second)
				if n := c.BufferedAmount(); n != int64(size) {
					t.Errorf("BufferedAmount %d after the cut", n)
				}
				w.at(20 * time.Second)
				if got := w.noted(); len(got) != 2 || got[1] != "low at 10s" {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func TestOnLowIsOverWithTheClient(t *testing.T) {
	bubble(t, server(testserver.Hold), func(w *world) {
		g, o := w.gated()
		c := w.dial(w.noting(o))
		w.held(g, c, "stuck")
		w.send(c, "waits")
		c.Close()
		close(g.open)
		w.done(c)
		w.expect()
	})
}
