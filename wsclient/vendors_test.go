package wsclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// vendors are the presets of package heartbeat and how they fare with their vendor's
// server, which is as internal/testserver has it. It falls silent at 100.5 s.
var vendors = map[string]struct {
	policy heartbeat.Policy // of Discord, by its sequence number
	greets bool             // it says first what OnConnect sets the heartbeat by
	shown  int              // of its beats, what the user gets in 100 s
	death  time.Duration    // when the client knows that it is dead
	rtt    bool
}{
	"Binance":            {policy: heartbeat.Binance(), death: 130 * time.Second},
	"KrakenV2":           {policy: heartbeat.KrakenV2(), death: 125 * time.Second, rtt: false},
	"CoinbaseHeartbeats": {policy: heartbeat.CoinbaseHeartbeats(), shown: 100, death: 110 * time.Second},
	"OKX":                {policy: heartbeat.OKX(), death: 120 * time.Second, rtt: true},
	"Bybit":              {policy: heartbeat.Bybit(), death: 130 * time.Second, rtt: true},
	"Deribit":            {policy: heartbeat.Deribit(10 * time.Second), death: 120 * time.Second},
	"Discord":            {greets: true, shown: 2, death: 144375 * time.Millisecond, rtt: true},
	"Slack":              {policy: heartbeat.Slack(), death: 130 * time.Second},
	"TwitchEventSub":     {policy: heartbeat.TwitchEventSub(10 * time.Second), greets: true, death: 120 * time.Second},
	"Kubernetes":         {policy: heartbeat.Kubernetes(), death: 161 * time.Second, rtt: true},
	"Phoenix":            {policy: heartbeat.Phoenix(), death: 130 * time.Second, rtt: true},
	"GraphQLTransportWS": {policy: heartbeat.GraphQLTransportWS(), death: 120 * time.Second, rtt: true},
	"SignalR":            {policy: heartbeat.SignalR(), death: 120 * time.Second},
	"EngineIO":           {policy: heartbeat.EngineIO(25*time.Second, 20*time.Second), greets: true, death: 145 * time.Second},
	"Centrifugo":         {policy: heartbeat.Centrifugo(25*time.Second, true), greets: true, shown: 4, death: 135 * time.Second},
	"MQTT":               {policy: heartbeat.MQTT(60 * time.Second), death: 130 * time.Second, rtt: true},
	"STOMP":              {policy: heartbeat.STOMP(10*time.Second, 10*time.Second), greets: true, death: 130 * time.Second},
}

// vend dials the vendor's server with its preset, and notes each loss.
func vend(w *world, name string, received *atomic.Int64) *wsclient.Client {
	v := vendors[name]
	o := w.lossAt()
	seq := &atomic.Int64{}
	if name == "Discord" {
		v.policy = heartbeat.Discord(41250*time.Millisecond, func() (int64, bool) { return seq.Load(), seq.Load() > 0 })
	}
	o.OnMessage = func(m wsclient.Message) {
		var event struct{ S int64 }
		if json.Unmarshal(m.Data, &event); event.S > 0 {
			seq.Store(event.S)
		}
		received.Add(1)
	}
	if v.greets {
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			seq.Store(0)
			if _, err := conn.Receive(ctx); err != nil {
				return err
			}
			return conn.SetHeartbeat(v.policy)
		}
	} else {
		o.Heartbeat = v.policy
	}
	return w.dial(o)
}

func TestEachVendorIsTested(t *testing.T) {
	if a, b := slices.Sorted(maps.Keys(vendors)), slices.Sorted(maps.Keys(testserver.Vendors)); !slices.Equal(a, b) {
		t.Errorf("here %q\nthere %q", a, b)
	}
}

func TestVendorsStayConnected(t *testing.T) {
	defer wsclient.SetJitter(0.5)()
	for name := range vendors {
		for busy, chatter := range map[string]time.Duration{"silent": 0, "busy": time.Second} {
			t.Run(name+", "+busy, func(t *testing.T) {
				bubble(t, server(testserver.Vendors[name](chatter)), func(w *world) {
					var received atomic.Int64
					c := vend(w, name, &received)
					w.at(12 * time.Minute)
					w.expect()
					if v := w.srv.Violations(); c.Stats().Session != 1 || len(v) > 0 {
						t.Errorf("session %d; the server saw %q", c.Stats().Session, v)
					}
				})
			})
		}
	}
}

func TestVendorsDieOnTime(t *testing.T) {
	defer wsclient.SetJitter(0.5)()
	for name, v := range vendors {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sessions(testserver.Vendors[name](0), testserver.Sink)), func(w *world) {
				var received atomic.Int64
				vend(w, name, &received)
				w.at(100500 * time.Millisecond)
				if n := received.Load(); n != int64(v.shown) {
					t.Errorf("the user got %d messages, want %d", n, v.shown)
				}
				w.srv.FreezeAll()
				w.at(v.death - 1)
				w.expect()
				w.at(v.death)
				w.expect(v.death.String())
			})
		})
	}
}

func TestVendorsRoundTripsAreMeasured(t *testing.T) {
	defer wsclient.SetJitter(0.5)()
	for name, v := range vendors {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Vendors[name](0)), func(w *world) {
				w.net.Latency = 30 * time.Millisecond
				var received atomic.Int64
				c := vend(w, name, &received)
				w.at(2 * time.Minute)
				want := time.Duration(0)
				if v.rtt {
					want = 60 * time.Millisecond
				}
				if s := c.Stats(); s.RTT != want || s.RTTSmoothed != want {
					t.Errorf("RTT %v, smoothed %v, want %v", s.RTT, s.RTTSmoothed, want)
				}
			})
		})
	}
}

// These vendors look: the tests above prove something.
func TestVendorsHangUpOverAWrongBeat(t *testing.T) {
	for name, p := range map[string]heartbeat.Policy{
		"Discord":        heartbeat.Discord(time.Second, func() (int64, bool) { return 9, true }),
		"TwitchEventSub": {Interval: time.Second},
		"EngineIO":       {Probe: heartbeat.Passive, Interval: time.Minute},
		"OKX":            {Interval: 20 * time.Second},
	} {
		bubble(t, server(testserver.Vendors[name](0)), func(w *world) {
			c := w.open(wsclient.Options{Heartbeat: p, Reconnect: reconnect.Never})
			w.done(c)
			if _, timeout := errors.AsType[*heartbeat.TimeoutError](c.Err()); timeout || w.elapsed() > time.Minute {
				w.Errorf("%s: %v, at %v", name, c.Err(), w.elapsed())
			}
		})
	}
}
