package wsclient_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// pingPong is a text probe.
var pingPong = heartbeat.Policy{Probe: heartbeat.Text("ping", "pong")}

// logged is a peer that notes every frame, and answers as f says.
func logged(w *world, p *testserver.Peer, f func(frame testserver.Frame) string) {
	for {
		frame, err := p.Read()
		if err != nil {
			return
		}
		w.note("%v %d:%s", w.elapsed(), frame.Op, frame.Payload)
		if s := f(frame); s != "" {
			p.WriteText(s)
		}
	}
}

func voiceless(testserver.Frame) string { return "" }

// ponging answers "ping".
func ponging(f testserver.Frame) string {
	if string(f.Payload) == "ping" {
		return "pong"
	}
	return ""
}

func TestTextProbeInsteadOfPings(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) { logged(w, p, ponging) }
		c := w.dial(wsclient.Options{Heartbeat: pingPong})
		w.at(time.Second)
		w.send(c, "data") // would be followed by a barrier
		w.at(31 * time.Second)
		w.expect("1s 1:data", "15s 1:ping", "30s 1:ping")
		if s := c.Stats(); s.MessagesIn != 2 || s.InboxMessages != 0 || s.MessagesOut != 1 {
			t.Errorf("%d messages in, %d of them for the user, %d out; want 2, 0, 1", s.MessagesIn, s.InboxMessages, s.MessagesOut)
		}
	})
}

func TestTextProbeIsWrittenBeforeTheVerdict(t *testing.T) {
	bubble(t, server(testserver.Sessions(silence, testserver.Sink)), func(w *world) {
		o := w.lossAt()
		o.Heartbeat = pingPong
		w.dial(o)
		w.at(25*time.Second - 1)
		w.expect()
		w.at(25 * time.Second)
		w.expect("25s")
	})
}

// TestFlushPingsUnderAnyProbe: it was asked for. So is AtLeastOnce, and what is kept
// until it is confirmed.
func TestFlushPingsUnderAnyProbe(t *testing.T) {
	for name, q := range map[string]wsclient.QueueOptions{
		"a Flush":         {},
		"AtLeastOnce":     {Delivery: wsclient.AtLeastOnce},
		"KeepUnconfirmed": {KeepUnconfirmed: true},
	} {
		bubble(t, server(testserver.Sink), func(w *world) {
			w.net.Latency = 10 * time.Millisecond
			c := w.dial(wsclient.Options{Heartbeat: pingPong, Queue: q})
			w.send(c, "data")
			if name == "a Flush" {
				w.at(10 * time.Second)
				if n := c.Stats().Unconfirmed; n != 4 {
					t.Errorf("%d bytes unconfirmed before the Flush", n)
				}
				if err := c.Flush(w.ctx); err != nil || w.elapsed() != 10020*time.Millisecond {
					t.Errorf("Flush: %v at %v", err, w.elapsed())
				}
			}
			w.at(11 * time.Second)
			if n := c.Stats().Unconfirmed; n != 0 {
				t.Errorf("%s: %d bytes unconfirmed", name, n)
			}
		})
	}
}

func TestHeartbeatIsNegotiatedAnew(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) { logged(w, p, ponging) }
		o := wsclient.Options{Heartbeat: heartbeat.Policy{Interval: 20 * time.Second, Probe: heartbeat.Text("old", "older")}}
		o.OnConnect = func(_ context.Context, conn *wsclient.Conn) error {
			for name, p := range map[string]heartbeat.Policy{
				"Heartbeat.Misses":      {Misses: -1},
				"Heartbeat.AnswersOnly": {Probe: heartbeat.Passive, AnswersOnly: true},
			} {
				if e := as[*wsclient.OptionError](t, conn.SetHeartbeat(p)); e.Option != name {
					t.Errorf("%v, want option %s", e, name)
				}
			}
			p := pingPong
			p.Interval, p.Fixed = 7*time.Second, true
			return conn.SetHeartbeat(p)
		}
		w.dial(o)
		w.at(22 * time.Second)
		w.expect("7s 1:ping", "14s 1:ping", "21s 1:ping")
	})
}

