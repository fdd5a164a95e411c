package wsclient_test

import (
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

func TestKeyReplacesWhatWaitsInItsPlace(t *testing.T) {
	type o = wsclient.SendOptions
	for name, test := range map[string]struct {
		do   func(w *world, c *wsclient.Client)
		want string
	}{
		"the newest of each key, in the order of first arrival": {func(w *world, c *wsclient.Client) {
			w.with(c, o{Key: "a"}, "a1")
			w.with(c, o{}, "x")
			w.with(c, o{Key: "b"}, "b1")
			w.with(c, o{Key: "a"}, "a2", "a3")
			w.with(c, o{Key: "b"}, "b2")
		}, "a3 x b2"},
		"whatever the other classes of both": {func(w *world, c *wsclient.Client) {
			w.with(c, o{Key: "a", Delivery: wsclient.AtLeastOnce}, "a1")
			w.with(c, o{}, "x")
			w.with(c, o{Key: "a", Expires: time.Now().Add(time.Hour)}, "a2")
			w.with(c, o{Key: "a"}, "a3")
		}, "a3 x"},
		"priorities have keys of their own": {func(w *world, c *wsclient.Client) {
			w.with(c, o{Key: "a"}, "a1")
			w.with(c, o{Key: "a", Priority: true}, "p1", "p2")
		}, "p2 a1"},
		"after its message has expired a key is free": {func(w *world, c *wsclient.Client) {
			w.with(c, o{Key: "a", Expires: time.Now().Add(time.Second)}, "a1")
			w.with(c, o{}, "x")
			w.at(2 * time.Second)
			w.with(c, o{Key: "a"}, "a2")
		}, "x a2"},
		"among very many": {func(w *world, c *wsclient.Client) {
			for round := range 3 {
				for i := range 1000 {
					w.with(c, o{Key: fmt.Sprint(i)}, fmt.Sprint(round, "/", i))
				}
			}
		}, func() string {
			var all []string
			for i := range 1000 {
				all = append(all, fmt.Sprint(2, "/", i))
			}
			return strings.Join(all, " ")
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			bubble(t, server(rec.Serve), func(w *world) {
				c := w.open(w.later(10*time.Second, wsclient.Options{}))
				test.do(w, c)
				w.at(11 * time.Second)
				if got := strings.Join(texts(rec), " "); got != test.want {
					t.Errorf("%q arrived, want %q", got, test.want)
				}
			})
		})
	}
}

// TestKeyLeavesAloneWhatHasLeft: what the writer has in its hands cannot be
// replaced, but if it comes back from a cut, the newer one stands for it.
func TestKeyLeavesAloneWhatHasLeft(t *testing.T) {
	log := &frameLog{}
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Read()
		<-time.After(time.Second)
		p.RST()
	}, log.peer(nil)))
	bubble(t, srv, func(w *world) {
		w.net.Buffer = 100
		o := wsclient.Options{Reconnect: steady, Heartbeat: heartbeat.Off}
		c := w.dial(w.tracing(o))
		key := func(k string, d wsclient.Delivery) wsclient.SendOptions {
			return wsclient.SendOptions{Key: k, Delivery: d}
		}
		w.with(c, key("handed", wsclient.AtLeastOnce), "handed 1")
		synctest.Wait()
		w.with(c, key("in hand", wsclient.AtMostOnce), strings.Repeat("x", 200))
		synctest.Wait()
		w.with(c, key("in hand", wsclient.AtMostOnce), "in hand 2")
		w.with(c, key("handed", wsclient.AtMostOnce), "handed 2")
		w.at(2 * time.Second)
		w.expect("replaced "+strings.Repeat("x", 200)+" at 1s", "replaced handed 1 at 1s")
		if got := strings.ReplaceAll(log.texts(), " ping", ""); got != "in hand 2 handed 2" {
			t.Errorf("after the cut: %q", got)
		}
	})
}

func TestExpires(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		c := w.open(w.tracing(w.later(10*time.Second, wsclient.Options{})))
		until := func(d time.Duration) wsclient.SendOptions {
			return wsclient.SendOptions{Expires: w.start.Add(d)}
		}
		w.with(c, until(20*time.Second), "lives")
		w.with(c, until(5*time.Second), "five")
		w.with(c, until(3*time.Second), "three")
		w.with(c, until(10*time.Second), "just in time")
		w.with(c, wsclient.SendOptions{Expires: w.start.Add(4 * time.Second).Round(0), Priority: true}, "four, of the wall clock")
		if err := c.SendWith(w.ctx, wsclient.Text("late"), until(-1)); !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("a message that has expired: %v", err)
		}
		w.with(c, until(0), "at this moment")
		w.at(5 * time.Second)
		if n := c.BufferedAmount(); n != int64(len("livesfivejust in time")) {
			t.Errorf("BufferedAmount %d at the very moment of the second", n)
		}
		w.at(time.Minute)
		w.expect("expired at this moment at 1ns", "expired three at 3.000000001s", "expired four, of the wall clock at 4.000000001s", "expired five at 5.000000001s")
		if got := strings.Join(texts(rec), ", "); got != "lives, just in time" {
			t.Errorf("%q arrived", got)
		}
		if d := c.Stats().Drops; d != (wsclient.Drops{Expired: 4}) {
			t.Errorf("%+v", d)
		}
	})
}

