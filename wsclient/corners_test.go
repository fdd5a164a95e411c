package wsclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// Close while OnConnect returns.
func TestCloseWhileTheHookReturns(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		inHook, leave := make(chan struct{}), make(chan struct{})
		o := wsclient.Options{}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			close(inHook)
			<-leave
			return nil
		}
		o.Trace = &wsclient.Trace{StateChange: func(_, to wsclient.ReadyState) {
			if to == wsclient.Closing { // between stopping.Store and k.end
				close(leave)
				<-time.After(time.Millisecond)
			}
		}}
		c := w.open(o)
		<-inHook
		c.Close()
		<-c.Done()
	})
}

// Portable small read.
func TestSmallReadFitsBehindAHalfReceivedFrame(t *testing.T) {
	const size = 130500
	frame := testserver.Encode(testserver.BinaryFrame(make([]byte, size)))
	next := testserver.Encode(testserver.BinaryFrame(make([]byte, 1500)))
	srv := server(func(p *testserver.Peer) {
		all := append(append([]byte(nil), frame...), next...)
		for len(all) > 0 { // one TCP segment at a time, on a slow link
			n := min(1460, len(all))
			p.WriteRaw(all[:n])
			all = all[n:]
			<-time.After(time.Millisecond)
		}
		testserver.Sink(p)
	})
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{})
		if m := w.receive(c); len(m.Data) != size {
			t.Fatal(len(m.Data))
		}
		if m := w.receive(c); len(m.Data) != 1500 {
			t.Fatal(len(m.Data))
		}
	})
}

// OnConnect sends although the queue is full.
func TestHookSendsWhileTheQueueIsFull(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, refuse(1, 503, nil, rec.Serve), func(w *world) {
		o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{MaxMessages: 4}}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			return conn.Send(ctx, wsclient.Text("login"))
		}
		o.OnError = func(err error) { w.note("%v: %v", w.elapsed(), err) }
		c := w.open(o)
		w.send(c, "1", "2", "3", "4")
		w.at(5 * time.Minute)
		if c.ReadyState() != wsclient.Open {
			t.Errorf("%v after 5 minutes; %q", c.ReadyState(), w.noted())
		}
	})
}

// OnMessage sends into a full queue of a dead connection.
func TestCallbackSendsIntoAFullQueueOfADeadConnection(t *testing.T) {
	for _, timeout := range []time.Duration{0, -1} {
		t.Run(fmt.Sprint(timeout), func(t *testing.T) {
			var peer atomic.Pointer[testserver.Peer]
			srv := server(testserver.Sessions(func(p *testserver.Peer) {
				peer.Store(p)
				var frames []testserver.Frame
				for range 20 {
					frames = append(frames, testserver.TextFrame("request"))
				}
				p.Write(frames...)
				testserver.Hold(p)
			}, testserver.Sink))
			bubble(t, srv, func(w *world) {
				o := wsclient.Options{Reconnect: steady, WriteTimeout: timeout, Queue: wsclient.QueueOptions{MaxBytes: 100 << 10}}
				var client atomic.Pointer[wsclient.Client]
				first := true
				o.OnMessage = func(m wsclient.Message) {
					if first {
						first = false
						for {
							ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
							err := client.Load().Send(ctx, wsclient.Binary(make([]byte, 10<<10)))
							cancel()
							if err != nil {
								break
							}
						}
						peer.Load().RST()
						<-time.After(time.Millisecond) // the writer has noticed
					}
					began := time.Now()
					err := client.Load().Send(w.ctx, wsclient.Binary(make([]byte, 10<<10)))
					w.note("%v", time.Since(began))
					if err != nil && !errors.Is(err, wsclient.ErrQueueFull) { // what the kernel had taken made room
						t.Errorf("error %v", err)
					}
				}
				o.OnConnect = func(context.Context, *wsclient.Conn) error {
					for client.Load() == nil {
						<-time.After(time.Millisecond)
					}
					return nil
				}
				client.Store(w.open(o))
				w.at(30 * time.Minute)
				for i, d := range w.noted() {
					if d != "0s" {
						t.Errorf("the Send of message %d waited %v for room that nobody can make", i, d)
					}
				}
			})
		})
	}
}

// The peer closes right after the login; the queue must wait for the next connection.
func TestQueueDoesNotLeaveOverAConnectionThatEndedInTheHook(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("welcome"), testserver.CloseFrame(1013, "overloaded"))
		p.Discard()
	}, rec.Serve))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			if conn.Session() > 1 || len(srv.Attempts()) > 1 {
				return nil
			}
			<-time.After(time.Second)
			_, err := conn.Receive(ctx)
			return err
		}
		o.OnError = func(err error) { w.note("%v", err) }
		c := w.open(o)
		w.send(c, numbered(0, 10)...)
		w.at(time.Minute)
		if got := texts(rec); len(got) != 10 {
			t.Errorf("got %q; %q", got, w.noted())
		}
		_ = c
	})
}

