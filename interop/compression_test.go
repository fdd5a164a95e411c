package interop

import (
	"bytes"
	"slices"
	"testing"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// modes are the ways to compress.
var modes = map[string]wsclient.Compression{"no context": wsclient.CompressionNoContext, "context": wsclient.CompressionContext}

// dialOnce makes a client that is done with its first connection, so that what
// went wrong on it is the error of the call that waits.
func dialOnce(t *testing.T, url string, mode wsclient.Compression, line *tap) *client {
	t.Helper()
	o := trusting(t)
	o.Compression, o.Reconnect = mode, reconnect.Never
	o.Queue.MaxBytes = 16 << 20
	if line != nil {
		o.NetDial = line.dial
	}
	return dial(t, url, o)
}

func TestEchoesCompressed(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		for name, mode := range modes {
			t.Run(name, func(t *testing.T) {
				c := dialOnce(t, "ws://"+i.deflate+"/", mode, nil)
				c.agreed(t, mode)
				c.echoAllSizes(t)
				c.echoInOrder(t, 300)
			})
		}
	})
}

func TestEchoesCompressedOverTLS(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		const mode = wsclient.CompressionContext
		c := dialOnce(t, "wss://"+i.secure+"/", mode, nil)
		c.agreed(t, mode)
		c.echoInOrder(t, 300)
	})
}

func TestEchoesCompressedThroughAGateway(t *testing.T) {
	everyGateway(t, func(t *testing.T, p *product) {
		g := p.start(t, never, 0)
		g.serve(t)
		const mode = wsclient.CompressionContext
		c := dialOnce(t, "ws://"+g.Address+"/", mode, nil)
		c.agreed(t, mode)
		c.echoAllSizes(t)
		c.echoInOrder(t, 300)
	})
}

func TestEchoesPlainWhereCompressionIsDeclined(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		line := &tap{}
		c := dialOnce(t, "ws://"+i.plain+"/", wsclient.CompressionContext, line)
		if got := c.Extensions(); got != "" {
			t.Fatalf("the extensions are %q", got)
		}
		c.echoAllSizes(t)
		if sent, received := line.drain(); sent.packed+received.packed > 0 {
			t.Errorf("compressed: sent %+v, received %+v", sent, received)
		}
	})
}

// Of several MiB, one that shrinks to almost nothing, and one that does so only
// in part.
func TestEchoesLargeMessagesCompressed(t *testing.T) {
	const size = 1 << 20
	messages := []wsclient.Message{
		{Type: wsclient.TextMessage, Data: prose(3 * size)},
		wsclient.Text("small"),
		wsclient.Binary(slices.Concat(prose(size), noise(size), make([]byte, size/2))),
	}
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		dialOnce(t, "ws://"+i.deflate+"/", wsclient.CompressionContext, nil).exchange(t, messages)
	})
}

func TestTakesFragments(t *testing.T) {
	var messages []wsclient.Message
	for n := range 60 {
		messages = append(messages, wsclient.Message{Type: wsclient.TextMessage, Data: prose(n * n)}, wsclient.Binary(noise(n*n)))
	}
	// gws cuts at 128 KiB.
	messages = append(messages, wsclient.Binary(noise(300_000)), wsclient.Message{Type: wsclient.TextMessage, Data: prose(300_000)})
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		for name, mode := range map[string]wsclient.Compression{"plain": wsclient.CompressionOff, "no context": wsclient.CompressionNoContext, "context": wsclient.CompressionContext} {
			t.Run(name, func(t *testing.T) {
				line := &tap{}
				c := dialOnce(t, "ws://"+i.deflate+"/fragments", mode, line)
				for range 2 { // what follows a fragmented message may refer to it
					c.exchange(t, messages)
				}
				_, received := line.drain()
				if (received.packed > 0) != (mode != wsclient.CompressionOff) || (received.pieces > 0) != s.fragments || (received.within > 0) != s.pingsBetween {
					t.Errorf("received %+v", received)
				}
			})
		}
	})
}

// Where the server compresses only what is worth it, messages of both sorts come
// mixed, as they go: less than 512 bytes are not compressed by themselves.
func TestTakesPlainAmongCompressed(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		addr, ok := i.agreed[noContext]
		if !ok { // aiohttp compresses everything
			addr = i.deflate
		}
		line := &tap{}
		c := dialOnce(t, "ws://"+addr+"/", wsclient.CompressionNoContext, line)
		var messages []wsclient.Message
		for n := range 50 {
			messages = append(messages, wsclient.Text(""), wsclient.Binary(noise(threshold-1)), wsclient.Binary(bytes.Repeat(noise(100), n)))
		}
		c.exchange(t, messages)
		sent, received := line.drain()
		if sent.plain == 0 || sent.packed == 0 || received.packed == 0 || (received.plain == 0) != s.noThreshold {
			t.Errorf("sent %+v, received %+v", sent, received)
		}
	})
}

func TestAnswersTheServersPingAmongCompressed(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		mode := wsclient.CompressionContext
		if s.pingsInWindow {
			mode = wsclient.CompressionNoContext
		}
		dialOnce(t, "ws://"+i.deflate+"/ping", mode, nil).answersPings(t)
	})
}
