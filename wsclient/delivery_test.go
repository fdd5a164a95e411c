package wsclient_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

var (
	once  = wsclient.SendOptions{Delivery: wsclient.AtMostOnce}
	again = wsclient.SendOptions{Delivery: wsclient.AtLeastOnce}
)

// mute reads n messages without a pong, then does what end says.
func mute(n int, end func(*testserver.Peer)) testserver.Handler {
	return func(p *testserver.Peer) {
		for n := n; n > 0; {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op <= 2 {
				n--
			}
		}
		end(p)
	}
}

// TestUnconfirmedGoesAgainUnderAtLeastOnce: OnConnect first, then what was not
// confirmed, then the rest, in order.
func TestUnconfirmedGoesAgainUnderAtLeastOnce(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := server(testserver.Sessions(mute(4, (*testserver.Peer).RST), rec.Serve))
	bubble(t, srv, func(w *world) {
		o := w.later(0, wsclient.Options{OnConnect: login(w)}, 10*time.Second)
		o.Queue.Delivery = wsclient.AtLeastOnce
		c := w.dial(w.lost(o))
		w.send(c, "1", "2", "3")
		synctest.Wait()
		w.send(c, "4", "5")
		if err := c.Flush(w.ctx); err != nil || w.elapsed() != 10*time.Second {
			t.Errorf("Flush: %v at %v; it waits for what goes again", err, w.elapsed())
		}
		if got := strings.Join(texts(rec), " "); got != "login 1 2 3 4 5" {
			t.Errorf("%q on the second connection", got)
		}
		w.expect() // nothing is lost
	})
}

func TestConfirmedDoesNotGoAgain(t *testing.T) {
	first, second := &frameLog{}, &frameLog{}
	echo := true
	srv := server(testserver.Sessions(first.peer(func() bool { return echo }), second.peer(nil)))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, Heartbeat: heartbeat.Off}
		o.Queue.Delivery = wsclient.AtLeastOnce
		c := w.dial(o)
		w.send(c, "1", "2")
		w.flush(c)
		echo = false
		w.send(c, "3")
		synctest.Wait()
		w.srv.CutRST()
		w.flush(c)
		if got := second.texts(); got != "3 ping" {
			t.Errorf("first %q, then %q", first.texts(), got)
		}
	})
}

// TestDeliveryIsPerMessage: an order is never sent twice, a subscription may be.
func TestDeliveryIsPerMessage(t *testing.T) {
	for name, queue := range map[string]wsclient.Delivery{"AtMostOnce": wsclient.AtMostOnce, "AtLeastOnce": wsclient.AtLeastOnce, "zero": 0} {
		t.Run("in a queue that is "+name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			srv := server(testserver.Sessions(mute(5, (*testserver.Peer).RST), rec.Serve))
			bubble(t, srv, func(w *world) {
				o := w.later(0, wsclient.Options{}, 10*time.Second)
				o.Queue.Delivery = queue
				c := w.dial(w.lost(o))
				w.with(c, again, "a1")
				w.with(c, once, "o1")
				w.with(c, wsclient.SendOptions{}, "queue's")
				w.with(c, again, "a2")
				w.with(c, once, "o2")
				w.at(time.Second)
				w.with(c, once, "after")
				want, lost := "a1 a2 after", "session 1 lost 3 (11)"
				if queue == wsclient.AtLeastOnce {
					want, lost = "a1 queue's a2 after", "session 1 lost 2 (4)"
				}
				w.flush(c)
				if got := strings.Join(texts(rec), " "); got != want {
					t.Errorf("%q on the second connection, want %q", got, want)
				}
				w.expect(lost)
			})
		})
	}
}

func TestKeepUnconfirmedReportsTheMessages(t *testing.T) {
	srv := server(testserver.Sessions(mute(4, (*testserver.Peer).RST), testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady}
		o.Queue.KeepUnconfirmed = true
		errs := make(chan error, 1)
		c := w.dial(w.lost(o))
		w.send(c, "a")
		synctest.Wait()
		w.with(c, again, "goes again")
		w.with(c, wsclient.SendOptions{Priority: true}, "b")
		go func() { errs <- c.Flush(w.ctx) }()
		synctest.Wait()
		if n := c.Stats().Unconfirmed; n != 12 {
			t.Errorf("%d bytes unconfirmed", n)
		}
		w.send(c, "not of the Flush")
		u := as[*wsclient.UnconfirmedError](t, <-errs)
		synctest.Wait()
		w.expect("session 1 lost 3 (18) a b not of the Flush")
		if lost := u.Lost(); u.Messages != 2 || u.Bytes != 2 || u.Session != 1 || len(lost) != 2 || string(lost[0].Data)+string(lost[1].Data) != "ab" {
			t.Errorf("Flush: %v, %v", u, lost)
		}
	})
}

