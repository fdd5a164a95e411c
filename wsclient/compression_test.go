package wsclient_test

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// compressing serves permessage-deflate as the answer says; the frames are the
// handler's affair.
func compressing(h testserver.Handler, extensions string) *testserver.Server {
	srv := server(h)
	srv.OnUpgrade = func(int, *http.Request) *testserver.Answer { return &testserver.Answer{Extensions: extensions} }
	return srv
}

func TestIdleConnectionHoldsNoCompressor(t *testing.T) {
	for _, mode := range []wsclient.Compression{wsclient.CompressionNoContext, wsclient.CompressionContext} {
		const clients = 30
		srv := compressing(testserver.Sink, "permessage-deflate; server_no_context_takeover")
		bubble(t, srv, func(w *world) {
			p := bytes.Repeat([]byte("0123456789abcdef"), 100)
			send := func(c *wsclient.Client) {
				for range 3 {
					if err := c.Send(w.ctx, wsclient.Binary(p)); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
			}
			all := make([]*wsclient.Client, clients)
			for i := range all {
				all[i] = w.dial(wsclient.Options{Compression: mode})
			}
			before := heap()
			for _, c := range all {
				send(c)
			}
			if each := (heap() - before) / clients; each > 64<<10 {
				t.Errorf("mode %d: %d bytes more for each connection that has sent", mode, each)
			}
		})
	}
}

func incompressible(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(p)
	return p
}

// heap is what lives after the garbage is gone, that in pools too.
func heap() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A message larger than a batch leaves in pieces: what is counted is its payload.
func TestBufferedAmountOfACompressedMessageThatLeavesInPieces(t *testing.T) {
	srv := compressing(testserver.Hold, "permessage-deflate")
	bubble(t, srv, func(w *world) {
		w.net.Buffer = 256 << 10
		c := w.dial(wsclient.Options{Compression: wsclient.CompressionContext, WriteTimeout: time.Minute, Queue: wsclient.QueueOptions{MaxBytes: 4 << 20}})
		p := incompressible(2 << 20)
		if err := c.Send(w.ctx, wsclient.Binary(p)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		left := int64(len(p)) - c.BufferedAmount()
		if left < 60<<10 || left > 400<<10 {
			t.Errorf("BufferedAmount says that %d of %d bytes have left", left, len(p))
		}
	})
}

// What was cut, or never left, goes again: compressed anew, for a peer that
// remembers nothing.
func TestCompressedMessagesGoAgainForAPeerThatRemembersNothing(t *testing.T) {
	var inflated []string
	srv := compressing(func(p *testserver.Peer) {
		if p.Session() == 1 {
			p.Read()
			p.RST()
			return
		}
		f := &plainInflater{}
		for {
			m, err := p.Read()
			if err != nil {
				return
			}
			if !m.Op.IsControl() {
				inflated = append(inflated, f.message(t, m))
			}
		}
	}, "permessage-deflate")
	bubble(t, srv, func(w *world) {
		w.net.Buffer = 8 << 10
		c := w.dial(wsclient.Options{Compression: wsclient.CompressionContext, Reconnect: steady})
		var want []string
		for i := range 5 {
			s := string(incompressible(100_000)[20_000*i:][:20_000])
			want = append(want, s)
			if err := c.Send(w.ctx, wsclient.Binary([]byte(s))); err != nil {
				t.Fatal(err)
			}
		}
		w.at(time.Second)
		if len(inflated) < 3 {
			t.Fatalf("%d messages came on the second connection", len(inflated))
		}
		for i, s := range inflated {
			if s != want[len(want)-len(inflated)+i] {
				t.Fatalf("message %d of %d differs", i, len(inflated))
			}
		}
	})
}

// A plainInflater inflates what one connection's client sends, with the standard
// library.
type plainInflater struct{ window []byte }

func (f *plainInflater) message(t *testing.T, m testserver.Frame) string {
	if m.Rsv == 0 {
		return string(m.Payload)
	}
	z := io.MultiReader(bytes.NewReader(m.Payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	p, err := io.ReadAll(flate.NewReaderDict(z, f.window))
	if err != nil {
		t.Errorf("%d bytes inflated, then %v", len(p), err)
	}
	f.window = append(f.window, p...)
	return string(p)
}
