package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

func numbered(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint("message ", i))
	}
	return all
}

func TestMessagesLeaveInTheOrderOfSend(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		c := w.open(w.later(time.Second, wsclient.Options{}))
		for i, s := range numbered(0, 1000) {
			m := wsclient.Text(s)
			if i%3 == 0 { // both types share one order
				m.Type = wsclient.BinaryMessage
			}
			if err := c.Send(w.ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(w.ctx); err != nil {
			t.Fatal(err)
		}
		if got := texts(rec); !slices.Equal(got, numbered(0, 1000)) {
			t.Errorf("got %d messages, or another order", len(got))
		}
	})
}

func TestMessagesArriveInOrderWithTheirSession(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a1"), testserver.BinaryFrame([]byte("a2")), testserver.TextFrame("a3"))
		p.FIN()
	}, func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("b1"), testserver.TextFrame("b2"))
		testserver.Sink(p)
	}))
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		for range 5 {
			m := w.receive(c)
			w.note("%d %s %v", m.Session, m.Data, m.Type)
		}
		w.expect("1 a1 text", "1 a2 binary", "1 a3 text", "2 b1 text", "2 b2 text")
	})
}

// gate is a connection whose Writes, once armed, wait for permission, and are
// counted.
type gate struct {
	net.Conn
	mu     sync.Mutex
	armed  bool
	writes int
	open   chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	armed := g.armed
	if armed {
		g.writes++
	}
	g.mu.Unlock()
	if armed {
		<-g.open
	}
	return g.Conn.Write(p)
}

func (w *world) gated() (*gate, wsclient.Options) {
	g := &gate{open: make(chan struct{})}
	return g, wsclient.Options{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := w.net.DialContext(ctx, network, addr)
		g.Conn = nc
		return g, err
	}}
}

func TestWhatQueuesUpDuringAWriteLeavesInTheNext(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		g, o := w.gated()
		c := w.dial(o)
		g.mu.Lock()
		g.armed = true
		g.mu.Unlock()
		w.send(c, "first")
		synctest.Wait() // the first Write is at the gate
		w.send(c, numbered(0, 3000)...)
		synctest.Wait()
		if g.writes != 1 {
			t.Errorf("%d writes while the first was in the kernel", g.writes)
		}
		close(g.open)
		synctest.Wait()
		if g.writes != 2 {
			t.Errorf("%d writes for 3001 messages, want 2", g.writes)
		}
		if n := len(rec.Received()); n != 3001 {
			t.Errorf("%d messages arrived", n)
		}
	})
}

func TestLoneSendIsWrittenAtOnce(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(rec.Serve), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.at(time.Second)
		w.send(c, "now")
		synctest.Wait()
		if got := texts(rec); !slices.Equal(got, []string{"now"}) || w.elapsed() != time.Second {
			t.Errorf("%q after %v", got, w.elapsed())
		}
	})
}

func TestPongGoesAheadOfQueuedMessages(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			p.ManualControl = true
			p.Ping([]byte("are you there"))
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
		c := w.open(wsclient.Options{Heartbeat: heartbeat.Off, Queue: wsclient.QueueOptions{MaxBytes: 1 << 20}})
		for range 4 {
			if err := c.Send(w.ctx, wsclient.Binary(make([]byte, 60<<10))); err != nil {
				t.Fatal(err)
			}
		}
		w.at(2 * time.Second)
		got := w.noted()
		if len(got) != 5 || !slices.Contains(got[:2], "10:13") {
			t.Errorf("frames %q: the pong is not ahead of what was queued", got)
		}
	})
}

