package wsclient_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestOverflow fills a queue of three messages without a connection and sends
// two more.
func TestOverflow(t *testing.T) {
	for name, test := range map[string]struct {
		policy wsclient.Overflow
		full   bool   // the two are refused
		want   string // what arrives, once there is a connection
		drops  []string
	}{
		"OverflowReject refuses them":              {wsclient.OverflowReject, true, "a b c", nil},
		"OverflowDisconnect refuses them":          {wsclient.OverflowDisconnect, true, "a b c", nil},
		"OverflowDropOldest drops the oldest":      {wsclient.OverflowDropOldest, false, "c d e", []string{"overflow a at 0s", "overflow b at 0s"}},
		"OverflowDropNewest drops them, with nil":  {wsclient.OverflowDropNewest, false, "a b c", []string{"overflow d at 0s", "overflow e at 0s"}},
		"OverflowBlock waits, and they come later": {wsclient.OverflowBlock, false, "a b c d e", nil},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			bubble(t, server(rec.Serve), func(w *world) {
				c := w.open(w.tracing(w.later(time.Second, wsclient.Options{Queue: wsclient.QueueOptions{MaxMessages: 3, Overflow: test.policy}})))
				w.send(c, "a", "b", "c")
				for _, s := range []string{"d", "e"} {
					err := c.Send(w.ctx, wsclient.Text(s))
					if full := errors.Is(err, wsclient.ErrQueueFull) && errors.Is(err, wsclient.ErrNotSent); full != test.full || !full && err != nil {
						t.Errorf("Send(%q): %v", s, err)
					}
				}
				if waits := test.policy == wsclient.OverflowBlock; waits != (w.elapsed() >= time.Second) {
					t.Errorf("the Sends took until %v", w.elapsed())
				}
				n := uint64(len(test.drops))
				if s := c.Stats(); s.Drops != (wsclient.Drops{Overflow: n}) || s.DroppedOut != n {
					t.Errorf("drops %+v, %d in all", s.Drops, s.DroppedOut)
				}
				w.at(2 * time.Second)
				if got := strings.Join(texts(rec), " "); got != test.want {
					t.Errorf("%q arrived, want %q", got, test.want)
				}
				w.expect(test.drops...)
			})
		})
	}
}

func TestDropOldestMakesAsMuchRoomAsItTakes(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		c := w.open(w.tracing(w.later(time.Second, wsclient.Options{Queue: wsclient.QueueOptions{MaxBytes: 100, Overflow: wsclient.OverflowDropOldest}})))
		w.send(c, strings.Repeat("a", 40), strings.Repeat("b", 30), strings.Repeat("c", 30), strings.Repeat("d", 70))
		if n := c.BufferedAmount(); n != 100 {
			t.Errorf("BufferedAmount %d", n)
		}
		w.at(2 * time.Second)
		if got := texts(rec); len(got) != 2 || got[0][0] != 'c' || got[1][0] != 'd' {
			t.Errorf("%q", got)
		}
	})
}

// TestDropOldestSparesWhatIsBeingWritten: it is no loss to drop what waits, but
// what the writer has in its hands may be half in the kernel.
func TestDropOldestSparesWhatIsBeingWritten(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		g, o := w.gated()
		o.Queue = wsclient.QueueOptions{MaxMessages: 3, MaxBytes: 20, Overflow: wsclient.OverflowDropOldest}
		c := w.dial(w.tracing(o))
		w.held(g, c, "in hand")
		w.send(c, "a", "b", "c", "d")
		w.expect("overflow a at 0s", "overflow b at 0s")
		w.send(c, strings.Repeat("x", 14)) // however many are dropped, it has no room
		w.expect("overflow a at 0s", "overflow b at 0s", "overflow "+strings.Repeat("x", 14)+" at 0s")
		close(g.open)
		synctest.Wait()
		if got := strings.Join(texts(rec), " "); got != "in hand c d" {
			t.Errorf("%q arrived", got)
		}
	})
}

func TestOverflowDisconnectEndsTheConnectionOfASlowPeer(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := server(testserver.Sessions(testserver.Hold, rec.Serve))
	bubble(t, srv, func(w *world) {
		w.net.Buffer = 1 << 10
		o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{MaxMessages: 2, Overflow: wsclient.OverflowDisconnect}}
		o.OnClose = func(e wsclient.CloseEvent) {
			w.note("session %d: full %v, retry %v", e.Session, errors.Is(e.Err, wsclient.ErrQueueFull), e.Retry)
		}
		c := w.dial(o)
		w.send(c, strings.Repeat("x", 4<<10)) // the way is full
		synctest.Wait()
		w.send(c, "a")
		if err := c.Send(w.ctx, wsclient.Text("b")); !errors.Is(err, wsclient.ErrQueueFull) || !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("Send: %v", err)
		}
		w.at(time.Second)
		w.expect("session 1: full true, retry true")
		if got := texts(rec); len(got) != 2 || got[1] != "a" {
			t.Errorf("%d messages on the next connection, the last %q", len(got), got[len(got)-1])
		}
	})
}

