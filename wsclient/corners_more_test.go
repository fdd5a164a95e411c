package wsclient_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// A TLS record that takes longer than Timeout to arrive.
type dribble struct {
	net.Conn
	slow *atomic.Bool
}

func (d *dribble) Read(p []byte) (int, error) {
	if d.slow.Load() {
		<-time.After(time.Second)
		p = p[:min(len(p), 10)]
	}
	return d.Conn.Read(p)
}

func TestPartOfATLSRecordProvesLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := testserver.NewNetwork()
		ln, _ := n.Listen("feed:443")
		srv := server(func(p *testserver.Peer) {
			<-time.After(time.Second)
			p.WriteBinary(make([]byte, 8000)) // records that take minutes at 10 bytes a second
			silence(p)
		})
		srv.StartTLS(ln)
		defer srv.Close()
		var slow atomic.Bool
		var lost error
		o := &wsclient.Options{TLS: srv.ClientTLS(), Heartbeat: heartbeat.Policy{Interval: 15 * time.Second, Timeout: 10 * time.Second}}
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := n.DialContext(ctx, network, addr)
			return &dribble{nc, &slow}, err
		}
		o.OnError = func(err error) {
			if lost == nil {
				lost = err
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		c, err := wsclient.Dial(ctx, "wss://feed/", o)
		if err != nil {
			t.Fatal(err)
		}
		slow.Store(true)
		<-time.After(90 * time.Second)
		if lost != nil {
			t.Errorf("lost: %v", lost)
		}
		slow.Store(false)
		c.Close()
		<-c.Done()
	})
	_ = tls.Config{}
}

// The inbox is full, the write side breaks, the peer had said why.
func TestCloseCodeBehindAFullInbox(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		for range 20 {
			p.WriteText("tick")
			<-time.After(time.Millisecond) // one read each
		}
		p.SendClose(4001, "do not come back")
		<-time.After(time.Second)
		p.FIN()
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, Inbox: wsclient.InboxOptions{MaxMessages: 10}}
		o.OnClose = func(e wsclient.CloseEvent) { w.note("%d %v", e.Code, e.Err) }
		c := w.dial(o)
		w.at(5 * time.Second)
		c.Send(w.ctx, wsclient.Text("x")) // fails: the peer is gone
		c.Send(w.ctx, wsclient.Text("x"))
		w.at(20 * time.Second)
		t.Log(w.noted())
		if got := w.noted(); len(got) == 0 || got[0][:4] != "4001" {
			t.Errorf("got %q", got)
		}
	})
}

// Shutdown of a client whose inbox is full.
func TestShutdownWithAFullInbox(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		go func() {
			testserver.Sink(p)
		}()
		for p.WriteText("tick") == nil {
			<-time.After(time.Millisecond)
		}
	})
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: 10}})
		w.at(time.Second)
		w.send(c, "last words")
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		defer cancel()
		if err := c.Shutdown(ctx); err != nil {
			t.Errorf("after %v: %v", w.elapsed(), err)
		}
	})
}

// BufferedAmount does not lie low, nor rises without a Send.
func TestBufferedAmountOfALargeMessage(t *testing.T) {
	const size = 400 << 10
	go_ := make(chan int)
	srv := server(func(p *testserver.Peer) { <-p.Done() })
	_ = go_
	bubble(t, srv, func(w *world) {
		w.net.Buffer = 8 << 10
		c := w.dial(wsclient.Options{Queue: wsclient.QueueOptions{MaxBytes: 1 << 20}, WriteTimeout: -1, Heartbeat: heartbeat.Off})
		c.Send(w.ctx, wsclient.Binary(make([]byte, size)))
		w.at(time.Second)
		if took := size - c.BufferedAmount(); took > 16<<10+8<<10 {
			t.Errorf("the network holds 16 KiB at most, and BufferedAmount says it took %d", took)
		}
	})
}

// No ping without a reason on the second connection.
func TestNothingUnconfirmedNoBarrier(t *testing.T) {
	pings := 0
	srv := server(func(p *testserver.Peer) {
		if p.Session() == 1 {
			p.ReadMessage()
			<-time.After(5 * time.Second)
			go func() { <-time.After(5 * time.Second); p.FIN() }()
			testserver.Sink(p)
			return
		}
		p.Ping([]byte("are you there"))
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 9 {
				pings++
				p.Pong(f.Payload)
			}
		}
	})
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		w.send(c, "a")
		if err := c.Flush(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.at(20 * time.Second)
		if pings != 0 {
			t.Errorf("%d pings, session %d", pings, c.Stats().Session)
		}
	})
}

// A reason that is not UTF-8.
func TestReconnectReasonIsValidUTF8(t *testing.T) {
	srv := server(testserver.Sink)
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		c.Reconnect("\xff\xfe")
		w.at(time.Minute)
		if v := srv.Violations(); len(v) > 0 {
			t.Error(v)
		}
	})
}

// Reconnect while OnConnect runs.
func TestReconnectWhileConnecting(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		o := wsclient.Options{Reconnect: steady}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		o.OnError = func(err error) { w.note("%v", err) }
		c := w.open(o)
		w.at(500 * time.Millisecond)
		c.Reconnect("hurry") // "while it connects, there is nothing to do"
		w.at(time.Minute)
		w.expect()
	})
}

// Reconnect during the closing handshake of a lost connection.
func TestReconnectDuringTheClosingHandshake(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		if p.Session() == 1 {
			p.SendClose(1012, "")
			testserver.Hold(p) // the handshake takes a second
			return
		}
		testserver.Sink(p)
	})
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{}
		o.Reconnect.Initial, o.Reconnect.Max = time.Hour/2, time.Hour/2
		var wait time.Duration
		o.OnClose = func(e wsclient.CloseEvent) { wait = e.Wait }
		c := w.dial(o)
		w.at(500 * time.Millisecond)
		if c.ReadyState() != wsclient.Connecting {
			t.Fatal(c.ReadyState())
		}
		c.Reconnect("now")
		w.at(10 * time.Second)
		if c.ReadyState() != wsclient.Open {
			t.Errorf("%v, waiting %v", c.ReadyState(), wait)
		}
	})
}

// Hook blocked in Conn.Send with a context of its own while the connection dies.
func TestConnSendEndsWithItsConnection(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(time.Second)
		p.RST()
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{MaxMessages: 2}, ConnectTimeout: -1}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			return conn.Send(w.ctx, wsclient.Text("login")) // the queue is full
		}
		c := w.open(o)
		w.send(c, "1", "2")
		w.at(30 * time.Minute)
		if c.ReadyState() != wsclient.Open {
			t.Errorf("%v; %d attempts", c.ReadyState(), len(srv.Attempts()))
		}
	})
}
