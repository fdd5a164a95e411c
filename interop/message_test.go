package interop

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/steadyws/steadyws/wsclient"
)

// The sizes at which the length of a frame changes its form (RFC 6455 5.2), and
// those at which buffers do.
var sizes = []int{0, 1, 125, 126, 65535, 65536, 1 << 20}

// prose returns n bytes of UTF-8 with characters of one to four bytes.
func prose(n int) []byte {
	p := bytes.Repeat([]byte("Grüße für 3 € an 𝄞. "), n/20+1)[:n]
	for r, size := utf8.DecodeLastRune(p); r == utf8.RuneError && size == 1; r, size = utf8.DecodeLastRune(p) {
		p = p[:len(p)-1]
	}
	return append(p, strings.Repeat("x", n-len(p))...)
}

// noise returns n bytes that no compression makes smaller.
func noise(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(p)
	return p
}

func (c *client) echoAllSizes(t *testing.T) {
	t.Helper()
	for _, n := range sizes {
		c.echo(t, wsclient.Message{Type: wsclient.TextMessage, Data: prose(n)}, 1)
		c.echo(t, wsclient.Binary(noise(n)), 1)
	}
}

// echoInOrder has many messages under way at once, of both types and many sizes.
func (c *client) echoInOrder(t *testing.T, count int) {
	t.Helper()
	messages := make([]wsclient.Message, count)
	for i := range messages {
		messages[i] = wsclient.Binary(binary.BigEndian.AppendUint32(noise(i%300), uint32(i)))
		if i%2 == 0 {
			messages[i] = wsclient.Message{Type: wsclient.TextMessage, Data: prose(i)}
		}
	}
	c.exchange(t, messages)
}

// exchange sends messages without waiting, and has to get them back.
func (c *client) exchange(t *testing.T, messages []wsclient.Message) {
	t.Helper()
	ctx, stop := context.WithCancelCause(limited(t))
	defer stop(nil)
	go func() {
		for _, m := range messages {
			if err := c.Send(ctx, m); err != nil {
				stop(err)
				return
			}
		}
	}()
	for i, want := range messages {
		got, err := c.Receive(ctx)
		if err != nil {
			t.Fatalf("message %d: %v", i, cmp.Or(context.Cause(ctx), err))
		}
		if got.Type != want.Type || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("message %d is another one", i)
		}
	}
}

func TestEchoesEverySize(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		dial(t, "ws://"+i.plain+"/", wsclient.Options{}).echoAllSizes(t)
	})
}

func TestKeepsTheOrder(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		dial(t, "ws://"+i.plain+"/", wsclient.Options{}).echoInOrder(t, 1000)
	})
}

func TestEchoesOverTLS(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		c := dial(t, "wss://"+i.secure+"/", trusting(t))
		c.echoAllSizes(t)
		c.echoInOrder(t, 1000)
	})
}

func TestDoesNotTrustAnUnknownCertificate(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		_, err := wsclient.Dial(limited(t), "wss://"+i.secure+"/", nil)
		if !errors.Is(err, wsclient.ErrClosed) {
			t.Fatalf("%v; it should have ended the client", err)
		}
	})
}

// gws 1.8.9 answers a ping with an empty pong, although RFC 6455 5.5.3 wants its
// payload back: there is no telling what such a pong confirms.
func TestFlushIsConfirmedByThePong(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		c := dial(t, "ws://"+i.plain+"/", s.patience())
		ctx := limited(t)
		for range 3 {
			if err := c.Send(ctx, wsclient.Binary(noise(10_000))); err != nil {
				t.Fatal(err)
			}
		}
		err := c.Flush(ctx)
		switch {
		case s.emptyPongs && !errors.Is(err, wsclient.ErrNoConfirmation):
			t.Fatalf("%v from a server that confirms nothing", err)
		case !s.emptyPongs && err != nil:
			t.Fatal(err)
		case !s.emptyPongs && c.Stats().Unconfirmed != 0:
			t.Errorf("%d bytes unconfirmed after Flush", c.Stats().Unconfirmed)
		}
		if rtt := c.Stats().RTT; (rtt == 0) != s.emptyPongs {
			t.Errorf("round trip %v", rtt)
		}
	})
}

func TestPingMeasuresARoundTrip(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		c := dial(t, "ws://"+i.plain+"/", wsclient.Options{})
		ctx := limited(t)
		if s.emptyPongs { // nothing to measure: it may only wait for its context
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
		}
		rtt, err := c.Ping(ctx)
		if s.emptyPongs {
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, wsclient.ErrNoConfirmation) {
				t.Fatalf("%v, %v from pongs that answer nothing", rtt, err)
			}
			c.echo(t, wsclient.Text("no harm done"), 1)
			return
		}
		if err != nil || rtt <= 0 || rtt > 5*time.Second {
			t.Fatalf("%v, %v", rtt, err)
		}
	})
}

func TestAnswersTheServersPing(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		dial(t, "ws://"+i.plain+"/ping", wsclient.Options{}).answersPings(t)
	})
}

// answersPings has the server ping, with payloads of our choice.
func (c *client) answersPings(t *testing.T) {
	t.Helper()
	ctx := limited(t)
	// The longest payload that a ping may have is 125 bytes (RFC 6455 5.5).
	for _, payload := range []string{"are you there?", string(prose(125)), string(prose(125))} {
		if err := c.Send(ctx, wsclient.Text(payload)); err != nil {
			t.Fatal(err)
		}
		m, err := c.Receive(ctx)
		if err != nil || string(m.Data) != "pong "+payload {
			t.Fatalf("%q, %v", m.Data, err)
		}
	}
}
