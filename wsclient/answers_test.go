package wsclient_test

import (
	"errors"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// busy sends data every second beside what h does.
func busy(h testserver.Handler) testserver.Handler {
	return func(p *testserver.Peer) {
		go h(p)
		for p.WriteText("data") == nil {
			<-time.After(time.Second)
		}
	}
}

// zombie sends data and answers no ping.
var zombie = busy(silence)

// strictly is a heartbeat for a busy link: it asks every 10 s, whatever flows.
var strictly = heartbeat.Policy{Interval: 10 * time.Second, Timeout: 5 * time.Second, Fixed: true, AnswersOnly: true}

func TestAnswersOnlyKillsAZombie(t *testing.T) {
	ping := strictly
	ping.Probe = pingPong.Probe
	for name, c := range map[string]struct {
		p     heartbeat.Policy
		death string
	}{
		"a control ping": {strictly, "15s"},
		"a text":         {ping, "15s"},
		"any byte":       {heartbeat.Policy{Interval: 10 * time.Second, Timeout: 5 * time.Second, Fixed: true}, ""},
	} {
		bubble(t, server(testserver.Sessions(zombie, testserver.Sink)), func(w *world) {
			o := w.lossAt()
			o.Heartbeat, o.OnMessage = c.p, func(wsclient.Message) {}
			w.dial(o)
			w.at(15*time.Second - 1)
			w.expect()
			w.at(15 * time.Second)
			if got := w.noted(); (len(got) == 1 && got[0] == c.death) != (c.death != "") {
				t.Errorf("%s: losses at %q, want %q", name, got, c.death)
			}
		})
	}
}

func TestAnswersOnlySparesWhoAnswers(t *testing.T) {
	bubble(t, server(busy(testserver.Sink)), func(w *world) {
		o := w.lossAt()
		o.Heartbeat, o.OnMessage = strictly, func(wsclient.Message) {}
		c := w.dial(o)
		w.at(10 * time.Minute)
		w.expect()
		if n := c.Stats().Session; n != 1 {
			t.Errorf("session %d", n)
		}
	})
}

// A peer that we kept from writing has a Timeout from when we read again.
func TestAnswersOnlyAndASlowHandler(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			p.WriteText("work")
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				if w.elapsed() < 11*time.Second { // to the ping of 10 s
					<-time.After(5900 * time.Millisecond)
				}
				p.Pong(f.Payload)
			}
		}
		o := w.lossAt()
		o.Heartbeat, o.OnMessage = strictly, func(wsclient.Message) { <-time.After(14900 * time.Millisecond) }
		c := w.dial(o)
		w.at(time.Minute)
		w.expect() // without it: death at 15 s
		if n := c.Stats().Session; n != 1 {
			t.Errorf("session %d", n)
		}
	})
}

func TestMissesOfControlPings(t *testing.T) {
	bubble(t, server(testserver.Sessions(silence, testserver.Sink)), func(w *world) {
		o := w.lossAt()
		o.Heartbeat = heartbeat.Policy{Interval: 4 * time.Second, Timeout: time.Second, Misses: 3}
		w.dial(o)
		w.at(13*time.Second - 1)
		w.expect()
		w.at(13 * time.Second)
		w.expect("13s")
	})
}

func TestFirstProbeByChance(t *testing.T) {
	defer wsclient.SetJitter(0.25)()
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) { logged(w, p, ponging) }
		p := pingPong
		p.Jitter, p.Fixed, p.Interval = true, true, 8*time.Second
		w.dial(wsclient.Options{Heartbeat: p})
		w.at(19 * time.Second)
		w.expect("2s 1:ping", "10s 1:ping", "18s 1:ping")
	})
}

func TestAnswerOfAnEarlierProbeIsNoRoundTrip(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		n := 0
		w.srv.Handler = func(p *testserver.Peer) {
			logged(w, p, func(testserver.Frame) string {
				if n++; n == 1 {
					return "" // the first answer is lost
				}
				return "pong"
			})
		}
		w.net.Latency = 20 * time.Millisecond
		c := w.dial(wsclient.Options{
			Heartbeat: heartbeat.Policy{Interval: 10 * time.Second, Timeout: 30 * time.Second, Probe: pingPong.Probe},
			Trace:     &wsclient.Trace{RTT: func(d time.Duration) { w.note("rtt %v", d) }},
		})
		w.at(21 * time.Second) // the second pong may be the first one's
		if d := c.Stats().RTT; d != 0 {
			t.Errorf("RTT %v of an answer that may be either's", d)
		}
		w.at(32 * time.Second)
		if d := c.Stats().RTT; d != 40*time.Millisecond {
			t.Errorf("RTT %v, want 40ms", d)
		}
	})
}

func TestSleptMachineProbesAtOnce(t *testing.T) {
	bubble(t, server(testserver.Sessions(silence, testserver.Sink)), func(w *world) {
		lid := time.Duration(0)
		defer wsclient.SetWallClock(func(now time.Time) time.Time {
			if now.Sub(w.start) > 5*time.Second {
				lid = 8 * time.Hour // it was closed at 5 s
			}
			return now.Round(0).Add(lid)
		})()
		o := w.lossAt()
		o.Heartbeat = heartbeat.Policy{Interval: 10 * time.Second, Timeout: 3 * time.Second, Misses: 5}
		o.Trace = &wsclient.Trace{Probe: func() { w.note("probe at %v", w.elapsed()) }}
		c := w.dial(o)
		w.at(13 * time.Second)
		w.expect("probe at 10s", "13s")
		c.Close()
		<-c.Done()
	})
}

// TestSleptMachineDoesNotWaitOutItsBackoff: the wait is by the wall clock.
func TestSleptMachineDoesNotWaitOutItsBackoff(t *testing.T) {
	for name, c := range map[string]struct {
		lid  time.Duration
		open time.Duration
	}{
		"long enough":     {time.Hour, 15 * time.Second},
		"not long enough": {20 * time.Second, 40 * time.Second},
		"not at all":      {0, time.Minute},
	} {
		bubble(t, refuse(1, 503, map[string][]string{"Retry-After": {"60"}}, testserver.Sink), func(w *world) {
			defer wsclient.SetWallClock(func(now time.Time) time.Time {
				if now.Sub(w.start) > 12*time.Second {
					return now.Round(0).Add(c.lid)
				}
				return now.Round(0)
			})()
			cl := w.open(wsclient.Options{Reconnect: steady, OnOpen: func(*wsclient.Conn) { w.note("%v", w.elapsed().Round(time.Second)) }})
			w.at(2 * time.Minute)
			if got := w.noted(); len(got) != 1 || got[0] != c.open.String() {
				t.Errorf("%s: open at %q, want %v", name, got, c.open)
			}
			cl.Close()
			<-cl.Done()
		})
	}
}

func TestTimeoutErrorSaysThatBytesDidNotCount(t *testing.T) {
	bubble(t, server(testserver.Sessions(zombie, testserver.Sink)), func(w *world) {
		o := wsclient.Options{Reconnect: steady, Heartbeat: strictly, OnMessage: func(wsclient.Message) {}}
		o.OnError = func(err error) {
			if e, ok := errors.AsType[*heartbeat.TimeoutError](err); ok {
				w.note("%v %v %v", e.Answers, e.Silence, e.Waited)
			}
		}
		w.dial(o)
		w.at(16 * time.Second)
		w.expect("true 15s 5s")
	})
}
