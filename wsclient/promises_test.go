package wsclient_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// deafWriter fails every write once told to; reading goes on.
type deafWriter struct {
	net.Conn
	deaf chan struct{}
}

func (d *deafWriter) Write(p []byte) (int, error) {
	select {
	case <-d.deaf:
		return 0, io.ErrClosedPipe
	default:
		return d.Conn.Write(p)
	}
}

func TestThePeersLastWordsAreWaitedForASecond(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(900 * time.Millisecond)
		p.WriteText("last words")
		testserver.Hold(p)
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		d := &deafWriter{deaf: make(chan struct{})}
		o := wsclient.Options{Reconnect: steady, Heartbeat: heartbeat.Off, OnMessage: func(m wsclient.Message) { w.note("%s", m.Data) }}
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := w.net.DialContext(ctx, network, addr)
			if d.Conn == nil && err == nil {
				d.Conn = nc
				return d, nil
			}
			return nc, err
		}
		o.OnError = func(err error) {
			if errors.Is(err, io.ErrClosedPipe) {
				w.note("write error at %v", w.elapsed())
			}
		}
		c := w.dial(o)
		close(d.deaf)
		w.send(c, "x")
		w.at(time.Second + time.Millisecond)
		w.expect("last words", "write error at 1s")
	})
}

func TestTheEndComesASecondAfterBothCloses(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.ManualControl = true
		p.SendClose(1001, "")
		testserver.Hold(p) // says Close and never closes TCP
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, OnClose: func(e wsclient.CloseEvent) { w.note("%v clean %v", w.elapsed(), e.WasClean) }}
		w.open(o)
		w.at(time.Second)
		w.expect("1s clean true")
	})
}

// In a callback, what waits for the run goroutine waits until its ctx ends.
func TestWaitingMethodsInACallback(t *testing.T) {
	for name, wait := range map[string]func(context.Context, *wsclient.Client) error{
		"Flush": func(ctx context.Context, c *wsclient.Client) error {
			c.Send(ctx, wsclient.Text("x"))
			return c.Flush(ctx)
		},
		"Ping":     func(ctx context.Context, c *wsclient.Client) error { _, err := c.Ping(ctx); return err },
		"Receive":  func(ctx context.Context, c *wsclient.Client) error { _, err := c.Receive(ctx); return err },
		"Shutdown": func(ctx context.Context, c *wsclient.Client) error { return c.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sink), func(w *world) {
				clients := make(chan *wsclient.Client, 1)
				clients <- w.open(wsclient.Options{OnOpen: func(*wsclient.Conn) {
					ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
					defer cancel()
					err := wait(ctx, <-clients)
					w.note("%v %v", errors.Is(err, context.DeadlineExceeded), w.elapsed())
				}})
				w.at(5 * time.Second)
				w.expect("true 3s")
			})
		})
	}
	t.Run("WaitOpen", func(t *testing.T) {
		bubble(t, refuse(1, 503, nil, testserver.Sink), func(w *world) {
			clients := make(chan *wsclient.Client, 1)
			clients <- w.open(wsclient.Options{Reconnect: steady, OnClose: func(e wsclient.CloseEvent) {
				if !e.Retry {
					return
				}
				ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
				defer cancel()
				err := (<-clients).WaitOpen(ctx)
				w.note("%v %v", errors.Is(err, context.DeadlineExceeded), w.elapsed())
			}})
			w.at(5 * time.Second)
			w.expect("true 3s")
		})
	})
}

// TestPanicInACallbackIsNotRecovered runs itself in another process, which dies.
func TestPanicInACallbackIsNotRecovered(t *testing.T) {
	if os.Getenv("STEADYWS_PANIC") != "" {
		srv := server(testserver.Sink)
		ctx, o := tcp(t, srv, false)
		o.OnOpen = func(*wsclient.Conn) { panic("from the callback") }
		c := dialTCP(t, ctx, srv, o)
		<-c.Done()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanicInACallbackIsNotRecovered$", "-test.timeout=20s")
	cmd.Env = append(os.Environ(), "STEADYWS_PANIC=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: from the callback") {
		t.Errorf("the process ended with %v:\n%s", err, out)
	}
}

func TestHeartbeatRunsDuringOnConnect(t *testing.T) {
	bubble(t, server(testserver.Sessions(silence, testserver.Sink)), func(w *world) {
		o := wsclient.Options{Reconnect: steady, ConnectTimeout: time.Hour}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			if len(w.noted()) > 0 {
				return nil
			}
			_, err := conn.Receive(ctx)
			_, silent := errors.AsType[*heartbeat.TimeoutError](err)
			w.note("%v at %v, context over: %v", silent, w.elapsed(), ctx.Err() != nil)
			return err
		}
		w.dial(o)
		w.expect("true at 25s, context over: true")
	})
}

func TestDeathAndReconnectReleaseAFullInbox(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a"), testserver.TextFrame("b"))
		testserver.Hold(p)
	})
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond, Stable: time.Second}, WriteTimeout: 3 * time.Second, Heartbeat: heartbeat.Off}
		o.Inbox.MaxMessages = 1
		o.OnClose = func(wsclient.CloseEvent) { w.note("%v", w.elapsed()) }
		c := w.dial(o)
		w.at(2 * time.Second)
		c.Reconnect("on demand")
		w.at(4 * time.Second) // the peer hangs: a second for the handshake
		c.Send(w.ctx, wsclient.Binary(make([]byte, 1<<20)))
		w.at(8 * time.Second) // no byte taken for WriteTimeout: dead
		w.expect("3s", "7s")
	})
}

// TestTLSIsReleasedWithoutItsAlert: tls.Conn.Close would wait up to 5 s to write
// an alert to a peer that takes no bytes.
func TestTLSIsReleasedWithoutItsAlert(t *testing.T) {
	srv := server(testserver.Sessions(testserver.Hold, testserver.Sink))
	ctx, o := tcp(t, srv, true)
	o.Heartbeat = heartbeat.Off
	o.WriteTimeout = 300 * time.Millisecond
	o.Queue.MaxBytes = 64 << 20
	lost := make(chan time.Duration, 1)
	began := time.Now()
	o.OnClose = func(wsclient.CloseEvent) {
		select {
		case lost <- time.Since(began):
		default:
		}
	}
	c := dialTCP(t, ctx, srv, o)
	c.Send(ctx, wsclient.Binary(make([]byte, 32<<20)))
	if d := <-lost; d > 4*time.Second {
		t.Errorf("a stuck TLS connection was released after %v", d)
	}
}

func TestPassiveSendsNoPingEvenInShutdown(t *testing.T) {
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				if w.note("%d", f.Op); f.Op == 8 {
					p.SendClose(1000, "")
					return
				}
			}
		}
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}})
		w.send(c, "a", "b")
		if err := c.Shutdown(w.ctx); err != nil {
			t.Error(err)
		}
		w.expect("1", "1", "8")
	})
}