// TestAtLeastOnceThatEndsIsReported: what has left and will not go again is
// uncertain, what has never left is dropped.
func TestAtLeastOnceThatEndsIsReported(t *testing.T) {
	for name, end := range map[string]func(c *wsclient.Client){
		"by Close while waiting": func(c *wsclient.Client) { c.Close() },
		"by Close while open":    func(c *wsclient.Client) { c.Close() },
		"by its policy":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			srv := server(silence)
			bubble(t, srv, func(w *world) {
				o := w.later(0, wsclient.Options{}, time.Second)
				o.Queue = wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce, KeepUnconfirmed: true}
				if end == nil {
					o.Reconnect = reconnect.Never
				}
				c := w.dial(w.lost(o))
				w.send(c, "1", "2")
				synctest.Wait()
				if end == nil {
					w.srv.CutRST()
				}
				if end != nil {
					if name == "by Close while waiting" {
						w.srv.CutRST()
						w.at(time.Second / 2)
						w.send(c, "3")
					}
					end(c)
				}
				w.done(c)
				w.expect("session 1 lost 2 (2) 1 2")
				if s := c.Stats(); s.Unconfirmed != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestAtLeastOnceWithPassiveIsRefused(t *testing.T) {
	passive := heartbeat.Policy{Probe: heartbeat.Passive}
	_, err := wsclient.New("ws://feed/", &wsclient.Options{Heartbeat: passive, Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}})
	if e := as[*wsclient.OptionError](t, err); e.Option != "Queue.Delivery" {
		t.Errorf("%v", err)
	}
	_, err = wsclient.New("ws://feed/", &wsclient.Options{Heartbeat: passive, Queue: wsclient.QueueOptions{KeepUnconfirmed: true}})
	if e := as[*wsclient.OptionError](t, err); e.Option != "Queue.KeepUnconfirmed" {
		t.Errorf("%v", err)
	}
	bubble(t, server(testserver.Sink), func(w *world) {
		o := wsclient.Options{Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}}
		o.OnConnect = func(_ context.Context, conn *wsclient.Conn) error {
			err := conn.SetHeartbeat(passive)
			if e, ok := errors.AsType[*wsclient.OptionError](err); !ok || e.Option != "Queue.Delivery" {
				t.Errorf("SetHeartbeat: %v", err)
			}
			return nil
		}
		w.dial(o)
	})
}

// TestKeptMessagesCountAgainstTheBounds, and their confirmation lets those who
// wait go on, without a pause.
func TestKeptMessagesCountAgainstTheBounds(t *testing.T) {
	for name, q := range map[string]wsclient.QueueOptions{
		"messages":                       {MaxMessages: 10, Delivery: wsclient.AtLeastOnce},
		"bytes":                          {MaxBytes: 100, Delivery: wsclient.AtLeastOnce},
		"those of KeepUnconfirmed":       {MaxMessages: 10, KeepUnconfirmed: true},
		"those of KeepUnconfirmed, Off":  {MaxMessages: 10, KeepUnconfirmed: true},
		"messages, Off":                  {MaxMessages: 10, Delivery: wsclient.AtLeastOnce},
		"one that takes more than half":  {MaxBytes: 18, Delivery: wsclient.AtLeastOnce},
		"when there is room for one":     {MaxMessages: 1, Delivery: wsclient.AtLeastOnce},
		"when there is room for its own": {MaxBytes: 10, KeepUnconfirmed: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &testserver.Server{}, func(w *world) {
				log := &frameLog{}
				w.srv.Handler = log.peer(func() bool {
					if left := 5*time.Second - w.elapsed(); left > 0 {
						<-time.After(left)
					}
					return true
				})
				o := wsclient.Options{Queue: q}
				if strings.HasSuffix(name, "Off") {
					o.Heartbeat = heartbeat.Off
				}
				c := w.dial(o)
				for range 1000 {
					w.send(c, "ten bytes!")
					if s := c.Stats(); w.elapsed() < 5*time.Second && s.BufferedAmount+s.Unconfirmed > 100 {
						t.Fatalf("%d bytes buffered and %d kept", s.BufferedAmount, s.Unconfirmed)
					}
				}
				if w.elapsed() != 5*time.Second {
					t.Errorf("1000 messages took until %v: confirmations must follow without a pause", w.elapsed())
				}
			})
		})
	}
}
