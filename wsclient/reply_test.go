package wsclient_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// challenge replies "3" to "2".
func challenge(text bool, data []byte) ([]byte, bool) {
	return []byte("3"), text && string(data) == "2"
}

func TestReplyGoesAheadOfQueuedMessages(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			p.WriteText("2")
			<-time.After(time.Second) // the client's write fills the buffers meanwhile
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				w.note("%d:%d", f.Op, len(f.Payload))
			}
		}
		w.net.Buffer = 1 << 10
		c := w.open(wsclient.Options{Heartbeat: heartbeat.Policy{Interval: -1, Reply: challenge}, Queue: wsclient.QueueOptions{MaxBytes: 1 << 20}})
		for range 4 {
			if err := c.Send(w.ctx, wsclient.Binary(make([]byte, 60<<10))); err != nil {
				t.Fatal(err)
			}
		}
		w.at(2 * time.Second)
		if got := w.noted(); len(got) != 5 || !slices.Contains(got[:2], "1:1") {
			t.Errorf("frames %q: the reply is not ahead of what was queued", got)
		}
	})
}

func TestReplyHidesItsMessage(t *testing.T) {
	reply := func(text bool, data []byte) ([]byte, bool) {
		if string(data) == "beat" {
			return nil, true
		}
		return challenge(text, data)
	}
	for name, c := range map[string]struct {
		visible, callback bool
		want              []string
	}{
		"Receive":             {false, false, []string{"a", "2", "b"}},
		"OnMessage":           {false, true, []string{"a", "2", "b"}},
		"Receive, Visible":    {true, false, []string{"a", "2", "2", "beat", "b"}},
		"OnMessage, Visible ": {true, true, []string{"a", "2", "2", "beat", "b"}},
	} {
		rec := &testserver.Recorder{}
		bubble(t, &testserver.Server{}, func(w *world) {
			w.srv.Handler = func(p *testserver.Peer) {
				p.Write(testserver.TextFrame("a"), testserver.TextFrame("2"), testserver.BinaryFrame([]byte("2")), testserver.TextFrame("beat"), testserver.TextFrame("b"))
				rec.Serve(p)
			}
			o := wsclient.Options{Heartbeat: heartbeat.Policy{Reply: reply, Visible: c.visible}}
			if c.callback {
				o.OnMessage = func(m wsclient.Message) { w.note("%s", m.Data) }
			}
			cl := w.dial(o)
			if !c.callback {
				for range c.want {
					w.note("%s", w.receive(cl).Data)
				}
			}
			w.at(time.Second)
			w.expect(c.want...)
			if got := texts(rec); !slices.Equal(got, []string{"3"}) {
				t.Errorf("%s: the server got %q", name, got)
			}
			if s := cl.Stats(); s.MessagesIn != 5 || s.InboxMessages != 0 {
				t.Errorf("%s: %d messages in, %d left", name, s.MessagesIn, s.InboxMessages)
			}
		})
	}
}

func TestReplyAndProbesDuringOnConnect(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			go func() {
				p.WriteText("2")
				<-time.After(20 * time.Second)
				p.WriteText("welcome")
			}()
			logged(w, p, ponging)
		}
		p := pingPong
		p.Reply = challenge
		c := w.open(wsclient.Options{Heartbeat: p, OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			m, err := conn.Receive(ctx)
			w.note("%v hook: %s", w.elapsed(), m.Data)
			return err
		}})
		w.send(c, "queued")
		w.at(30 * time.Second)
		w.expect("0s 1:3", "15s 1:ping", "20s hook: welcome", "20s 1:queued")
	})
}

// TestChallengesOfAFlood: like pongs, only the latest replies wait.
func TestChallengesOfAFlood(t *testing.T) {
	const flood = 1000
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			<-time.After(time.Second) // the client's write has filled the buffers
			for i := range flood {
				p.WriteText(fmt.Sprint("?", i))
			}
			<-time.After(time.Second) // and it has read all of them
			logged(w, p, voiceless)
		}
		w.net.Buffer = 64 << 10
		c := w.open(wsclient.Options{
			Queue: wsclient.QueueOptions{MaxBytes: 1 << 20},
			Heartbeat: heartbeat.Policy{Interval: -1, Reply: func(_ bool, data []byte) ([]byte, bool) {
				return data, true
			}}})
		c.Send(w.ctx, wsclient.Binary(make([]byte, 512<<10)))
		w.at(3 * time.Second)
		got := w.noted()
		if n := len(got); n > 20 || !strings.HasSuffix(got[n-1], fmt.Sprint("1:?", flood-1)) {
			t.Errorf("%d frames, the last %.20q; want the latest replies only", len(got), got[len(got)-1])
		}
	})
}

func TestReplyOfBadTextIsNotSent(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			p.WriteText("2")
			logged(w, p, voiceless)
		}
		c := w.dial(wsclient.Options{
			Heartbeat: heartbeat.Policy{Interval: -1, Reply: func(bool, []byte) ([]byte, bool) { return []byte{0xff}, true }},
			OnError:   func(err error) { w.note("%v", err) },
		})
		w.at(time.Second)
		if got := w.noted(); len(got) != 1 || !strings.Contains(got[0], "UTF-8") || c.Stats().Session != 1 {
			t.Errorf("events %q", got)
		}
	})
}
