package wsclient_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// lossAt returns options that note when a connection was lost, and why.
func (w *world) lossAt() wsclient.Options {
	return wsclient.Options{Reconnect: steady, OnClose: func(e wsclient.CloseEvent) {
		w.note("%v", w.elapsed())
		if _, ok := errors.AsType[*heartbeat.TimeoutError](e.Err); !ok && !errors.Is(e.Err, wsclient.ErrClosed) {
			w.Errorf("lost for %v, want a heartbeat.TimeoutError", e.Err)
		}
	}}
}

func TestSilentPeerIsDeadAtIntervalPlusTimeout(t *testing.T) {
	srv := server(testserver.Sessions(silence, testserver.Sink))
	bubble(t, srv, func(w *world) {
		c := w.dial(w.lossAt())
		w.at(25*time.Second - 1)
		if s := c.ReadyState(); s != wsclient.Open {
			t.Errorf("ReadyState 1 ns before the verdict is %v", s)
		}
		w.at(25 * time.Second)
		w.expect("25s")
		w.at(25*time.Second + time.Millisecond)
		if s := c.ReadyState(); s != wsclient.Open || c.Stats().Session != 2 {
			t.Errorf("%v in session %d after the backoff, want open in 2", s, c.Stats().Session)
		}
	})
}

func TestPeerThatAnswersProbesStaysOpen(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.dial(w.lossAt())
		w.at(10 * time.Minute)
		w.expect()
		if n := c.Stats().Session; n != 1 {
			t.Errorf("session %d after ten quiet minutes, want 1", n)
		}
	})
}

func TestSendsNeverPostponeAProbe(t *testing.T) {
	srv := server(testserver.Sessions(silence, testserver.Sink))
	bubble(t, srv, func(w *world) {
		c := w.dial(w.lossAt())
		for s := range 24 {
			w.at(time.Duration(s) * time.Second)
			w.send(c, "still talking")
		}
		w.at(25 * time.Second)
		w.expect("25s")
	})
}

func TestAnyReceivedByteProvesLife(t *testing.T) {
	frame := testserver.Encode(testserver.BinaryFrame(make([]byte, 20)))
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		// One byte of a frame every 20 s, and no pong ever: the verdict would
		// come after 25.
		for i := range 10 {
			<-time.After(20 * time.Second)
			p.WriteRaw(frame[i : i+1])
		}
		silence(p)
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		w.dial(w.lossAt())
		w.at(225*time.Second - 1)
		w.expect()
		w.at(225 * time.Second)
		w.expect("3m45s")
	})
}

func TestSlowHandlerHoldsTheVerdict(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.WriteText("work")
		silence(p) // no pong: the verdict would come at 25 s
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := w.lossAt()
		o.OnMessage = func(wsclient.Message) { <-time.After(40 * time.Second) }
		w.dial(o)
		// The handler returns at 40 s and a read finds the socket empty: the
		// Timeout starts anew.
		w.at(50*time.Second - 1)
		w.expect()
		w.at(50 * time.Second)
		w.expect("50s")
	})
}

func TestSlowHandlerDoesNotKillAHealthyLink(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.WriteText("work")
		testserver.Sink(p)
	}), func(w *world) {
		o := w.lossAt()
		o.OnMessage = func(wsclient.Message) { <-time.After(10 * time.Minute) }
		w.dial(o)
		w.at(30 * time.Minute)
		w.expect()
	})
}

func TestProbesGoOutWhileTheHandlerIsSlow(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			p.WriteText("work")
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				w.note("op %d at %v", f.Op, w.elapsed())
			}
		}
		w.dial(wsclient.Options{OnMessage: func(wsclient.Message) { <-time.After(50 * time.Second) }})
		w.at(46 * time.Second)
		w.expect("op 9 at 15s", "op 9 at 30s", "op 9 at 45s")
	})
}