func TestProbesOfSeveralPoliciesAreCountedOn(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) { logged(w, p, voiceless) }
		count := heartbeat.Func(
			func(seq uint64) (bool, []byte) { return false, fmt.Append(nil, seq) },
			func(uint64, bool, []byte) bool { return false })
		o := w.lossAt()
		o.Heartbeat = heartbeat.Policy{Interval: 2 * time.Second, Timeout: time.Minute, Probe: count}
		o.OnConnect = func(_ context.Context, conn *wsclient.Conn) error {
			<-time.After(5 * time.Second)
			return conn.SetHeartbeat(heartbeat.Policy{Interval: 3 * time.Second, Timeout: 4 * time.Second, Probe: count})
		}
		w.dial(o)
		w.at(11 * time.Second)
		w.expect("2s 2:1", "4s 2:2", "8s 2:3", "11s 2:4")
		w.at(12 * time.Second)
		if got := w.noted(); got[len(got)-1] != "12s" {
			t.Errorf("%q: want death at 12 s", got)
		}
	})
}

func TestSetHeartbeatPassiveUnderAtLeastOnce(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		w.dial(wsclient.Options{Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}, OnConnect: func(_ context.Context, conn *wsclient.Conn) error {
			if e := as[*wsclient.OptionError](t, conn.SetHeartbeat(heartbeat.Slack())); e.Option != "Queue.Delivery" {
				t.Errorf("option %s", e.Option)
			}
			return nil
		}})
	})
}

func TestAckSeesWhatReplyHides(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		_, _, _ = p.ReadMessage()
		p.WriteText("2")
		testserver.Sink(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{
			Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive, Reply: challenge},
			Queue:     wsclient.QueueOptions{Ack: func(m wsclient.Message) (string, bool, bool) { return "id", false, string(m.Data) == "2" }},
		})
		if err := c.SendWith(w.ctx, wsclient.Text("x"), wsclient.SendOptions{ID: "id"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(w.ctx); err != nil {
			t.Errorf("Flush: %v", err)
		}
	})
}

func TestProbeIsCompressedAsDataIs(t *testing.T) {
	srv := compressing(func(p *testserver.Peer) {
		f, err := p.Read()
		if err != nil || f.Rsv != 4 || f.Op != ws.OpText || len(f.Payload) > 100 {
			t.Errorf("the probe is %v bytes with RSV %d, %v", len(f.Payload), f.Rsv, err)
		}
		testserver.Sink(p)
	}, "permessage-deflate")
	bubble(t, srv, func(w *world) {
		p := heartbeat.Policy{Probe: heartbeat.Text(strings.Repeat("ping ", 100), "pong")}
		w.dial(wsclient.Options{Compression: wsclient.CompressionContext, Heartbeat: p})
		w.at(16 * time.Second)
		if v := w.srv.Violations(); len(v) > 0 {
			t.Errorf("the server saw %q", v)
		}
	})
}

func TestProbesFunctionsRunOneAtATime(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		go testserver.Sink(p)
		for p.WriteText("data") == nil {
			<-time.After(time.Millisecond)
		}
	}), func(w *world) {
		var inside, sends, matches atomic.Int32
		alone := func(count *atomic.Int32) {
			if inside.Add(1) != 1 {
				t.Error("two of them run")
			}
			runtime.Gosched()
			count.Add(1)
			inside.Add(-1)
		}
		w.dial(wsclient.Options{OnMessage: func(wsclient.Message) {}, Heartbeat: heartbeat.Policy{
			Interval: time.Millisecond, Fixed: true,
			Probe: heartbeat.Stateful(func() heartbeat.Probe {
				return heartbeat.Func(
					func(uint64) (bool, []byte) { alone(&sends); return false, nil },
					func(uint64, bool, []byte) bool { alone(&matches); return false })
			}),
		}})
		w.at(time.Second)
		if sends.Load() < 900 || matches.Load() < 900 {
			t.Errorf("%d probes, %d messages seen", sends.Load(), matches.Load())
		}
	})
}
