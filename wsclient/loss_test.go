package wsclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

func TestWhatWasQueuedBeforeTheFirstOpenLeavesInOrder(t *testing.T) {
	rec := &testserver.Recorder{}
	bubble(t, refuse(3, 503, nil, rec.Serve), func(w *world) {
		c := w.open(wsclient.Options{Reconnect: steady})
		w.send(c, numbered(0, 100)...)
		if err := c.Flush(w.ctx); err != nil {
			t.Fatal(err)
		}
		if got := texts(rec); !slices.Equal(got, numbered(0, 100)) {
			t.Errorf("got %q", got)
		}
	})
}

// cutWriter hands n bytes to the network and then fails, once.
type cutWriter struct {
	net.Conn
	left *int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if *c.left < 0 || len(p) <= *c.left {
		if *c.left >= 0 {
			*c.left -= len(p)
		}
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:*c.left])
	*c.left = -1
	c.Conn.Close()
	return n, io.ErrClosedPipe
}

// TestCutAfterEveryByte cuts a connection after each byte of five messages: what
// was not wholly handed over goes out again, in order, and what was is reported
// and never sent twice.
func TestCutAfterEveryByte(t *testing.T) {
	sizes := []int{0, 1, 7, 130, 20}
	total := 0
	for _, n := range sizes {
		total += n + 6
		if n > 125 {
			total += 2
		}
	}
	for cut := range total + 1 {
		var mu sync.Mutex
		var first, second []string
		srv := server(testserver.Sessions(func(p *testserver.Peer) {
			for {
				f, err := p.Read() // no pong: nothing is confirmed
				if err != nil {
					return
				}
				if f.Op <= 2 {
					mu.Lock()
					first = append(first, string(f.Payload))
					mu.Unlock()
				}
			}
		}, func(p *testserver.Peer) {
			for {
				_, data, err := p.ReadMessage()
				if err != nil {
					return
				}
				mu.Lock()
				second = append(second, string(data))
				mu.Unlock()
			}
		}))
		bubble(t, srv, func(w *world) {
			var all []string
			for i, n := range sizes {
				all = append(all, strings.Repeat(fmt.Sprint(i), n))
			}
			left := -1
			o := wsclient.Options{Heartbeat: heartbeat.Off, Reconnect: steady}
			var lost wsclient.UnconfirmedError
			o.OnError = func(err error) {
				if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
					lost = *u
				}
			}
			o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				nc, err := w.net.DialContext(ctx, network, addr)
				return &cutWriter{nc, &left}, err
			}
			c := w.dial(o)
			synctest.Wait()
			left = cut
			for _, s := range all {
				w.send(c, s)
			}
			synctest.Wait()
			if cut == total {
				if n := c.Stats().MessagesOut; n != uint64(len(all)) {
					t.Fatalf("%d messages out without a cut", n)
				}
				return
			}
			w.at(time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if got := append(slices.Clone(first), second...); !slices.Equal(got, all) {
				t.Errorf("cut after %d of %d bytes: first %q, then %q", cut, total, first, second)
			}
			if want := len(first); lost.Messages != want || want > 0 && lost.Session != 1 {
				t.Errorf("cut after %d bytes: %+v, want %d messages", cut, lost, want)
			}
		})
	}
}

func TestCutMessageGoesAgainWholeWithANewMask(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 20<<10) // 320 KiB: it leaves in pieces
	var mu sync.Mutex
	var masks [][4]byte
	var got []byte
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(time.Second)
		p.RST()
	}, func(p *testserver.Peer) {
		f, _ := p.Read()
		mu.Lock()
		masks, got = append(masks, f.Mask), f.Payload
		mu.Unlock()
		testserver.Sink(p)
	}))
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		if err := c.Send(w.ctx, wsclient.Binary(big)); err != nil {
			t.Fatal(err)
		}
		w.at(time.Second - 1)
		if n := c.BufferedAmount(); n <= 0 || n > int64(len(big)) {
			t.Errorf("BufferedAmount %d in the middle of a message of %d", n, len(big))
		}
		if err := c.Flush(w.ctx); err != nil {
			t.Fatalf("Flush: %v; a cut message is not uncertain", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if !bytes.Equal(got, big) {
			t.Errorf("%d bytes arrived, want %d", len(got), len(big))
		}
		if len(masks) != 1 || masks[0] == [4]byte{} {
			t.Errorf("masks %v", masks)
		}
	})
}

