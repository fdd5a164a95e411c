package wsclient_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// A wiretap notes the masking keys of what leaves.
type wiretap struct {
	net.Conn
	mu   sync.Mutex
	sent []byte
}

func (c *wiretap) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.mu.Lock()
	c.sent = append(c.sent, p[:n]...)
	c.mu.Unlock()
	return n, err
}

// keys are those of the small frames that left, whole or not.
func (c *wiretap) keys() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, rest, _ := bytes.Cut(c.sent, []byte("\r\n\r\n"))
	for len(rest) >= 6 {
		all = append(all, string(rest[2:6]))
		rest = rest[min(len(rest), 6+int(rest[1]&0x7f)):]
	}
	return all
}

// TestWhatWasOnTheWireGetsAnotherMask (RFC 6455 5.3), whether it was cut or goes
// again.
func TestWhatWasOnTheWireGetsAnotherMask(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(time.Second)
		p.RST()
	}, rec.Serve)), func(w *world) {
		w.net.Buffer = 104 // six frames, and of the seventh the header
		var taps []*wiretap
		c := w.dial(wsclient.Options{
			Reconnect: steady, Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce},
			NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				nc, err := w.net.DialContext(ctx, network, addr)
				taps = append(taps, &wiretap{Conn: nc})
				return taps[len(taps)-1], err
			},
		})
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprintf("message %02d", i))
		}
		w.send(c, want...)
		w.flush(c)
		if got := texts(rec); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q came", got)
		}
		seen := map[string]bool{}
		first, second := taps[0].keys(), taps[1].keys()
		for _, key := range append(first, second...) {
			if seen[key] {
				t.Errorf("the key %x comes twice", key)
			}
			seen[key] = true
		}
		if len(first) != 7 || len(second) < 20 {
			t.Errorf("%d frames left, then %d", len(first), len(second))
		}
	})
}

// TestRunsComeApart: whatever happens to small messages that wait together happens
// to the message that it is about.
func TestRunsComeApart(t *testing.T) {
	for name, test := range map[string]struct {
		o    wsclient.QueueOptions
		want string
	}{
		"the oldest are dropped one by one": {wsclient.QueueOptions{MaxMessages: 3, Overflow: wsclient.OverflowDropOldest}, "[c d e]"},
		"as many as it takes":               {wsclient.QueueOptions{MaxBytes: 4, Overflow: wsclient.OverflowDropOldest}, "[b c d e]"},
		"the newest are dropped":            {wsclient.QueueOptions{MaxMessages: 2, Overflow: wsclient.OverflowDropNewest}, "[a b]"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			bubble(t, server(rec.Serve), func(w *world) {
				c := w.open(w.tracing(w.later(time.Second, wsclient.Options{Queue: test.o})))
				w.send(c, "a", "b", "c", "d", "e")
				w.at(2 * time.Second)
				if got := fmt.Sprint(texts(rec)); got != test.want {
					t.Errorf("%s came, want %s", got, test.want)
				}
				if n := c.Stats(); n.MessagesOut+n.Drops.Overflow != 5 || int(n.Drops.Overflow) != len(w.noted()) {
					t.Errorf("%d out, %d dropped, %q", n.MessagesOut, n.Drops.Overflow, w.noted())
				}
			})
		})
	}
}

// TestFragmentsAmongWholeMessages of one read: those that Reply takes are gone, and the
// others come once, in order.
func TestFragmentsAmongWholeMessages(t *testing.T) {
	part := func(fin bool, op ws.OpCode, s string) testserver.Frame {
		return testserver.Frame{Fin: fin, Op: op, Payload: []byte(s)}
	}
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(
			testserver.TextFrame("a"),
			part(false, ws.OpText, "be"), testserver.PingFrame(nil), part(true, ws.OpContinuation, "at"),
			testserver.TextFrame("b"),
			part(false, ws.OpBinary, "c1"), part(true, ws.OpContinuation, "c2"),
			testserver.BinaryFrame([]byte("d")), testserver.TextFrame("beat"), testserver.TextFrame("e"),
		)
		testserver.Sink(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Policy{Reply: func(_ bool, data []byte) ([]byte, bool) {
			return nil, string(data) == "beat"
		}}})
		for range 5 {
			m := w.receive(c)
			w.note("%s %v", m.Data, m.Type)
		}
		w.expect("a text", "b text", "c1c2 binary", "d binary", "e text")
		if s := c.Stats(); s.InboxMessages != 0 || s.InboxBytes != 0 {
			t.Errorf("%d messages, %d bytes are left", s.InboxMessages, s.InboxBytes)
		}
	})
}

// TestReceiveGetsWhatWasSent: whole, in fragments, among pings and what is hidden,
// however the network cuts it.
func TestReceiveGetsWhatWasSent(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		var want []string
		var frames []testserver.Frame
		for i := range 400 {
			size := rnd.IntN(200)
			if rnd.IntN(20) == 0 {
				size = rnd.IntN(70_000)
			}
			p := []byte(fmt.Sprintf("%-*d", size, i))
			if rnd.IntN(6) == 0 {
				p[0] = 'h'
			} else {
				want = append(want, string(p))
			}
			op, parts := ws.OpBinary, 1
			if rnd.IntN(5) == 0 {
				parts = 2 + rnd.IntN(3)
			}
			for n := range parts {
				cut := len(p) * (n + 1) / parts
				from := len(p) * n / parts
				frames = append(frames, testserver.Frame{Fin: n == parts-1, Op: op, Payload: p[from:cut]})
				op = ws.OpContinuation
				if rnd.IntN(10) == 0 {
					frames = append(frames, testserver.PingFrame(nil))
				}
			}
		}
		all := testserver.Encode(frames...)
		bubble(t, server(func(p *testserver.Peer) {
			for len(all) > 0 {
				n := min(len(all), 1+rnd.IntN(40_000))
				p.WriteRaw(all[:n])
				all = all[n:]
				<-time.After(time.Millisecond)
			}
			testserver.Sink(p)
		}), func(w *world) {
			c := w.dial(wsclient.Options{Heartbeat: heartbeat.Policy{Reply: func(_ bool, data []byte) ([]byte, bool) {
				return nil, data[0] == 'h'
			}}})
			for i, s := range want {
				if m := w.receive(c); string(m.Data) != s {
					t.Fatalf("seed %d: message %d is %.20q of %d bytes, want %.20q of %d", seed, i, m.Data, len(m.Data), s, len(s))
				}
			}
		})
	}
}
