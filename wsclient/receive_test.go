package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/codec"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

func TestOnMessageRulesOutReceive(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.dial(wsclient.Options{OnMessage: func(wsclient.Message) {}})
		_, err := c.Receive(w.ctx)
		as[*wsclient.OptionError](t, err)
		for _, err := range c.Messages(w.ctx) {
			as[*wsclient.OptionError](t, err)
			w.note("yielded")
		}
		w.expect("yielded")
	})
}

func TestReceiveWaitsForItsContext(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.dial(wsclient.Options{})
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) || w.elapsed() != time.Second {
			t.Errorf("%v after %v", err, w.elapsed())
		}
		if c.ReadyState() != wsclient.Open {
			t.Error("a Receive that was given up has closed the connection")
		}
	})
}

func TestEachMessageGoesToOneReceive(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		for i := range 1000 {
			p.WriteText(fmt.Sprint(i))
		}
		testserver.Sink(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				last := -1
				for m, err := range c.Messages(w.ctx) {
					if err != nil {
						t.Error(err)
					}
					var n int
					fmt.Sscan(string(m.Data), &n)
					if n <= last {
						t.Errorf("%d after %d in one goroutine", n, last)
					}
					last = n
					mu.Lock()
					seen[string(m.Data)]++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		c.Close()
		wg.Wait()
		if len(seen) != 1000 {
			t.Errorf("%d different messages, want 1000", len(seen))
		}
	})
}

func TestReceivedDataBelongsToTheCaller(t *testing.T) {
	sizes := make([]int, 300)
	for i := range sizes {
		sizes[i] = []int{0, 1, 100, 3000, 5000, 40_000, 200_000}[rand.IntN(7)]
	}
	fill := func(i, n int) []byte {
		p := make([]byte, n)
		for j := range p {
			p[j] = byte(i + j)
		}
		return p
	}
	srv := server(func(p *testserver.Peer) {
		for i, n := range sizes {
			if i%5 == 0 && n > 2 { // in fragments
				data := fill(i, n)
				p.WriteFrame(false, 0, 2, data[:n/2])
				p.WriteFrame(true, 0, 0, data[n/2:])
				continue
			}
			p.WriteBinary(fill(i, n))
		}
		testserver.Sink(p)
	})
	ctx, o := tcp(t, srv, false)
	o.Inbox.MaxMessages = 20 // and the reader has to wait now and then
	c := dialTCP(t, ctx, srv, o)
	var kept [][]byte
	for range sizes {
		m, err := c.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, m.Data)
		if i := len(kept) - 2; i >= 0 { // writing behind one must not reach the next
			kept[i] = append(kept[i], 0xEE)
		}
	}
	for i, p := range kept {
		for j, b := range p[:sizes[i]] {
			if b != byte(i+j) {
				t.Fatalf("message %d of %d bytes was changed at %d", i, sizes[i], j)
			}
		}
	}
}

func TestFullInboxMakesThePeerWait(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		sent := make(chan int, 1000)
		w.srv.Handler = func(p *testserver.Peer) {
			for i := range 200 {
				if p.WriteBinary(make([]byte, 1<<10)) != nil {
					return
				}
				sent <- i
			}
			testserver.Sink(p)
		}
		w.net.Buffer = 8 << 10
		o := wsclient.Options{}
		o.Inbox.MaxMessages = 10
		c := w.dial(o)
		w.at(time.Second)
		if n := len(sent); n > 60 {
			t.Errorf("the peer has sent %d messages into an inbox of 10", n)
		}
		if n, _ := c.Stats().InboxMessages, 0; n < 10 || n > 10+18 { // what one read brings
			t.Errorf("%d messages in an inbox of 10", n)
		}
		for range 200 {
			w.receive(c)
		}
		if s := c.Stats(); s.InboxMessages != 0 || s.InboxBytes != 0 || s.MessagesIn != 200 {
			t.Errorf("%+v", s)
		}
	})
}

