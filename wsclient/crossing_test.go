package wsclient_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestPeersOwnCloseIsNoAnswer: both say 1000 at the same time, and the peer reads
// nothing any more. Its Close looks like the answer to ours, and is none.
func TestPeersOwnCloseIsNoAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		o    wsclient.SendOptions
		want string // what comes over the second connection
		lost int
	}{
		"what goes again goes again": {again, "a", 0},
		"the rest is reported":       {once, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			bubble(t, server(testserver.Sessions(func(p *testserver.Peer) {
				<-time.After(time.Second)
				p.SendClose(1000, "")
				<-time.After(time.Second)
			}, rec.Serve)), func(w *world) {
				w.net.Latency = 10 * time.Millisecond
				lost := 0
				c := w.dial(wsclient.Options{Reconnect: steady, OnError: func(err error) {
					if u, ok := err.(*wsclient.UnconfirmedError); ok {
						lost += u.Messages
					}
				}})
				w.at(time.Second)
				w.with(c, test.o, "a")
				c.Reconnect("")
				w.at(5 * time.Second)
				if got := strings.Join(texts(rec), " "); got != test.want || lost != test.lost {
					t.Errorf("%q came over the second connection, %d messages were reported; want %q and %d", got, lost, test.want, test.lost)
				}
			})
		})
	}
}

// TestPongBeforeTheAnswerToOurClose confirms what had just left; where nobody is to
// be pinged the answer itself does.
func TestPongBeforeTheAnswerToOurClose(t *testing.T) {
	for name, policy := range map[string]heartbeat.Policy{"pings": {}, "Off": heartbeat.Off, "Passive": {Probe: heartbeat.Passive}} {
		t.Run(name, func(t *testing.T) {
			log := &frameLog{}
			bubble(t, server(testserver.Sessions(log.peer(nil), silence)), func(w *world) {
				w.net.Latency = 10 * time.Millisecond
				c := w.dial(w.lost(wsclient.Options{Reconnect: steady, Heartbeat: policy}))
				w.at(time.Second)
				w.with(c, once, "a")
				w.at(1100 * time.Millisecond) // a barrier would not be due so soon
				w.with(c, once, "b")
				c.Reconnect("")
				w.at(2 * time.Second)
				w.expect()
				want := "a b"
				if name == "pings" {
					want = "a ping b ping"
				}
				if got := log.texts(); got != want {
					t.Errorf("the peer got %q before our Close, want %q", got, want)
				}
			})
		})
	}
}

// TestAckDuringTheClosingHandshake: the peer acknowledges what it has read, then
// answers our Close.
func TestAckDuringTheClosingHandshake(t *testing.T) {
	bubble(t, server(testserver.Sessions(func(p *testserver.Peer) {
		p.ManualControl = true
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 8 {
				p.WriteText("ok 1")
				p.SendClose(1000, "")
				return
			}
		}
	}, silence)), func(w *world) {
		c := w.dial(w.lost(wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{Ack: ackOK}}))
		w.with(c, id("1", once), "acknowledged")
		w.with(c, id("2", once), "not so")
		c.Reconnect("")
		w.at(time.Second)
		w.expect("session 1 lost 1 (6)") // "not so"
	})
}

// TestSmallMessageDoesNotOvertakeAPriority that has no room left in a write.
func TestSmallMessageDoesNotOvertakeAPriority(t *testing.T) {
	log := &frameLog{}
	bubble(t, server(log.peer(nil)), func(w *world) {
		c := w.open(w.later(time.Second, wsclient.Options{Heartbeat: heartbeat.Off}))
		w.with(c, wsclient.SendOptions{}, "data")
		first := wsclient.SendOptions{Priority: true}
		w.with(c, first, strings.Repeat("1", 40<<10), strings.Repeat("2", 40<<10))
		w.at(2 * time.Second)
		var got []string
		for _, s := range strings.Fields(log.texts()) {
			got = append(got, s[:1])
		}
		if fmt.Sprint(got) != "[1 2 d]" {
			t.Errorf("they left as %v", got)
		}
	})
}

// A slowConn takes its time for each write.
type slowConn struct{ net.Conn }

func (c slowConn) Write(p []byte) (int, error) {
	<-time.After(time.Millisecond)
	return c.Conn.Write(p)
}

// TestPingsDoNotHoldUpALargeMessage: at the end of each write a pong is owed, and a
// message that is larger than any write goes all the same.
func TestPingsDoNotHoldUpALargeMessage(t *testing.T) {
	var came time.Duration
	bubble(t, server(func(p *testserver.Peer) {
		begin, stop := time.Now(), make(chan struct{})
		defer close(stop)
		go func() {
			for p.Ping([]byte("!")) == nil {
				select {
				case <-time.After(100 * time.Microsecond):
				case <-stop:
					return
				}
			}
		}()
		if _, _, err := p.ReadMessage(); err == nil {
			came = time.Since(begin)
		}
	}), func(w *world) {
		o := wsclient.Options{Heartbeat: heartbeat.Off, NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := w.net.DialContext(ctx, network, addr)
			return slowConn{nc}, err
		}}
		c := w.dial(o)
		w.at(100 * time.Millisecond)
		w.send(c, strings.Repeat("x", 600<<10))
		w.at(time.Second)
		if came == 0 || came > 200*time.Millisecond {
			t.Errorf("it came after %v", came)
		}
	})
}

// TestCloseGoesBehindALargeMessage that was accepted before Reconnect, though one of
// another lane came after it.
func TestCloseGoesBehindALargeMessage(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(300 * time.Millisecond)
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 8 {
				p.Close(1000, "")
				return
			}
		}
	}), func(w *world) {
		w.net.Buffer = 1000
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off, Reconnect: steady,
			OnClose: func(e wsclient.CloseEvent) { w.note("closed at %v, clean %v", w.elapsed(), e.WasClean) }})
		w.send(c, strings.Repeat("x", 2000)) // the writer waits
		w.at(50 * time.Millisecond)
		w.send(c, strings.Repeat("y", 200<<10))
		c.Reconnect("test")
		w.at(100 * time.Millisecond)
		w.with(c, wsclient.SendOptions{Priority: true}, "later")
		w.at(500 * time.Millisecond)
		if got := strings.Join(w.noted(), "; "); !strings.HasPrefix(got, "closed at 300ms, clean true") {
			t.Errorf("after 500ms: %q", got)
		}
	})
}