func TestSendBlocksUntilThereIsRoom(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(5 * time.Second)
		rec.Serve(p)
	}), func(w *world) {
		w.net.Buffer = 512
		o := wsclient.Options{}
		o.Queue.MaxMessages = 4
		c := w.dial(o)
		w.send(c, strings.Repeat("x", 4096)) // fills the way
		for i := 0; ; i++ {
			ctx, cancel := context.WithTimeout(w.ctx, time.Second)
			err := c.Send(ctx, wsclient.Text(fmt.Sprint(i)))
			cancel()
			if err == nil {
				continue
			}
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, wsclient.ErrNotSent) {
				t.Errorf("a Send without room: %v", err)
			}
			break
		}
		if w.elapsed() != time.Second {
			t.Errorf("the Send without room took until %v, want 1s", w.elapsed())
		}
		w.send(c, "waits")
		if w.elapsed() != 5*time.Second {
			t.Errorf("room came at %v, want 5s", w.elapsed())
		}
		if err := c.Flush(w.ctx); err != nil {
			t.Fatal(err)
		}
		if got := texts(rec); !slices.Equal(got[1:], []string{"0", "1", "2", "waits"}) {
			t.Errorf("got %q", got[1:])
		}
	})
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		o := wsclient.Options{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		o.Queue.MaxBytes = 100
		c := w.open(o)
		w.send(c, strings.Repeat("x", 60), strings.Repeat("y", 40))
		if n := c.BufferedAmount(); n != 100 {
			t.Errorf("BufferedAmount %d, want 100", n)
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		defer cancel()
		if err := c.Send(ctx, wsclient.Text("z")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("the 101st byte: %v", err)
		}
		err := c.Send(w.ctx, wsclient.Text(strings.Repeat("z", 101)))
		if !errors.Is(err, wsclient.ErrTooLarge) || !errors.Is(err, wsclient.ErrNotSent) {
			t.Errorf("a message larger than the queue: %v", err)
		}
	})
}

func TestWaitingSendersAreServedInOrder(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(5 * time.Second)
		rec.Serve(p)
	}), func(w *world) {
		w.net.Buffer = 512
		o := wsclient.Options{}
		o.Queue.MaxMessages = 1
		c := w.dial(o)
		w.send(c, strings.Repeat("x", 4096))
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() { w.send(c, fmt.Sprint("message ", i)) })
			synctest.Wait() // it waits, behind those before
		}
		wg.Wait()
		if err := c.Flush(w.ctx); err != nil {
			t.Fatal(err)
		}
		if got := texts(rec)[1:]; !slices.Equal(got, numbered(0, 50)) {
			t.Errorf("served as %q", got)
		}
	})
}

func TestSendRefusesWhatAStrictPeerWould(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.dial(wsclient.Options{})
		over, cancel := context.WithCancel(w.ctx)
		cancel()
		for name, try := range map[string]struct {
			ctx context.Context
			m   wsclient.Message
		}{
			"text that is not UTF-8": {w.ctx, wsclient.Text("\xff")},
			"no type":                {w.ctx, wsclient.Message{Data: []byte("x")}},
			"context over on entry":  {over, wsclient.Text("x")},
		} {
			if err := c.Send(try.ctx, try.m); !errors.Is(err, wsclient.ErrNotSent) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := c.Send(over, wsclient.Text("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("context over: %v", err)
		}
	})
}

func TestSendCopies(t *testing.T) {
	for _, n := range []int{9, 90000} { // as a frame, and not
		rec := &testserver.Recorder{}
		bubble(t, refuse(1, 503, nil, rec.Serve), func(w *world) {
			c := w.open(wsclient.Options{Reconnect: steady})
			was := strings.Repeat("as it was", n/9)
			p := []byte(was)
			if err := c.Send(w.ctx, wsclient.Binary(p)); err != nil {
				t.Fatal(err)
			}
			copy(p, "changed..")
			w.flush(c)
			if got := texts(rec); got[0] != was || string(p[:9]) != "changed.." {
				t.Errorf("sent %.20q, and the caller's slice is %.20q", got, p)
			}
		})
	}
}