func TestEmptyInboxTakesAMessageOfAnySize(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.WriteBinary(make([]byte, 1<<20))
		p.WriteText("next")
		testserver.Sink(p)
	}), func(w *world) {
		o := wsclient.Options{}
		o.Inbox.MaxBytes = 1
		c := w.dial(o)
		if m := w.receive(c); len(m.Data) != 1<<20 {
			t.Errorf("%d bytes", len(m.Data))
		}
		if m := w.receive(c); string(m.Data) != "next" {
			t.Errorf("%q", m.Data)
		}
	})
}

func TestReceivedIsTheTimeOfTheRead(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(3 * time.Second)
		p.WriteText("x")
		testserver.Sink(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.at(time.Minute) // Receive comes much later
		if m := w.receive(c); m.Received.Sub(w.start) != 3*time.Second {
			t.Errorf("received at %v, want 3s", m.Received.Sub(w.start))
		}
		if d := c.Stats().LastReceived.Sub(w.start); d < 48*time.Second {
			t.Errorf("last received at %v: the pongs count", d)
		}
	})
}

func TestHalfReadFrameSurvivesAWakeUp(t *testing.T) {
	for _, secure := range []bool{false, true} {
		step := make(chan struct{})
		srv := server(func(p *testserver.Peer) {
			frame := testserver.Encode(testserver.TextFrame("in two halves"))
			p.WriteRaw(frame[:5])
			<-step
			p.WriteRaw(frame[5:])
			testserver.Sink(p)
		})
		ctx, o := tcp(t, srv, secure)
		heard := make(chan struct{})
		var once sync.Once
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			for range 20 { // each given up wakes the read
				short, cancel := context.WithTimeout(ctx, 2*time.Millisecond)
				if _, err := conn.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Receive: %v", err)
				}
				cancel()
			}
			once.Do(func() { close(heard) })
			return nil
		}
		c := dialTCP(t, ctx, srv, o)
		<-heard
		close(step)
		if m, err := c.Receive(ctx); err != nil || string(m.Data) != "in two halves" || m.Session != 1 {
			t.Errorf("TLS %v: %q in session %d, %v", secure, m.Data, m.Session, err)
		}
	}
}

func TestPingFloodIsAnsweredWithTheLatest(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			p.ManualControl = true
			var flood []testserver.Frame
			for i := range 1000 {
				flood = append(flood, testserver.PingFrame([]byte{byte(i >> 8), byte(i)}))
			}
			p.Write(flood...)
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				if f.Op == 10 {
					w.note("%d", int(f.Payload[0])<<8|int(f.Payload[1]))
				}
			}
		}
		w.dial(wsclient.Options{})
		w.at(time.Second)
		got := w.noted()
		if len(got) == 0 || len(got) > 400 || got[len(got)-1] != "999" {
			t.Errorf("%d pongs for 1000 pings: %q", len(got), got)
		}
	})
}

func TestStreamDecodesItemByItem(t *testing.T) {
	type tick struct{ N int }
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame(`{"N":1}`), testserver.TextFrame(`{"N":`), testserver.BinaryFrame([]byte(`{"N":3}`)))
		testserver.Echo(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		s := wsclient.NewStream(c, codec.JSON[tick]{}, codec.JSON[tick]{})
		for v, err := range s.Values(w.ctx) {
			if err != nil {
				as[*codec.Error](w, err)
				w.note("error")
				continue
			}
			w.note("%d", v.N)
			if v.N == 3 {
				break
			}
		}
		w.expect("1", "error", "3")
		if err := s.Send(w.ctx, tick{4}); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Receive(w.ctx); err != nil || v.N != 4 {
			t.Errorf("%v, %v", v, err)
		}
		bad := wsclient.NewStream(c, codec.Text{}, codec.Text{})
		err := bad.Send(w.ctx, "\xff")
		if as[*codec.Error](t, err); !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("%v", err)
		}
	})
}
