package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/steadyws/steadyws/wsclient"
)

// nowhere is an address at which nobody listens.
var nowhere = "127.0.0.1:1"

// twoLives starts a server and a client of it, and returns what kills the server
// and what starts it again. The port of the second life is another one, and in
// between the client does not ask for the first: somebody may have got it by then.
func twoLives(t *testing.T, s *server, mode wsclient.Compression) (c *client, kill, restart func()) {
	t.Helper()
	var address atomic.Pointer[string]
	start := func() (kill func()) {
		i := s.start(t)
		if mode == wsclient.CompressionOff {
			address.Store(&i.plain)
		} else {
			address.Store(&i.deflate)
		}
		return i.kill
	}
	end := start()
	c = dial(t, "ws://"+*address.Load()+"/", wsclient.Options{Compression: mode, NetDial: dialer(func() string { return *address.Load() })})
	kill = func() {
		address.Store(&nowhere)
		end()
	}
	return c, kill, func() { start() }
}

func TestResumesAfterTheServerWasKilled(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, _ *instance) {
		c, kill, restart := twoLives(t, s, wsclient.CompressionOff)
		c.echo(t, wsclient.Text("first life"), 1)

		kill()
		e := next(t, c.closed, "the cut")
		if e.Session != 1 || e.Code != wsclient.StatusAbnormalClosure || e.WasClean || !e.Retry {
			t.Errorf("%+v", e)
		}
		if got := c.ReadyState(); got != wsclient.Connecting {
			t.Errorf("%v while the server is down", got)
		}
		ctx := limited(t)
		if err := c.Send(ctx, wsclient.Text("in between")); err != nil {
			t.Fatal(err)
		}
		restart()
		if m, err := c.Receive(ctx); err != nil || string(m.Data) != "in between" || m.Session != 2 {
			t.Fatalf("%q of session %d, %v", m.Data, m.Session, err)
		}
		c.echo(t, wsclient.Text("second life"), 2)
	})
}

// The server is killed under load: the echoes keep their order, none comes
// twice, and a gap is only where the session changes, and no larger than
// what the client has reported: for these servers, save one, what is confirmed is
// echoed too.
func TestLosesOnlyAtTheCut(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, _ *instance) {
		c, kill, restart := twoLives(t, s, wsclient.CompressionOff)
		lost := c.streamAcross(t, 5000, 700, func() {
			kill()
			restart()
		})
		if reported := c.unconfirmed(); lost > reported+s.readsAhead {
			t.Errorf("%d messages lost, %d reported", lost, reported)
		}
	})
}

// The contexts of the second connection know nothing of the first.
func TestContextsBeginAnewAfterTheCut(t *testing.T) {
	const mode, count, at = wsclient.CompressionContext, 1000, 300
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		t.Run("the server is killed", func(t *testing.T) {
			c, kill, restart := twoLives(t, s, mode)
			lost := c.streamAcross(t, count, at, func() {
				kill()
				restart()
			})
			if reported := c.unconfirmed(); lost > reported+s.readsAhead {
				t.Errorf("%d messages lost, %d reported", lost, reported)
			}
		})
		t.Run("the client reconnects", func(t *testing.T) {
			c := dial(t, "ws://"+i.deflate+"/", wsclient.Options{Compression: mode})
			// The echoes that come after its Close are nobody's.
			c.streamAcross(t, count, at, func() { c.Reconnect("once more") })
		})
	})
}

// streamAcross streams count messages, and cuts the connection when the echo at
// has come; a new one follows. It returns how many echoes are missing.
func (c *client) streamAcross(t *testing.T, count, at int, cut func()) (lost int) {
	t.Helper()
	ctx, stop := context.WithCancelCause(limited(t))
	resumed := make(chan struct{})
	want := noise(1000)
	go func() {
		payload := bytes.Clone(want)
		for i := range count {
			if i == count-100 { // these are for the new connection: the last one must not be lost, or there is nothing to wait for
				select {
				case <-resumed:
				case <-ctx.Done():
				}
			}
			binary.BigEndian.PutUint32(payload, uint32(i))
			if err := c.sendSurely(ctx, wsclient.Binary(payload)); err != nil {
				stop(err)
				return
			}
		}
	}()
	session := 1
	for expected := 0; expected < count; expected++ {
		m, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("message %d, after session %d: %v", expected, session, err)
		}
		if len(m.Data) != len(want) || !bytes.Equal(m.Data[4:], want[4:]) {
			t.Fatalf("message %d of session %d is not what was sent", expected, m.Session)
		}
		if i := int(binary.BigEndian.Uint32(m.Data)); i != expected {
			if i < expected || m.Session == session {
				t.Fatalf("message %d of session %d after %d of session %d", i, m.Session, expected-1, session)
			}
			lost, expected = lost+i-expected, i
		}
		session = m.Session
		if expected == at {
			cut()
			for next(t, c.opened, "the second life").Session() != 2 {
			}
			close(resumed)
		}
	}
	if session != 2 {
		t.Errorf("the last one came on session %d", session)
	}
	return lost
}

// sendSurely sends m, again if need be: a Send that has to wait for room at the
// very moment of the cut is told ErrQueueFull, since a callback is running.
func (c *client) sendSurely(ctx context.Context, m wsclient.Message) error {
	for {
		err := c.Send(ctx, m)
		if !errors.Is(err, wsclient.ErrQueueFull) {
			return err
		}
	}
}

// unconfirmed returns how many messages OnError was told of.
func (c *client) unconfirmed() (n int) {
	for len(c.failed) > 0 {
		if ue, ok := errors.AsType[*wsclient.UnconfirmedError](<-c.failed); ok {
			n += ue.Messages
		}
	}
	return n
}
