package wsclient_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// lazy reads nothing until a time; then it inflates, notes the texts, and answers
// pings.
func lazy(t *testing.T, until time.Duration, got *[]string) testserver.Handler {
	return func(p *testserver.Peer) {
		<-time.After(until)
		var inflate tapInflater
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			switch f.Op {
			case 1:
				data, err := inflate.bytes(f.Rsv, f.Payload)
				if err != nil {
					t.Errorf("it does not inflate: %v", err)
				}
				*got = append(*got, strings.TrimRight(string(data), "."))
			case 9:
				p.Pong(f.Payload)
			}
		}
	}
}

// TestExpiredIsRecalled: A, B, C, D and E are in one write, of which the kernel takes
// A and a part of B. B and D expire. B is begun and goes; D does not, and what is
// behind it stays in its place.
func TestExpiredIsRecalled(t *testing.T) {
	pad := func(s string) string { return s + strings.Repeat(".", 600-len(s)) }
	for name, test := range map[string]struct {
		o    wsclient.Options
		then func(w *world, c *wsclient.Client) // while they wait, before D expires
		want string
	}{
		"alone":           {wsclient.Options{Heartbeat: heartbeat.Off}, nil, "A B C E"},
		"among pings":     {wsclient.Options{Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}}, nil, "A B C E"},
		"compressed":      {wsclient.Options{Compression: wsclient.CompressionContext}, nil, "A B C E"},
		"one at a time":   {wsclient.Options{Rate: wsclient.Rate{Messages: 5, Per: 90 * time.Second}}, nil, "A B C E"},
		"no time to wait": {wsclient.Options{WriteTimeout: -1}, nil, "A B C E"},
		"a newer E takes its place": {wsclient.Options{}, func(w *world, c *wsclient.Client) {
			w.with(c, wsclient.SendOptions{Key: "e"}, "E2")
		}, "A B C E2"},
		"what is of Priority goes before what comes back": {wsclient.Options{}, func(w *world, c *wsclient.Client) {
			w.with(c, wsclient.SendOptions{Priority: true}, "P")
		}, "A B C P E"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			srv := server(lazy(t, 5*time.Second, &got))
			if test.o.Compression != wsclient.CompressionOff {
				srv.OnUpgrade = func(int, *http.Request) *testserver.Answer {
					return &testserver.Answer{Extensions: "permessage-deflate"}
				}
			}
			bubble(t, srv, func(w *world) {
				w.net.Buffer = 900
				if test.o.Compression != wsclient.CompressionOff {
					w.net.Buffer = 40
				}
				c := w.open(w.tracing(w.later(time.Second, test.o)))
				mortal := wsclient.SendOptions{Expires: w.start.Add(2 * time.Second)}
				w.with(c, wsclient.SendOptions{}, pad("A"))
				w.with(c, mortal, pad("B"))
				w.with(c, wsclient.SendOptions{}, pad("C"))
				w.with(c, mortal, pad("D"))
				w.with(c, wsclient.SendOptions{Key: "e"}, pad("E"))
				w.at(1500 * time.Millisecond)
				if test.then != nil {
					test.then(w, c)
				}
				w.at(3 * time.Second)
				if !slices.Contains(w.noted(), "expired "+pad("D")+" at 2.000000001s") {
					t.Errorf("dropped: %q", w.noted())
				}
				w.flushed(c)
				if strings.Join(got, " ") != test.want || w.elapsed() > 6*time.Second {
					t.Errorf("%q came until %v, want %q", got, w.elapsed(), test.want)
				}
				if d := c.Stats().Drops; d.Expired != 1 || c.BufferedAmount() != 0 {
					t.Errorf("%+v, %d buffered", d, c.BufferedAmount())
				}
			})
		})
	}
}

// TestRecallsDoNotStretchWriteTimeout: each message that expires ends a wait, and
// none begins anew for it.
func TestRecallsDoNotStretchWriteTimeout(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) { <-p.Done() }), func(w *world) {
		w.net.Buffer = 500
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off, WriteTimeout: time.Second, OnClose: func(wsclient.CloseEvent) { w.note("closed at %v", w.elapsed()) }})
		w.send(c, strings.Repeat("x", 492)) // it fills the buffer with its header
		synctest.Wait()
		for i := range 40 {
			w.with(c, wsclient.SendOptions{Expires: w.start.Add(time.Duration(i+1) * 100 * time.Millisecond)}, "order")
		}
		w.at(2 * time.Second)
		if events := w.noted(); len(events) == 0 || events[0] != "closed at 1s" {
			t.Errorf("%q", events)
		}
	})
}

// TestExpiredIsRecalledFromTheKernelsDoor: over TCP, and TLS, nothing that has
// expired is begun once the peer reads again, save what TLS is writing.
func TestExpiredIsRecalledFromTheKernelsDoor(t *testing.T) {
	const n = 400
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			read, all := make(chan struct{}), make(chan struct{})
			orders := 0
			srv := server(func(p *testserver.Peer) {
				<-read
				for bulk := 0; bulk < n; {
					_, data, err := p.ReadMessage()
					if err != nil {
						t.Error(err)
						break
					}
					if len(data) == 1 {
						orders++
					} else {
						bulk++
					}
				}
				close(all)
				p.ReadMessage() // or the client would come again
			})
			ctx, o := tcp(t, srv, secure)
			var gone atomic.Int64
			first := make(chan struct{})
			o.Trace = &wsclient.Trace{Dropped: func(wsclient.DropReason, wsclient.Message) {
				if gone.Add(1) == 1 {
					close(first)
				}
			}}
			o.Queue.MaxBytes = 64 << 20
			c := dialTCP(t, ctx, srv, o)
			mortal := wsclient.SendOptions{Expires: time.Now().Add(500 * time.Millisecond)}
			accepted := 0
			for range n { // more than the kernel takes
				if err := c.Send(ctx, wsclient.Binary(make([]byte, 30<<10))); err != nil {
					t.Fatal(err)
				}
				if c.SendWith(ctx, wsclient.Text("!"), mortal) == nil { // a slow machine may be too late
					accepted++
				}
			}
			// What the writer has in its hands is dropped with the rest, or, over
			// TLS, when it writes on.
			select {
			case <-first:
			case <-ctx.Done():
				t.Fatal("nothing expires")
			}
			left := int(c.Stats().MessagesOut)
			close(read)
			<-all
			if most := left/2 + 2; orders > most || orders+int(gone.Load()) != accepted {
				t.Errorf("%d messages were out when the first expired; of %d that expire %d came, %d were dropped", left, accepted, orders, gone.Load())
			}
		})
	}
}
