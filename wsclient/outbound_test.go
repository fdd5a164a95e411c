package wsclient_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// What the tests of the send queue share.

// later lets the client connect first after the start, then after each of again,
// and not before.
func (w *world) later(first time.Duration, o wsclient.Options, again ...time.Duration) wsclient.Options {
	at := append([]time.Duration{first}, again...)
	o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if len(at) > 0 {
			select {
			case <-time.After(at[0] - w.elapsed()):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			at = at[1:]
		}
		return w.net.DialContext(ctx, network, addr)
	}
	o.DialTimeout, o.Reconnect = -1, steady
	return o
}

// offline never lets it connect.
func (w *world) offline(o wsclient.Options) wsclient.Options {
	o.NetDial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return o
}

// tracing notes every drop.
func (w *world) tracing(o wsclient.Options) wsclient.Options {
	o.Trace = &wsclient.Trace{Dropped: func(reason wsclient.DropReason, m wsclient.Message) {
		w.note("%v %s at %v", reason, m.Data, w.elapsed())
	}}
	return o
}

// with sends a text that is not to fail.
func (w *world) with(c *wsclient.Client, o wsclient.SendOptions, texts ...string) {
	w.Helper()
	for _, s := range texts {
		if err := c.SendWith(w.ctx, wsclient.Text(s), o); err != nil {
			w.Fatalf("SendWith(%q, %+v): %v", s, o, err)
		}
	}
}

// flush is a Flush that is not to fail.
func (w *world) flush(c *wsclient.Client) {
	w.Helper()
	if err := c.Flush(w.ctx); err != nil {
		w.Fatalf("Flush at %v: %v", w.elapsed(), err)
	}
}

// flushed flushes until nothing is left to tell of what was lost or dropped.
func (w *world) flushed(c *wsclient.Client) {
	w.Helper()
	if err := c.Flush(w.ctx); err != nil {
		as[*wsclient.UnconfirmedError](w, err)
		w.flush(c)
	}
}

// login is an OnConnect that sends one message.
func login(w *world) func(context.Context, *wsclient.Conn) error {
	return func(_ context.Context, conn *wsclient.Conn) error { return conn.Send(w.ctx, wsclient.Text("login")) }
}

// arm makes the next Writes wait for open.
func (g *gate) arm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = true
}

// held arms g and lets the writer take one message, which stays in its hands.
func (w *world) held(g *gate, c *wsclient.Client, text string) {
	w.Helper()
	g.arm()
	w.send(c, text)
	synctest.Wait()
}

// A frameLog notes the frames that a peer reads: texts as they are, the payload
// bytes before each ping.
type frameLog struct {
	then func(string) // runs after each text

	mu    sync.Mutex
	all   []string
	bytes int
	pings []int
}

// peer reads and answers pings, as long as echo says so; nil: always.
func (l *frameLog) peer(echo func() bool) testserver.Handler {
	return func(p *testserver.Peer) {
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			l.mu.Lock()
			switch f.Op {
			case 1, 2:
				l.bytes += len(f.Payload)
				l.all = append(l.all, string(f.Payload))
			case 9:
				l.all = append(l.all, "ping")
				l.pings = append(l.pings, l.bytes)
			}
			l.mu.Unlock()
			switch {
			case f.Op <= 2 && l.then != nil:
				l.then(string(f.Payload))
			case f.Op == 8:
				p.SendClose(1000, "")
				return
			case f.Op == 9 && (echo == nil || echo()):
				p.Pong(f.Payload)
			}
		}
	}
}

func (l *frameLog) texts() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, " ")
}

// lost notes every UnconfirmedError that OnError gets, with the messages.
func (w *world) lost(o wsclient.Options) wsclient.Options {
	o.OnError = func(err error) {
		u, ok := err.(*wsclient.UnconfirmedError)
		if !ok {
			return
		}
		s := fmt.Sprintf("session %d lost %d (%d)", u.Session, u.Messages, u.Bytes)
		for _, m := range u.Lost() {
			s += " " + string(m.Data)
		}
		if u.Rejected() != 0 {
			s += fmt.Sprint(" rejected ", int(u.Rejected()))
		}
		w.note("%s", s)
	}
	return o
}

// ackOK is an Ack for answers such as "ok 7", and "upto 7".
func ackOK(m wsclient.Message) (id string, upTo, ok bool) {
	if id, ok = strings.CutPrefix(string(m.Data), "ok "); ok {
		return id, false, true
	}
	id, ok = strings.CutPrefix(string(m.Data), "upto ")
	return id, true, ok
}

// A slowReturn is a connection whose Writes, while it is on, return only once it
// is off again, though the peer has their bytes.
type slowReturn struct {
	net.Conn
	on, off chan struct{} // closed
}

func (c *slowReturn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	select {
	case <-c.on:
		<-c.off
	default:
	}
	return n, err
}

func (w *world) slowReturn() (*slowReturn, func(ctx context.Context, network, addr string) (net.Conn, error)) {
	s := &slowReturn{on: make(chan struct{}), off: make(chan struct{})}
	return s, func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := w.net.DialContext(ctx, network, addr)
		s.Conn = nc
		return s, err
	}
}
