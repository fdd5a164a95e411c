package wsclient_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// A tape is a peer that notes what comes, and when.
type tape struct {
	answers string // the message that gets an answer

	mu     sync.Mutex
	start  time.Time
	frames []string
	times  []time.Time
}

func (r *tape) serve(p *testserver.Peer) {
	p.ManualControl = true
	for {
		op, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		r.mu.Lock()
		if r.start.IsZero() {
			r.start = now
		}
		text := string(data)
		switch op {
		case ws.OpPing:
			text = "ping"
		case ws.OpPong:
			text = "pong"
		case ws.OpClose:
			text = "close"
		}
		r.frames = append(r.frames, fmt.Sprintf("%s@%v", text, now.Sub(r.start)))
		r.times = append(r.times, now)
		r.mu.Unlock()
		switch op {
		case ws.OpPing:
			_ = p.Pong(data)
		case ws.OpClose:
			_ = p.SendClose(1000, "")
			return
		case ws.OpText:
			if text == r.answers {
				_ = p.WriteText("ok")
			}
		}
	}
}

func (r *tape) heard() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.frames, " ")
}

// most is how many frames came within a second at most.
func (r *tape) most() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := 0
	for i, at := range r.times {
		for at.Sub(r.times[first]) >= time.Second {
			first++
		}
		n = max(n, i-first+1)
	}
	return n
}

func upTo(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestRateOfMessages(t *testing.T) {
	var r tape
	bubble(t, server(r.serve), func(w *world) {
		c := w.dial(wsclient.Options{Rate: wsclient.Rate{Messages: 3}, Heartbeat: heartbeat.Off})
		w.send(c, upTo(8)...)
		w.at(1500 * time.Millisecond)
		if s := c.Stats(); s.Throttled != 1500*time.Millisecond || s.BufferedAmount != 2 {
			t.Errorf("throttled for %v, %d bytes wait", s.Throttled, s.BufferedAmount)
		}
		w.at(time.Minute)
		if got := r.heard(); got != "0@0s 1@0s 2@0s 3@1s 4@1s 5@1s 6@2s 7@2s" {
			t.Error(got)
		}
		if s := c.Stats(); s.Throttled != 2*time.Second {
			t.Errorf("throttled for %v, want 2 s", s.Throttled)
		}
	})
}

func TestRateHoldsForWhatOnConnectSends(t *testing.T) {
	r := tape{answers: "b"}
	bubble(t, server(r.serve), func(w *world) {
		w.dial(wsclient.Options{Rate: wsclient.Rate{Messages: 2, Per: time.Minute}, Heartbeat: heartbeat.Off, ConnectTimeout: time.Hour,
			OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
				for _, s := range []string{"login", "a", "b"} {
					if err := conn.Send(ctx, wsclient.Text(s)); err != nil {
						return err
					}
				}
				_, err := conn.Receive(ctx) // what is held up must go on while OnConnect still runs
				return err
			}})
		w.at(3 * time.Minute)
		if got := r.heard(); got != "login@0s a@0s b@1m0s" {
			t.Error(got)
		}
	})
}

// Binance: 5 frames a second, of which pongs and pings are some.
func TestRateOfAllFrames(t *testing.T) {
	var r tape
	bubble(t, server(func(p *testserver.Peer) {
		go func() {
			for range 20 {
				if <-time.After(700 * time.Millisecond); p.Ping(nil) != nil {
					return
				}
			}
		}()
		r.serve(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{Rate: wsclient.Rate{Messages: 5, Control: true}})
		w.send(c, upTo(60)...)
		w.at(time.Minute)
		heard := r.heard()
		if n := r.most(); n != 5 {
			t.Errorf("%d frames within a second, want 5: %s", n, heard)
		}
		if n := strings.Count(heard, "pong"); n != 20 {
			t.Errorf("%d of 20 pings were answered", n)
		}
		if !strings.Contains(heard, " 59@") {
			t.Errorf("messages are still held up after a minute: %s", heard)
		}
	})
}

// TestRateKeepsAPlaceForALearntHeartbeat, which OnConnect has set.
func TestRateKeepsAPlaceForALearntHeartbeat(t *testing.T) {
	var r tape
	bubble(t, server(r.serve), func(w *world) {
		c := w.dial(wsclient.Options{
			Rate:      wsclient.Rate{Messages: 2, Per: time.Minute},
			Heartbeat: heartbeat.Off,
			OnConnect: func(_ context.Context, conn *wsclient.Conn) error {
				return conn.SetHeartbeat(heartbeat.Policy{Interval: 20 * time.Second, Timeout: time.Hour, Probe: heartbeat.Text("beat", "")})
			},
		})
		w.send(c, upTo(3)...)
		w.at(59 * time.Second)
		if got := r.heard(); got != "0@0s beat@20s" {
			t.Error(got)
		}
	})
}

func TestRateKeepsAPlaceForTheHeartbeat(t *testing.T) {
	var r tape
	bubble(t, server(r.serve), func(w *world) {
		c := w.dial(wsclient.Options{
			Rate:      wsclient.Rate{Messages: 2, Per: 20 * time.Second, Control: true},
			Heartbeat: heartbeat.Policy{Interval: 15 * time.Second, Timeout: 5 * time.Second},
		})
		w.send(c, upTo(10)...)
		w.at(2 * time.Minute)
		heard := r.heard()
		if s := c.Stats(); s.Session != 1 || !strings.HasPrefix(heard, "0@0s ping@0s ping@20s 1@20s ping@40s 2@40s ") {
			t.Errorf("session %d: %s", s.Session, heard)
		}
	})
}

func TestRateHoldsUpNoClose(t *testing.T) {
	var r tape
	bubble(t, server(r.serve), func(w *world) {
		c := w.dial(wsclient.Options{Rate: wsclient.Rate{Messages: 2, Per: time.Hour}, Heartbeat: heartbeat.Off})
		w.at(10 * time.Second)
		w.send(c, upTo(5)...)
		c.Reconnect("rotate")
		synctest.Wait()
		if got := r.heard(); got != "0@0s 1@0s close@0s 2@0s 3@0s" {
			t.Errorf("%s; want the Close at once, and the next two on the next connection, which has a rate of its own", got)
		}
	})
}

func TestShutdownDrainsWithinTheRate(t *testing.T) {
	var r tape
	bubble(t, server(r.serve), func(w *world) {
		c := w.dial(wsclient.Options{Rate: wsclient.Rate{Messages: 1}, Heartbeat: heartbeat.Off})
		w.send(c, upTo(3)...)
		if err := c.Shutdown(w.ctx); err != nil {
			t.Error(err)
		}
		heard := slices.DeleteFunc(strings.Fields(r.heard()), func(s string) bool { return strings.HasPrefix(s, "ping") })
		if !slices.Equal(heard, []string{"0@0s", "1@1s", "2@2s", "close@2s"}) {
			t.Errorf("%q", heard)
		}
	})
}

func TestRatesThatMakeNoSense(t *testing.T) {
	for option, r := range map[string]wsclient.Rate{
		"Rate.Messages": {Messages: -1},
		"Rate.Per":      {Messages: 1, Per: -1},
	} {
		_, err := wsclient.New("ws://e.com", &wsclient.Options{Rate: r})
		if got := as[*wsclient.OptionError](t, err); got.Option != option {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, r := range []wsclient.Rate{{Per: time.Second}, {Control: true}} {
		_, err := wsclient.New("ws://e.com", &wsclient.Options{Rate: r})
		if got := as[*wsclient.OptionError](t, err); got.Option != "Rate.Messages" {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