func TestFullInboxHoldsTheVerdict(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a"), testserver.TextFrame("b"))
		silence(p)
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := w.lossAt()
		o.Inbox.MaxMessages = 2
		c := w.dial(o)
		w.at(time.Minute)
		w.expect()
		w.receive(c) // room again: reading goes on, and so does the verdict
		w.at(70*time.Second - 1)
		w.expect()
		w.at(70 * time.Second)
		w.expect("1m10s")
	})
}

func TestPassiveSendsNothingAndDiesOfSilence(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(10 * time.Second)
		p.WriteText("beat")
		f, err := p.Read()
		if err == nil {
			t.Errorf("a passive client has sent opcode %d", f.Op)
		}
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := w.lossAt()
		o.Heartbeat.Probe = heartbeat.Passive
		c := w.dial(o)
		w.receive(c)
		w.at(35*time.Second - 1)
		w.expect()
		w.at(35 * time.Second)
		w.expect("35s")
	})
}

func TestOffNeverGivesAVerdict(t *testing.T) {
	bubble(t, server(silence), func(w *world) {
		o := w.lossAt()
		o.Heartbeat = heartbeat.Off
		w.dial(o)
		w.at(50 * time.Minute)
		w.expect()
	})
}

func TestVerdictReleasesAStuckWrite(t *testing.T) {
	srv := server(testserver.Sessions(testserver.Hold, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := w.lossAt()
		o.Queue.MaxBytes = 8 << 20
		o.WriteTimeout = time.Hour
		// Written before the peer's buffers are full: the probe at 15 s cannot
		// be, so this Ping is what the verdict is not about.
		c := w.dial(o)
		w.at(15 * time.Second)
		c.Send(w.ctx, wsclient.Binary(make([]byte, 4<<20)))
		w.at(25 * time.Second)
		w.expect("25s")
		w.at(26 * time.Second)
		if got := c.BufferedAmount(); got != 0 {
			t.Errorf("BufferedAmount is %d on the new connection: the cut message has not gone again", got)
		}
	})
}

func TestRoundTripIsMeasured(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		w.net.Latency = 30 * time.Millisecond
		c := w.dial(wsclient.Options{})
		if d, err := c.Ping(w.ctx); err != nil || d != 60*time.Millisecond {
			t.Errorf("Ping: %v, %v; want 60ms", d, err)
		}
		if s := c.Stats(); s.RTT != 60*time.Millisecond || s.RTTSmoothed != 60*time.Millisecond || s.RTTVar != 30*time.Millisecond {
			t.Errorf("RTT %v, smoothed %v, var %v", s.RTT, s.RTTSmoothed, s.RTTVar)
		}
	})
}

func TestPingFailsWithItsConnection(t *testing.T) {
	bubble(t, server(testserver.Sessions(silence, testserver.Sink)), func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		_, err := c.Ping(w.ctx)
		as[*heartbeat.TimeoutError](t, err)
		if w.elapsed() != 25*time.Second {
			t.Errorf("Ping failed at %v, want 25s", w.elapsed())
		}
	})
}

func TestSetHeartbeatIsForItsConnection(t *testing.T) {
	srv := server(testserver.Sessions(silence, silence, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := w.lossAt()
		o.OnConnect = func(_ context.Context, conn *wsclient.Conn) error {
			if conn.Session() == 1 {
				return conn.SetHeartbeat(heartbeat.Policy{Interval: 2 * time.Second, Timeout: time.Second})
			}
			return nil
		}
		w.dial(o)
		w.at(3 * time.Second)
		w.expect("3s")
		w.at(28 * time.Second)
		if got := w.noted(); len(got) != 1 {
			t.Errorf("losses at %v: the second connection has the policy of the first", got)
		}
		w.at(29 * time.Second) // 25 s and the backoff
		if got := w.noted(); len(got) != 2 {
			t.Errorf("losses at %v, want the second after 25 s more", got)
		}
	})
}