func TestCallbackThatSendsIntoAFullQueue(t *testing.T) {
	t.Run("gives up at once without a connection", func(t *testing.T) {
		bubble(t, refuse(1, 503, nil, testserver.Sink), func(w *world) {
			o := wsclient.Options{Reconnect: steady}
			o.Queue.MaxMessages = 1
			var c *wsclient.Client
			ready := make(chan struct{})
			o.OnError = func(error) {
				<-ready
				err := c.Send(context.Background(), wsclient.Text("too much"))
				w.note("%v %v %v", errors.Is(err, wsclient.ErrQueueFull), errors.Is(err, wsclient.ErrNotSent), w.elapsed())
			}
			c = w.open(o)
			w.send(c, "fills it")
			close(ready)
			if err := c.WaitOpen(w.ctx); err != nil {
				t.Fatal(err)
			}
			w.expect("true true 0s")
		})
	})
	t.Run("gives up after WriteTimeout with one", func(t *testing.T) {
		bubble(t, server(func(p *testserver.Peer) {
			p.WriteText("go")
			testserver.Hold(p)
		}), func(w *world) {
			w.net.Buffer = 4 << 10
			o := wsclient.Options{Reconnect: steady, WriteTimeout: 3 * time.Second}
			o.Queue.MaxMessages = 1
			clients := make(chan *wsclient.Client, 1)
			o.OnMessage = func(wsclient.Message) {
				c := <-clients
				for {
					if err := c.Send(context.Background(), wsclient.Binary(make([]byte, 1<<10))); err != nil {
						w.note("%v %v", errors.Is(err, wsclient.ErrQueueFull), w.elapsed())
						return
					}
				}
			}
			clients <- w.open(o)
			w.at(3 * time.Second)
			w.expect("true 3s")
		})
	})
}

// stuck is a write that a peer takes no bytes of.
func TestStuckWriteIsBoundedByWriteTimeout(t *testing.T) {
	srv := server(testserver.Sessions(testserver.Hold, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, WriteTimeout: 3 * time.Second, OnClose: func(e wsclient.CloseEvent) {
			if t, ok := errors.AsType[net.Error](e.Err); ok && t.Timeout() {
				w.note("timeout at %v", w.elapsed())
			}
		}}
		c := w.dial(o)
		c.Send(w.ctx, wsclient.Binary(make([]byte, 1<<20)))
		w.at(3*time.Second - 1)
		w.expect()
		w.at(3 * time.Second)
		w.expect("timeout at 3s")
		w.at(4 * time.Second)
		if n := c.BufferedAmount(); n != 0 {
			t.Errorf("BufferedAmount %d on the new connection", n)
		}
	})
}

func TestSlowUploadIsNotADeadPeer(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.Freeze()
		for range 300 { // the peer takes a few KiB every 2 s, for ten minutes
			<-time.After(2 * time.Second)
			p.Thaw()
			p.Read()
			p.Freeze()
		}
	}), func(w *world) {
		o := w.lossAt()
		o.Heartbeat = heartbeat.Off
		o.WriteTimeout = 3 * time.Second
		w.net.Buffer = 4 << 10
		c := w.dial(o)
		for range 200 {
			if err := c.Send(w.ctx, wsclient.Binary(make([]byte, 4<<10))); err != nil {
				t.Fatal(err)
			}
		}
		w.at(5 * time.Minute)
		w.expect()
		if s := c.Stats(); s.MessagesOut < 100 {
			t.Errorf("%d messages out in 5 minutes", s.MessagesOut)
		}
	})
}

func TestBufferedAmountCountsWhatTheKernelHasNotTaken(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(5 * time.Second)
		testserver.Sink(p)
	}), func(w *world) {
		w.net.Buffer = 1 << 10
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off})
		for range 10 {
			c.Send(w.ctx, wsclient.Binary(make([]byte, 1000)))
		}
		synctest.Wait()
		if n := c.BufferedAmount(); n != 9000 && n != 10000 {
			t.Errorf("BufferedAmount %d with a way of 1 KiB, want 9000 or 10000", n)
		}
		w.at(6 * time.Second)
		if n := c.BufferedAmount(); n != 0 {
			t.Errorf("BufferedAmount %d after the peer has read all", n)
		}
	})
}