func TestUnconfirmedMessagesAreReportedAndNotSentAgain(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		for range 3 {
			p.Read()
		}
		p.RST() // after three messages, without a pong
	}, rec.Serve))
	bubble(t, srv, func(w *world) {
		var c *wsclient.Client
		o := wsclient.Options{Reconnect: steady, Heartbeat: heartbeat.Off, OnError: func(err error) {
			if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
				w.note("session %d: %d messages, %d bytes", u.Session, u.Messages, u.Bytes)
			}
		}}
		c = w.dial(o)
		w.send(c, "one", "two", "three")
		synctest.Wait()
		w.at(time.Second)
		w.send(c, "four")
		if err := c.Flush(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.expect("session 1: 3 messages, 11 bytes")
		if got := texts(rec); !slices.Equal(got, []string{"four"}) {
			t.Errorf("after the cut the server got %q, want only what was sent after it", got)
		}
	})
}

func TestFlushWaitsForThePong(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.ManualControl = true
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 9 {
				<-time.After(3 * time.Second)
				p.Pong(f.Payload)
			}
		}
	}), func(w *world) {
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off})
		if err := c.Flush(w.ctx); err != nil || w.elapsed() != 0 {
			t.Errorf("Flush of nothing: %v after %v", err, w.elapsed())
		}
		w.send(c, "a", "b")
		synctest.Wait()
		if s := c.Stats(); s.Unconfirmed != 2 || s.BufferedAmount != 0 {
			t.Errorf("unconfirmed %d, buffered %d; want 2, 0", s.Unconfirmed, s.BufferedAmount)
		}
		if err := c.Flush(w.ctx); err != nil || w.elapsed() != 3*time.Second {
			t.Errorf("Flush: %v after %v, want 3s", err, w.elapsed())
		}
		if n := c.Stats().Unconfirmed; n != 0 {
			t.Errorf("unconfirmed %d after Flush", n)
		}
	})
}

func TestPongToTheNewestPingConfirmsTheEarlier(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.ManualControl = true
		var last []byte
		for n := 0; ; {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 9 {
				last = f.Payload
				if n++; n == 2 {
					p.Pong(last)
				}
			}
		}
	}), func(w *world) {
		c := w.dial(wsclient.Options{Heartbeat: heartbeat.Off})
		w.send(c, "a")
		errs := make(chan error, 2)
		go func() { errs <- c.Flush(w.ctx) }()
		synctest.Wait()
		w.send(c, "b")
		go func() { errs <- c.Flush(w.ctx) }()
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestUnknownPongConfirmsNothing(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 9 {
				p.Pong([]byte("\x00\x00\x00\x01"))
				p.Pong(append(f.Payload[:len(f.Payload)-1:len(f.Payload)-1], 99))
			}
		}
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.send(c, "a")
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		defer cancel()
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush: %v", err)
		}
		if n := c.Stats().Unconfirmed; n != 1 {
			t.Errorf("unconfirmed %d, want 1", n)
		}
	})
}

func TestFlushSaysWhenThereIsNoConfirmation(t *testing.T) {
	empty := func(p *testserver.Peer) {
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if f.Op == 9 {
				p.Pong(nil)
			}
		}
	}
	t.Run("after Timeout with empty pongs, then at once", func(t *testing.T) {
		bubble(t, server(empty), func(w *world) {
			c := w.dial(wsclient.Options{})
			w.send(c, "a")
			if err := c.Flush(w.ctx); !errors.Is(err, wsclient.ErrNoConfirmation) || w.elapsed() != 10*time.Second {
				t.Errorf("%v after %v", err, w.elapsed())
			}
			w.send(c, "b")
			if err := c.Flush(w.ctx); !errors.Is(err, wsclient.ErrNoConfirmation) || w.elapsed() != 10*time.Second {
				t.Errorf("the second time: %v after %v", err, w.elapsed())
			}
			w.at(5 * time.Minute)
			if s := c.Stats(); s.Session != 1 {
				t.Errorf("session %d: empty pongs prove life", s.Session)
			}
		})
	})
	t.Run("at once under Passive", func(t *testing.T) {
		bubble(t, server(testserver.Sink), func(w *world) {
			c := w.dial(wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}})
			w.send(c, "a")
			if err := c.Flush(w.ctx); !errors.Is(err, wsclient.ErrNoConfirmation) || w.elapsed() != 0 {
				t.Errorf("%v after %v", err, w.elapsed())
			}
		})
	})
}

