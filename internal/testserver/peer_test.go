package testserver_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

func TestReadGivesFramesAsTheyCame(t *testing.T) {
	var got []string
	srv := &testserver.Server{Handler: func(p *testserver.Peer) {
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if !f.Masked || f.Mask == [4]byte{} {
				t.Error("the frame's key is not there")
			}
			got = append(got, string(f.Payload))
		}
	}}
	serverTest(t, srv, func(t *testing.T, w world) {
		c := w.mustDial(t)
		c.send(testserver.Frame{Op: ws.OpText, Payload: []byte("a")}, testserver.PingFrame([]byte("b")),
			testserver.Frame{Fin: true, Op: ws.OpContinuation, Payload: []byte("c")})
		synctest.Wait()
		c.conn.Close()
		if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
			t.Errorf("frames %q, want %q", got, want)
		}
	})
}

func TestScriptMayBreakTheRules(t *testing.T) {
	steps := func(p *testserver.Peer) {
		p.Ping([]byte("anyone?"))
		p.WriteFrame(false, 7, 0xb, []byte("reserved"))
		p.Write(testserver.Frame{Fin: true, Op: ws.OpText, Masked: true, Mask: [4]byte{1, 2, 3, 4}, Payload: []byte("mask")})
		p.WriteRaw([]byte{0x81, 0})
		p.SendClose(1000, "")
		if p.WriteText("polite") == nil {
			t.Error("Write after our Close")
		}
		p.WriteFrame(true, 0, ws.OpText, []byte("rude"))
	}
	serverTest(t, &testserver.Server{Handler: steps}, func(t *testing.T, w world) {
		c := w.mustDial(t)
		all, err := io.ReadAll(c.br)
		if err != nil {
			t.Fatal(err)
		}
		want := "\x89\x07anyone?" + "\x7b\x08reserved" + "\x81\x84\x01\x02\x03\x04" + "lcpo" +
			"\x81\x00" + "\x88\x02\x03\xe8" + "\x81\x04rude"
		if string(all) != want {
			t.Errorf("wrote\n%q\nwant\n%q", all, want)
		}
		c.conn.Close()
	})
}

func TestAnswerChoosesSubprotocolAndHeaders(t *testing.T) {
	srv := &testserver.Server{OnUpgrade: func(_ int, r *http.Request) *testserver.Answer {
		return &testserver.Answer{
			Subprotocol: r.Header.Get("Sec-WebSocket-Protocol"),
			Header:      http.Header{"X-Node": {"7"}},
		}
	}}
	serverTest(t, srv, func(t *testing.T, w world) {
		node := ""
		c, err := dialWith(t, w.URL(), ws.Dialer{
			NetDial: w.network.DialContext, Protocols: []string{"v1"},
			OnHeader: func(key, value []byte) error {
				if string(key) == "X-Node" {
					node = string(value)
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if c.hs.Protocol != "v1" || node != "7" || w.Peers()[0].Subprotocol() != "v1" {
			t.Errorf("protocol %q, node %q", c.hs.Protocol, node)
		}
		exercise(c)
	})
}

func TestCompressedMessagesAreEchoedAsTheyAre(t *testing.T) {
	srv := &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Extensions: "permessage-deflate"}
	}}
	serverTest(t, srv, func(t *testing.T, w world) {
		conn, err := w.network.DialContext(t.Context(), "tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
		c := &client{t: t, conn: conn}
		c.send(testserver.Frame{Rsv: 4, Op: ws.OpText, Payload: []byte("\xffsqueezed ")},
			testserver.Frame{Fin: true, Op: ws.OpContinuation, Payload: []byte("bytes")},
			testserver.CloseFrame(0, ""))
		all, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		_, frames, _ := strings.Cut(string(all), "\r\n\r\n")
		if want := "\xc1\x0f\xffsqueezed bytes" + "\x88\x00"; frames != want {
			t.Errorf("frames %q, want %q", frames, want)
		}
		conn.Close()
	})
}

func TestHoldTakesWhatTheBuffersTake(t *testing.T) {
	serverTest(t, &testserver.Server{Handler: testserver.Hold}, func(t *testing.T, w world) {
		c := w.mustDial(t)
		c.conn.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := c.conn.Write(make([]byte, 1<<20))
		if n != 64<<10 || err == nil {
			t.Errorf("a server that does not read took %d bytes, %v", n, err)
		}
		c.conn.Close()
	})
}

func TestManyClientsAtOnce(t *testing.T) {
	serverTest(t, &testserver.Server{}, func(t *testing.T, w world) {
		w.network.Latency = 10 * time.Millisecond
		clients := make([]*client, 100)
		var dials sync.WaitGroup
		for i := range clients {
			dials.Go(func() {
				var err error
				if clients[i], err = w.dial(t); err != nil {
					t.Error(err)
				}
			})
		}
		dials.Wait()
		for _, c := range clients {
			exercise(c)
		}
		if n := len(w.Attempts()); n != 100 {
			t.Errorf("%d attempts", n)
		}
	})
}
