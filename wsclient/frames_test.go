package wsclient_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

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