// TestExpiredIsNotSentBehindAStuckWrite: what has waited behind it is looked at
// again before it goes.
func TestExpiredIsNotSentBehindAStuckWrite(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		g, o := w.gated()
		c := w.dial(o)
		w.held(g, c, "in hand")
		w.with(c, wsclient.SendOptions{Expires: w.start.Add(time.Second)}, "order")
		w.send(c, "after it")
		w.at(2 * time.Second)
		close(g.open)
		synctest.Wait()
		if got := strings.Join(texts(rec), ", "); got != "in hand, after it" {
			t.Errorf("%q arrived", got)
		}
	})
}

func TestVolatileIsOnlyForAnOpenConnection(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(4 * time.Second)
		p.RST()
	}, rec.Serve))
	bubble(t, srv, func(w *world) {
		w.net.Buffer = 100
		o := w.later(time.Second, wsclient.Options{Heartbeat: heartbeat.Off}, 6*time.Second)
		o.Queue = wsclient.QueueOptions{MaxMessages: 4, Delivery: wsclient.AtLeastOnce}
		c := w.open(w.lost(w.tracing(o)))
		volatile := wsclient.SendOptions{Volatile: true}
		refused := func(why string) {
			t.Helper()
			if err := c.SendWith(w.ctx, wsclient.Text("v"), volatile); !errors.Is(err, wsclient.ErrNotSent) {
				t.Errorf("volatile, %s: %v", why, err)
			}
		}
		refused("while connecting")
		w.at(2 * time.Second)
		w.with(c, volatile, "left") // it is AtMostOnce, whatever the queue is
		synctest.Wait()
		w.with(c, wsclient.SendOptions{}, strings.Repeat("x", 200)) // stuck
		synctest.Wait()
		w.with(c, volatile, "waits")
		w.with(c, wsclient.SendOptions{}, "stays", "too")
		refused("with a full queue")
		w.at(5 * time.Second)
		refused("after the cut")
		w.expect("volatile waits at 5s", "session 1 lost 1 (4)")
		w.flushed(c)
		if got := texts(rec); len(got) != 3 || got[1] != "stays" || got[2] != "too" {
			t.Errorf("on the next connection: %d messages, %q", len(got), got[1:])
		}
	})
}

func TestPriorityGoesAheadButBehindTheLogin(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		g, o := w.gated()
		o.OnConnect = login(w)
		c := w.open(o)
		w.send(c, "data 1")
		w.with(c, wsclient.SendOptions{Priority: true}, "subscribe 1")
		synctest.Wait()
		w.held(g, c, "in hand")
		w.send(c, "data 2")
		w.with(c, wsclient.SendOptions{Priority: true}, "subscribe 2", "subscribe 3")
		close(g.open)
		synctest.Wait()
		want := "login, subscribe 1, data 1, in hand, subscribe 2, subscribe 3, data 2"
		if got := strings.Join(texts(rec), ", "); got != want {
			t.Errorf("%q arrived, want %q", got, want)
		}
	})
}

func TestContradictingClassesAreRefused(t *testing.T) {
	passive := heartbeat.Policy{Probe: heartbeat.Passive}
	for name, test := range map[string]struct {
		o      wsclient.Options
		send   wsclient.SendOptions
		option string
	}{
		"Volatile and AtLeastOnce":   {wsclient.Options{}, wsclient.SendOptions{Volatile: true, Delivery: wsclient.AtLeastOnce}, "SendOptions.Volatile"},
		"a Delivery that is none":    {wsclient.Options{}, wsclient.SendOptions{Delivery: 3}, "SendOptions.Delivery"},
		"an ID without Ack":          {wsclient.Options{}, wsclient.SendOptions{ID: "1"}, "SendOptions.ID"},
		"AtLeastOnce beside Passive": {wsclient.Options{Heartbeat: passive}, wsclient.SendOptions{Delivery: wsclient.AtLeastOnce}, "SendOptions.ID"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sink), func(w *world) {
				err := w.dial(test.o).SendWith(w.ctx, wsclient.Text("x"), test.send)
				if e := as[*wsclient.OptionError](t, err); e.Option != test.option || !errors.Is(err, wsclient.ErrNotSent) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}