func TestFlushFailsAtACutThatLoses(t *testing.T) {
	rec := &testserver.Recorder{}
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Read()
		<-time.After(time.Second)
		p.RST()
	}, rec.Serve))
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		w.send(c, "lost")
		u := as[*wsclient.UnconfirmedError](t, c.Flush(w.ctx))
		if u.Messages != 1 || u.Session != 1 || u.Bytes != 4 {
			t.Errorf("%+v", *u)
		}
		w.send(c, "next")
		if err := c.Flush(w.ctx); err != nil {
			t.Errorf("the second Flush: %v", err)
		}
	})
}

func TestBarriersFollowWhileAnythingIsUnconfirmed(t *testing.T) {
	var mu sync.Mutex
	var pings []int // bytes of data before each
	var times []time.Duration
	bubble(t, &testserver.Server{}, func(w *world) {
		w.srv.Handler = func(p *testserver.Peer) {
			data := 0
			for {
				f, err := p.Read()
				if err != nil {
					return
				}
				mu.Lock()
				switch data += len(f.Payload); f.Op {
				case 9:
					data -= len(f.Payload)
					pings, times = append(pings, data), append(times, w.elapsed())
					p.Pong(f.Payload)
				case 8:
					mu.Unlock()
					return
				}
				mu.Unlock()
			}
		}
		c := w.dial(wsclient.Options{})
		for range 300 {
			if err := c.Send(w.ctx, wsclient.Binary(make([]byte, 1<<10))); err != nil {
				t.Fatal(err)
			}
		}
		w.at(5 * time.Second)
		mu.Lock()
		for i := 1; i < len(pings); i++ {
			if gap := pings[i] - pings[i-1]; gap > 64<<10 {
				t.Errorf("%d bytes between two barriers of a burst", gap)
			}
		}
		if len(pings) < 4 || pings[len(pings)-1] != 300<<10 {
			t.Errorf("barriers behind %v bytes, want the last behind %d", pings, 300<<10)
		}
		n := len(times)
		mu.Unlock()
		if s := c.Stats(); s.Unconfirmed != 0 {
			t.Errorf("%d bytes unconfirmed after 5 s", s.Unconfirmed)
		}
		// A quiet sender: a barrier behind each message, at least 1 s apart.
		for i := range 20 {
			w.at(10*time.Second + time.Duration(i)*250*time.Millisecond)
			w.send(c, "tick")
		}
		w.at(20 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		for i := n + 1; i < len(times); i++ {
			if times[i]-times[i-1] < time.Second {
				t.Errorf("barriers at %v: less than a second apart", times[n:])
				break
			}
		}
		if got := len(times) - n; got < 5 || got > 7 {
			t.Errorf("%d barriers in 5 s of quiet sending", got)
		}
	})
}

func TestWhatThePeerSaidBeforeAWriteErrorIsRead(t *testing.T) {
	// Real TCP: the peer says 4001 and is gone; our write finds out first.
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.ReadMessage()
		p.SendClose(4001, "do not come back")
		p.FIN()
	}))
	for range 20 {
		s := &testserver.Server{Handler: srv.Handler}
		ctx, o := tcp(t, s, false)
		codes := make(chan wsclient.StatusCode, 1)
		o.OnClose = func(e wsclient.CloseEvent) {
			select {
			case codes <- e.Code:
			default:
			}
		}
		c := dialTCP(t, ctx, s, o)
		c.Send(ctx, wsclient.Text("go"))
		go func() {
			for c.Send(ctx, wsclient.Binary(make([]byte, 8<<10))) == nil {
			}
		}()
		if code := <-codes; code != 4001 {
			t.Errorf("close code %v, want 4001", code)
		}
		c.Close()
		s.Close()
	}
}
