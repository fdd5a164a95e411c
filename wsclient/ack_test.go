package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// id is a class of a message that is confirmed by id.
func id(s string, o wsclient.SendOptions) wsclient.SendOptions {
	o.ID = s
	return o
}

// TestAck: the peer answers each "go" with the acknowledgements of the test; it
// answers pings always.
func TestAck(t *testing.T) {
	for name, test := range map[string]struct {
		acks []string // after all is sent
		left int64    // bytes unconfirmed then
	}{
		"none: the pongs do not confirm them": {nil, 4},
		"in order":                            {[]string{"ok 1", "ok 2", "ok 3", "ok 4"}, 0},
		"out of order":                        {[]string{"ok 3", "ok 1"}, 2},
		"up to the third":                     {[]string{"upto 3"}, 1},
		"up to one of which more is settled":  {[]string{"ok 2", "upto 3", "upto 1"}, 1},
		"up to the last":                      {[]string{"upto 4"}, 0},
		"twice":                               {[]string{"ok 2", "ok 2"}, 3},
		"of something else":                   {[]string{"ok 9", "upto 7"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(func(p *testserver.Peer) {
				for {
					_, data, err := p.ReadMessage()
					if err != nil {
						return
					}
					for _, s := range test.acks {
						if string(data) == "go" {
							p.WriteText(s)
						}
					}
				}
			}), func(w *world) {
				c := w.dial(wsclient.Options{Queue: wsclient.QueueOptions{Ack: ackOK}})
				w.with(c, id("1", once), "a")
				w.with(c, id("2", again), "b")
				w.with(c, once, "plain")
				w.with(c, id("3", once), "c")
				w.with(c, id("4", again), "d")
				w.send(c, "go")
				w.at(time.Second)
				if n := c.Stats().Unconfirmed; n != test.left {
					t.Errorf("%d bytes unconfirmed, want %d", n, test.left)
				}
				for _, s := range test.acks { // they are received all the same
					if m := w.receive(c); string(m.Data) != s {
						t.Errorf("received %q, want %q", m.Data, s)
					}
				}
				ctx, cancel := context.WithTimeout(w.ctx, time.Second)
				defer cancel()
				if err := c.Flush(ctx); (err == nil) != (test.left == 0) || err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Flush: %v", err)
				}
			})
		})
	}
}

// TestAckBeforeTheWriteHasReturned: the peer may be that fast.
func TestAckBeforeTheWriteHasReturned(t *testing.T) {
	for name, ack := range map[string]string{"of one": "ok 2", "up to it": "upto 2"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(func(p *testserver.Peer) {
				for {
					_, data, err := p.ReadMessage()
					if err != nil {
						return
					}
					if string(data) == "b" {
						p.WriteText(ack)
					}
				}
			}), func(w *world) {
				o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{Ack: ackOK, Delivery: wsclient.AtLeastOnce}}
				slow, connect := w.slowReturn()
				o.NetDial = connect
				c := w.dial(o)
				w.with(c, id("1", once), "a")
				synctest.Wait()
				close(slow.on)
				w.with(c, id("2", again), "b")
				w.receive(c) // the answer, while the write still has not returned
				if s := c.Stats(); s.MessagesOut != 1 {
					t.Fatalf("%d messages out", s.MessagesOut)
				}
				close(slow.off)
				synctest.Wait()
				want := int64(1)
				if ack == "upto 2" {
					want = 0
				}
				if s := c.Stats(); s.Unconfirmed != want || s.MessagesOut != 2 || s.BufferedAmount != 0 {
					t.Errorf("%d bytes unconfirmed, want %d; %d out", s.Unconfirmed, want, s.MessagesOut)
				}
			})
		})
	}
}

