package wsclient_test

import (
	"context"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// drying is a feed that sends data each second until it dries up. Its link lives: it
// answers pings, and beats.
func drying(after time.Duration) testserver.Handler {
	return func(p *testserver.Peer) {
		go testserver.Sink(p)
		for range int(after / time.Second) {
			<-time.After(time.Second)
			p.WriteText("data")
		}
		for p.WriteText("beat") == nil {
			<-time.After(time.Second)
		}
	}
}

// hideBeats is a heartbeat whose beats are not for the user.
var hideBeats = heartbeat.Policy{Reply: func(_ bool, data []byte) ([]byte, bool) { return nil, string(data) == "beat" }}

// stale returns options that note when the data was stale, and for how long.
func (w *world) stale() wsclient.Options {
	return wsclient.Options{
		Heartbeat: hideBeats, StaleAfter: 80 * time.Second, Reconnect: steady,
		OnMessage: func(wsclient.Message) {},
		OnError:   func(err error) { w.note("%v: %v", w.elapsed(), as[*heartbeat.StaleError](w, err).Silence) },
	}
}

func TestStaleDataOnALivingLinkIsReported(t *testing.T) {
	bubble(t, server(drying(10*time.Second)), func(w *world) {
		o := w.stale()
		o.Trace = &wsclient.Trace{Stale: func(d time.Duration) { w.note("trace %v", d) }}
		c := w.dial(o)
		w.at(90*time.Second - 1)
		w.expect()
		w.at(10 * time.Minute)
		w.expect("trace 1m20s", "1m30s: 1m20s")
		if s := c.Stats(); s.Session != 1 || c.ReadyState() != wsclient.Open {
			t.Errorf("session %d, %v: only a report was asked for", s.Session, c.ReadyState())
		}
	})
}

func TestStaleDataEndsTheConnectionIfTold(t *testing.T) {
	bubble(t, server(testserver.Sessions(drying(10*time.Second), testserver.Sink)), func(w *world) {
		o := w.stale()
		o.StaleReconnect = true
		o.Trace = &wsclient.Trace{Stale: func(d time.Duration) { w.note("%v: %v", w.elapsed(), d) }}
		o.OnError = func(err error) { w.note("%v", as[*heartbeat.StaleError](w, err).Silence) }
		o.OnClose = func(e wsclient.CloseEvent) {
			w.note("session %d: %d, clean %v, again in %v", e.Session, e.Code, e.WasClean, e.Wait)
		}
		c := w.dial(o)
		w.at(2 * time.Minute)
		w.expect("1m30s: 1m20s", "1m20s", "session 1: 1000, clean true, again in 0s")
		if n := c.Stats().Session; n != 2 {
			t.Errorf("session %d", n)
		}
	})
}

func TestWhatIsNoData(t *testing.T) {
	for name, c := range map[string]struct {
		p     heartbeat.Policy
		stale bool
	}{
		"pongs, and beats that are hidden":      {hideBeats, true},
		"what Reply takes, visible or not":      {heartbeat.Policy{Reply: hideBeats.Reply, Visible: true}, true},
		"what Expect waits for":                 {heartbeat.Policy{Probe: heartbeat.Expect(func(_ bool, data []byte) bool { return string(data) == "beat" })}, true},
		"the answers to probes":                 {heartbeat.Policy{Interval: time.Second / 2, Fixed: true, Probe: heartbeat.Text("ping", "beat")}, true},
		"but what the heartbeat does not know":  {heartbeat.Policy{}, false},
		"and all that comes under no heartbeat": {heartbeat.Off, false},
	} {
		bubble(t, server(drying(0)), func(w *world) {
			o := w.stale()
			o.Heartbeat = c.p
			w.dial(o)
			w.at(85 * time.Second)
			if got := w.noted(); (len(got) == 1 && got[0] == "1m20s: 1m20s") != c.stale {
				t.Errorf("%s: stale at %q", name, got)
			}
		})
	}
}

func TestStaleDataUnderNoHeartbeat(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		o := w.stale()
		o.Heartbeat = heartbeat.Off
		w.dial(o)
		w.at(81 * time.Second)
		w.expect("1m20s: 1m20s")
	})
}

func TestQuietHoursAreNotStale(t *testing.T) {
	bubble(t, server(drying(10*time.Second)), func(w *world) {
		o := w.stale()
		o.StaleQuiet = func(now time.Time) bool { // from 1 to 10 minutes
			d := now.Sub(w.start)
			return d >= time.Minute && d < 10*time.Minute
		}
		w.dial(o)
		w.at(10*time.Minute + 80*time.Second - 1)
		w.expect()
		w.at(10*time.Minute + 90*time.Second)
		w.expect("11m20s: 1m20s")
	})
}

func TestOnConnectIsNotStale(t *testing.T) {
	bubble(t, server(drying(0)), func(w *world) {
		o := w.stale()
		o.ConnectTimeout = time.Hour
		o.OnConnect = func(context.Context, *wsclient.Conn) error { <-time.After(2 * time.Minute); return nil }
		w.open(o)
		w.at(200*time.Second - 1)
		w.expect()
		w.at(200 * time.Second)
		w.expect("3m20s: 1m20s")
	})
}

func TestDataThatNobodyReadsIsNotStale(t *testing.T) {
	two := func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("one"), testserver.TextFrame("two"))
		testserver.Sink(p)
	}
	bubble(t, server(two), func(w *world) {
		o := w.stale()
		o.OnMessage = func(wsclient.Message) { <-time.After(100 * time.Second) }
		w.dial(o)
		w.at(280*time.Second - 1) // 200 s of them in OnMessage
		w.expect()
		w.at(280 * time.Second)
		w.expect("4m40s: 1m20s")
	})
	bubble(t, server(two), func(w *world) {
		o := w.stale()
		o.OnMessage, o.Inbox.MaxMessages = nil, 2
		c := w.dial(o)
		w.at(200 * time.Second) // of a full inbox
		w.receive(c)
		w.at(280*time.Second - 1)
		w.expect()
		w.at(280 * time.Second)
		w.expect("4m40s: 1m20s")
	})
}