func TestOverflowDisconnectSparesAConnectionThatIsNotOpen(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDisconnect}}
		o.OnConnect = func(context.Context, *wsclient.Conn) error {
			<-time.After(time.Second)
			return nil
		}
		c := w.open(o)
		w.send(c, "a")
		for i := range 9 {
			w.at(time.Duration(i) * 100 * time.Millisecond)
			if err := c.Send(w.ctx, wsclient.Text("b")); !errors.Is(err, wsclient.ErrQueueFull) {
				t.Errorf("Send: %v", err)
			}
		}
		w.at(time.Second)
		if s := c.Stats(); s.Session != 1 || s.ReadyState != wsclient.Open {
			t.Errorf("%+v: the login was interrupted, though no peer is slow", s)
		}
	})
}

func TestPrioritiesHaveRoomOfTheirOwnAndAreNeverDroppedForIt(t *testing.T) {
	for _, policy := range []wsclient.Overflow{wsclient.OverflowReject, wsclient.OverflowDropOldest, wsclient.OverflowDropNewest, wsclient.OverflowDisconnect} {
		rec := &testserver.Recorder{}
		bubble(t, server(rec.Serve), func(w *world) {
			c := w.open(w.later(time.Second, wsclient.Options{Queue: wsclient.QueueOptions{MaxMessages: 2, MaxBytes: 4, Overflow: policy}}))
			w.send(c, "aa", "bb")
			w.with(c, wsclient.SendOptions{Priority: true}, "PP", "QQ")
			err := c.SendWith(w.ctx, wsclient.Text("R"), wsclient.SendOptions{Priority: true})
			if !errors.Is(err, wsclient.ErrQueueFull) || !errors.Is(err, wsclient.ErrNotSent) {
				t.Errorf("policy %d: a third priority: %v", policy, err)
			}
			w.at(2 * time.Second)
			if got := strings.Join(texts(rec), " "); got != "PP QQ aa bb" {
				t.Errorf("policy %d: %q arrived", policy, got)
			}
		})
	}
}

// TestBlockedSenders: which of those who wait go on, and when.
func TestBlockedSenders(t *testing.T) {
	at := func(d time.Duration) wsclient.SendOptions { return wsclient.SendOptions{Expires: time.Now().Add(d)} }
	type run = func(w *world, c *wsclient.Client, send func(string, wsclient.SendOptions))
	for name, test := range map[string]struct {
		do   run
		want string // what is sent once there is a connection, after 10 s
		errs string // the outcomes, sorted
	}{
		"one that expires while it waits gives up then, and lets the next in": {
			func(w *world, c *wsclient.Client, send func(string, wsclient.SendOptions)) {
				w.with(c, wsclient.SendOptions{}, "12345", "123")
				send("123456", at(3*time.Second))
				send("12", wsclient.SendOptions{})
			}, "12345 123 12", "12 at 3.000000001s, not sent 123456 at 3.000000001s"},
		"what expires in the queue makes room at that moment": {
			func(w *world, c *wsclient.Client, send func(string, wsclient.SendOptions)) {
				w.with(c, at(2*time.Second), "12345")
				w.with(c, wsclient.SendOptions{}, "12345")
				send("12346", wsclient.SendOptions{})
			}, "12345 12346", "12346 at 2.000000001s"},
		"a message that replaces another needs no room, and does not wait": {
			func(w *world, c *wsclient.Client, send func(string, wsclient.SendOptions)) {
				w.with(c, wsclient.SendOptions{Key: "k"}, "12345")
				w.with(c, wsclient.SendOptions{}, "12345")
				send("1", wsclient.SendOptions{})
				send("54321", wsclient.SendOptions{Key: "k"})
			}, "54321 12345 1", "1 at 10s, 54321 at 0s"},
		"a smaller one in its place lets the first that waits in": {
			func(w *world, c *wsclient.Client, send func(string, wsclient.SendOptions)) {
				w.with(c, wsclient.SendOptions{Key: "k"}, "12345")
				w.with(c, wsclient.SendOptions{}, "12345")
				send("1234", wsclient.SendOptions{})
				send("1", wsclient.SendOptions{Key: "k"})
			}, "1 12345 1234", "1 at 0s, 1234 at 0s"},
		"two that wait with one key: the second replaces the first": {
			func(w *world, c *wsclient.Client, send func(string, wsclient.SendOptions)) {
				w.with(c, at(2*time.Second), "1234567890")
				send("old", wsclient.SendOptions{Key: "k"})
				send("new", wsclient.SendOptions{Key: "k"})
			}, "new", "new at 2.000000001s, old at 2.000000001s"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			bubble(t, server(rec.Serve), func(w *world) {
				c := w.open(w.later(10*time.Second, wsclient.Options{Queue: wsclient.QueueOptions{MaxBytes: 10}}))
				var wg sync.WaitGroup
				test.do(w, c, func(s string, o wsclient.SendOptions) {
					wg.Go(func() {
						prefix := ""
						if err := c.SendWith(w.ctx, wsclient.Text(s), o); errors.Is(err, wsclient.ErrNotSent) {
							prefix = "not sent "
						} else if err != nil {
							t.Error(err)
						}
						w.note("%s%s at %v", prefix, s, w.elapsed())
					})
					synctest.Wait()
				})
				wg.Wait()
				w.at(11 * time.Second)
				if got := strings.Join(texts(rec), " "); got != test.want {
					t.Errorf("%q arrived, want %q", got, test.want)
				}
				outcomes := w.noted()
				slices.Sort(outcomes) // they have no order within one instant
				if got := strings.Join(outcomes, ", "); got != test.errs {
					t.Errorf("outcomes %q, want %q", got, test.errs)
				}
			})
		})
	}
}