// TestAckAtLeastOnceBesidePassive: feeds whose heartbeat is their own, with ids.
func TestAckAtLeastOnceBesidePassive(t *testing.T) {
	var second frameLog
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		for range 3 {
			p.ReadMessage()
		}
		p.WriteText("ok 2")
		p.ReadMessage()
		p.RST()
	}, func(p *testserver.Peer) {
		second.then = func(s string) { p.WriteText("ok " + s) }
		second.peer(nil)(p)
	}))
	bubble(t, srv, func(w *world) {
		o := w.later(0, wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}}, time.Second)
		o.Queue = wsclient.QueueOptions{Ack: ackOK, Delivery: wsclient.AtLeastOnce, KeepUnconfirmed: true}
		c := w.dial(w.lost(o))
		if err := c.Send(w.ctx, wsclient.Text("without")); !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("Send without an ID, of which nothing would tell: %v", err)
		}
		for _, s := range []string{"1", "2", "3"} {
			w.with(c, id(s, wsclient.SendOptions{}), s)
		}
		w.receive(c)
		w.with(c, id("4", once), "4")
		w.at(time.Second / 2)
		w.flush(c)
		w.expect("session 1 lost 1 (1) 4")
		if got := second.texts(); got != "1 3" || w.elapsed() != time.Second {
			t.Errorf("%q on the second connection, at %v", got, w.elapsed())
		}
		for range 10_000 { // nothing would ever let it go: it is not kept
			w.with(c, once, "plain")
		}
		if err := c.Flush(w.ctx); !errors.Is(err, wsclient.ErrNoConfirmation) {
			t.Errorf("Flush of a message of which nothing tells: %v", err)
		}
		if err := c.Shutdown(w.ctx); err != nil { // the echo of our Close does
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// TestAckOfWhatWaitsToGoAgain: a server that resumes says on the new connection
// what it has got on the old one, and it does not go again.
func TestAckOfWhatWaitsToGoAgain(t *testing.T) {
	for answer, want := range map[string]string{
		"upto 3": "4 5 new", "ok 3": "1 2 4 5 new", "ok 1": "2 3 4 5 new", "upto 5": "new", "ok 9": "1 2 3 4 5 new", "upto 6": "1 2 3 4 5 new",
	} {
		t.Run(answer, func(t *testing.T) {
			rec := &testserver.Recorder{}
			srv := server(testserver.Sessions(mute(5, (*testserver.Peer).RST), func(p *testserver.Peer) {
				p.WriteText(answer)
				rec.Serve(p)
			}))
			bubble(t, srv, func(w *world) {
				o := w.later(0, wsclient.Options{}, time.Second)
				o.Queue = wsclient.QueueOptions{Ack: ackOK, Delivery: wsclient.AtLeastOnce}
				o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
					if conn.Session() == 1 {
						return nil
					}
					_, err := conn.Receive(ctx)
					return err
				}
				c := w.dial(o)
				for i := range 5 {
					w.with(c, id(fmt.Sprint(i+1), wsclient.SendOptions{}), fmt.Sprint(i+1))
				}
				w.at(time.Second / 2)
				w.with(c, id("6", wsclient.SendOptions{}), "new") // it has never left
				w.at(2 * time.Second)
				if got := strings.Join(texts(rec), " "); got != want {
					t.Errorf("%q on the second connection, want %q", got, want)
				}
				if s := c.Stats(); s.DroppedOut != 0 || s.BufferedAmount != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestAckLetsBlockedSendersGoOn, out of order too.
func TestAckLetsBlockedSendersGoOn(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		var held []string
		for {
			_, data, err := p.ReadMessage()
			if err != nil {
				return
			}
			if held = append(held, string(data)); len(held) == 10 {
				for i := range held {
					p.WriteText("ok " + held[(i*7+3)%10])
				}
				held = nil
			}
		}
	}), func(w *world) {
		o := wsclient.Options{OnMessage: func(wsclient.Message) {}, Heartbeat: heartbeat.Off}
		o.Queue = wsclient.QueueOptions{Ack: ackOK, MaxMessages: 10}
		c := w.dial(o)
		for i := range 1000 {
			s := fmt.Sprint(i)
			w.with(c, id(s, again), s)
		}
		w.flush(c)
		if s := c.Stats(); s.Unconfirmed != 0 || w.elapsed() != 0 {
			t.Errorf("%d bytes unconfirmed after %v", s.Unconfirmed, w.elapsed())
		}
	})
}