// Graceful restart of the server with a backlog.
func TestPeersCloseDoesNotSwallowTheQueue(t *testing.T) {
	for _, graceful := range []bool{false, true} {
		rec := &testserver.Recorder{}
		srv := server(testserver.Sessions(func(p *testserver.Peer) {
			<-time.After(time.Second)
			if graceful {
				p.SendClose(1012, "restart")
				<-time.After(100 * time.Millisecond)
				p.Discard() // RFC 6455 1.4: whatever comes now is not processed
			} else {
				p.RST()
			}
		}, rec.Serve))
		bubble(t, srv, func(w *world) {
			o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{MaxBytes: 8 << 20}}
			o.OnError = func(err error) { w.note("%v", err) }
			c := w.dial(o)
			for range 400 {
				c.Send(w.ctx, wsclient.Binary(make([]byte, 4<<10)))
			}
			w.at(time.Minute)
			// 64 KiB are in the network, and a batch of at most 128 KiB is under way.
			if n := len(rec.Received()); n < 340 {
				t.Errorf("graceful %v: %d of 400 arrived; %q", graceful, n, w.noted())
			}
		})
	}
}

// Shutdown whose messages were never confirmed.
func TestShutdownDoesNotSayNilForWhatWasNotConfirmed(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		for {
			f, err := p.Read()
			if err != nil || f.Op == 8 {
				p.FIN() // no echo
				return
			}
		}
	})
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}}
		o.OnError = func(err error) { w.note("%v", err) }
		c := w.dial(o)
		w.send(c, "a", "b")
		err := c.Shutdown(w.ctx)
		if _, ok := errors.AsType[*wsclient.UnconfirmedError](err); !ok {
			t.Errorf("Shutdown: %v; OnError got %q", err, w.noted())
		}
	})
}

// A ping that was passed over.
func TestPingThatWasPassedOver(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		var pings [][]byte
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 9 {
				if pings = append(pings, f.Payload); len(pings) == 2 {
					p.Pong(f.Payload) // the newest only: RFC 6455 5.5.3
				}
			}
		}
	})
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off})
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				if _, err := c.Ping(ctx); err != nil {
					t.Errorf("ping %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
	})
}

// Close between the verdict and the byte that revokes it.
type lateByte struct {
	net.Conn
	onPast atomic.Pointer[func()]
	late   atomic.Bool
}

func (l *lateByte) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && t.Before(time.Now()) {
		if f := l.onPast.Swap(nil); f != nil {
			(*f)()
		}
	}
	return l.Conn.SetReadDeadline(t)
}

func (l *lateByte) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if err != nil && l.late.Swap(false) { // the byte came with the deadline
		return copy(p, []byte{0x8a, 0}), nil
	}
	return n, err
}

func TestCloseIsNotRevokedWithTheVerdict(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		go silence(p)
		<-time.After(26 * time.Second)
		for p.Ping(nil) == nil {
			<-time.After(time.Second)
		}
	})
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{}
		var c *wsclient.Client
		late := &lateByte{}
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := w.net.DialContext(ctx, network, addr)
			late.Conn = nc
			return late, err
		}
		c = w.dial(o)
		verdict := func() {
			c.Close()
			late.late.Store(true)
		}
		late.onPast.Store(&verdict)
		w.at(26 * time.Second)
		select {
		case <-c.Done():
		case <-time.After(10 * time.Minute):
			t.Errorf("not done 10 minutes after Close; %v", c.ReadyState())
			late.Conn.Close()
		}
	})
}

// CloseTimeout negative.
func TestNegativeCloseTimeoutStillSaysClose(t *testing.T) {
	said := 0
	for range 50 {
		var got atomic.Bool
		ended := make(chan struct{})
		srv := server(func(p *testserver.Peer) {
			defer close(ended)
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				if f.Op == 8 {
					got.Store(true)
				}
			}
		})
		ctx, o := tcp(t, srv, false)
		o.CloseTimeout = -1
		c := dialTCP(t, ctx, srv, o)
		c.Shutdown(ctx)
		<-c.Done()
		<-ended
		srv.Close()
		if got.Load() {
			said++
		}
	}
	if said != 50 {
		t.Errorf("the peer got the Close in %d of 50 runs", said)
	}
}

// WasClean although our Close never left.
func TestWasCleanNeedsOurClose(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(time.Second)
		p.SendClose(1012, "")
		testserver.Hold(p) // reads nothing
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{MaxBytes: 8 << 20}, WriteTimeout: 750 * time.Millisecond}
		o.OnClose = func(e wsclient.CloseEvent) { w.note("clean %v code %d", e.WasClean, e.Code) }
		c := w.dial(o)
		for range 100 {
			c.Send(w.ctx, wsclient.Binary(make([]byte, 4<<10)))
		}
		w.at(30 * time.Second)
		w.expect("clean false code 1012")
	})
}

// A header map of Prepare's own.
func TestPrepareMaySetAHeaderOfItsOwn(t *testing.T) {
	srv := refuse(3, 503, nil, testserver.Sink)
	bubble(t, srv, func(w *world) {
		shared := http.Header{"Host": {"virtual.example"}}
		o := wsclient.Options{Reconnect: steady}
		o.Prepare = func(_ context.Context, a *wsclient.Attempt) error {
			a.Header = shared
			return nil
		}
		w.dial(o)
		for _, a := range srv.Attempts() {
			w.note("%s", a.Host)
		}
		w.expect("virtual.example", "virtual.example", "virtual.example", "virtual.example")
	})
}

func TestPrepareMayClearTheHeader(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		o := wsclient.Options{}
		o.Prepare = func(_ context.Context, a *wsclient.Attempt) error {
			a.Header, a.URL = nil, "ws://user:pw@feed/"
			return nil
		}
		w.dial(o)
	})
}

var _ = bytes.NewReader
