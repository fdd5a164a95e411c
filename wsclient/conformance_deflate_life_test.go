package wsclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// Compressed messages over the life of a connection, and of the next.

// accepting is a server that takes an offer as it is.
func accepting(int, *http.Request) *testserver.Answer {
	return &testserver.Answer{Extensions: "permessage-deflate"}
}

// A message whose end is missing is none, wherever it is cut; the peer has said
// that it is whole.
func TestConformanceUnseenDeflateTruncated(t *testing.T) {
	text := jsonText()[:400]
	for name, z := range map[string][]byte{
		"of dynamic codes": (&testserver.Deflater{Level: 9}).Deflate(text),
		"of fixed codes":   new(blocks).lz(nil, text, 15).message(),
		"of two blocks":    new(blocks).lz(nil, text[:200], 15).lz(text[:200], text[200:], 15).message(),
		"stored":           new(blocks).stored(0, string(text)).message(),
	} {
		t.Run(name, func(t *testing.T) {
			for n := range len(z) {
				f := packed(ws.OpText, z[:n])
				c := badData("", []testserver.Frame{f})
				// Where a block ends, nobody can tell.
				if p, err := (&inflater{bits: 15}).message(f.Payload); err == nil {
					c = clean("", "", each(f), testserver.TextFrame(string(p)))
				}
				for _, wrong := range deflated(compression{}, c)[0].run(t, glued) {
					t.Errorf("%d of %d octets: %s", n, len(z), wrong)
				}
			}
		})
	}
}

// An EOF in the middle is no end of a message, of a large one neither, of which
// much is inflated already.
func TestConformanceUnseenDeflateCutByEOF(t *testing.T) {
	all := testserver.Encode(packed(ws.OpBinary, new(testserver.Deflater).Deflate(random(100_000))))
	for _, n := range []int{1, 2, 3, 10, 11, 1000, 32 << 10, 40_000, 80_000, len(all) - 1} {
		srv := server(func(p *testserver.Peer) { p.WriteRaw(all[:n]) })
		srv.OnUpgrade = accepting
		bubble(t, srv, func(w *world) {
			o := patient()
			o.Compression = wsclient.CompressionContext
			o.OnMessage = func(m wsclient.Message) { w.note("%d octets", len(m.Data)) }
			c := w.open(o)
			<-c.Done()
			w.expect()
			if err := c.Err(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut after %d of %d octets: %v", n, len(all), err)
			}
		})
	}
}

// A new connection agrees anew, and begins with empty windows on both sides.
func TestConformanceUnseenDeflateContextsEndWithTheConnection(t *testing.T) {
	text := strings.Repeat("the same each time; ", 30)
	answers := []string{"permessage-deflate", "permessage-deflate", "", "permessage-deflate; server_no_context_takeover; client_max_window_bits=9", "permessage-deflate"}
	srv := &testserver.Server{OnUpgrade: func(attempt int, _ *http.Request) *testserver.Answer {
		return &testserver.Answer{Extensions: answers[attempt-1]}
	}}
	bubble(t, srv, func(w *world) {
		srv.Handler = func(p *testserver.Peer) {
			in, out := &inflater{bits: 15, context: true}, &testserver.Deflater{Context: true, Level: 6}
			for i := range 3 {
				f, err := p.Read()
				if err == nil && f.Rsv != 0 {
					f.Payload, err = in.message(f.Payload)
				}
				if err != nil || string(f.Payload) != text {
					t.Errorf("session %d: %q, %v", p.Session(), f.Payload, err)
				}
				if i == 0 { // of OnConnect
					continue
				}
				if f = testserver.TextFrame(text); answers[p.Session()-1] == "permessage-deflate" {
					f = out.Frame(f.Op, f.Payload)
				}
				p.Write(f)
			}
			p.Close(1001, "")
		}
		o := patient()
		o.Compression, o.Reconnect = wsclient.CompressionContext, steady
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error { return conn.Send(ctx, wsclient.Text(text)) }
		c := w.dial(o)
		for i, answer := range answers {
			for range 2 {
				w.send(c, text)
				if m := w.receive(c); string(m.Data) != text || m.Session != i+1 || c.Extensions() != answer {
					t.Errorf("session %d, %q: %q", m.Session, c.Extensions(), m.Data)
				}
			}
			for i < len(answers)-1 && c.Stats().Session == i+1 && w.ctx.Err() == nil {
				<-time.After(time.Millisecond)
			}
		}
	})
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
}

// With context a message that was there before is a reference, after a pause and
// in a burst; without, it is what it was. A window too small for it does not help.
func TestConformanceUnseenDeflateRefersBack(t *testing.T) {
	text := testserver.TextFrame(string(jsonText()[:600]))
	for _, test := range []struct {
		compression
		smaller bool
	}{
		{compression{}, true}, {compression{serverNoContext: true}, true}, {compression{clientBits: 10}, true}, {compression{clientBits: 8}, false},
		{compression{clientNoContext: true}, false}, {compression{offer: wsclient.CompressionNoContext}, false},
	} {
		c := clean("", "", each(text, text, text, text), text, text, text, text)
		c.steps[2].pause = time.Second
		c.also = func(_ string, got []heard) error {
			for _, h := range got[1:4] {
				if (h.size < got[0].size/4) != test.smaller {
					return fmt.Errorf("messages of %d and then %d octets", got[0].size, h.size)
				}
			}
			return nil
		}
		c = deflated(test.compression, c)[0]
		t.Run(c.answer(), func(t *testing.T) { c.check(t, asListed) })
	}
}

// Received messages stay what they are when others come, small ones and large.
func TestConformanceUnseenDeflateKept(t *testing.T) {
	kind := content{all: jsonText()}
	srv := &testserver.Server{OnUpgrade: accepting}
	const n = 60
	bubble(t, srv, func(w *world) {
		size := func(i int) int { return []int{1, 100, 600, 5000, 5001, 40_000, 120_000}[i%7] + i }
		srv.Handler = func(p *testserver.Peer) {
			d := &testserver.Deflater{Context: true}
			var all []testserver.Frame
			for i := range n {
				all = append(all, d.Frame(ws.OpBinary, kind.message(i, size(i))))
			}
			p.Write(all...)
			p.Close(1000, "")
		}
		o := patient()
		o.Compression = wsclient.CompressionContext
		c := w.dial(o)
		var kept []wsclient.Message
		for range n {
			kept = append(kept, w.receive(c))
		}
		for i, m := range kept {
			if !bytes.Equal(m.Data, kind.message(i, size(i))) {
				t.Errorf("message %d of %d octets is not what was sent", i, len(m.Data))
			}
		}
	})
}
