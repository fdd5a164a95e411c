package testserver_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

func TestEcho(t *testing.T) {
	serverTest(t, &testserver.Server{}, func(t *testing.T, w world) {
		for range 3 {
			exercise(w.mustDial(t))
		}
	})
}

func TestEchoOverTCPAndTLS(t *testing.T) {
	start := map[string]func(*testserver.Server) error{
		"tcp": func(s *testserver.Server) error { return s.Start(nil) },
		"tls": func(s *testserver.Server) error { return s.StartTLS(nil) },
	}
	for name, start := range start {
		t.Run(name, func(t *testing.T) {
			srv := &testserver.Server{}
			if err := start(srv); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			c, err := dialWith(t, srv.URL(), ws.Dialer{TLSConfig: srv.ClientTLS()})
			if err != nil {
				t.Fatal(err)
			}
			exercise(c)
			if v := srv.Violations(); len(v) != 0 {
				t.Errorf("violations: %q", v)
			}
		})
	}
}

func TestTLSOnTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testserver.NewNetwork()
		ln, err := network.Listen("feed.test:443")
		if err != nil {
			t.Fatal(err)
		}
		srv := &testserver.Server{}
		if err := srv.StartTLS(ln); err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		c, err := dialWith(t, srv.URL(), ws.Dialer{NetDial: network.DialContext, TLSConfig: srv.ClientTLS()})
		if err != nil {
			t.Fatal(err)
		}
		// A freeze cuts the write of a record; after the thaw TLS goes on.
		big := string(make([]byte, 1<<20))
		c.send(testserver.TextFrame("x"))
		c.want(ws.OpText, "x")
		go srv.Peers()[0].WriteText(big)
		synctest.Wait()
		srv.FreezeAll()
		time.AfterFunc(time.Minute, srv.ThawAll)
		start := time.Now()
		c.want(ws.OpText, big)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("the message came after %v", d)
		}
		_ = c.conn.(*tls.Conn).NetConn().Close()

		_, err = dialWith(t, srv.URL(), ws.Dialer{NetDial: network.DialContext})
		if err == nil {
			t.Error("a client that does not know the certificate got in")
		}
	})
}

func TestAnswers(t *testing.T) {
	answers := []*testserver.Answer{
		{Status: 503, Header: http.Header{"Retry-After": {"7"}}, Body: "later", Delay: 2 * time.Second},
		{Raw: []byte("HTTP/1.1 101 Switching")},
		{Header: http.Header{"Sec-WebSocket-Accept": {"wrong"}}},
		{Header: http.Header{"Upgrade": nil}},
		{Subprotocol: "not.offered", Frames: []testserver.Frame{
			testserver.TextFrame("glued"), testserver.PingFrame(nil)}},
		nil,
	}
	srv := &testserver.Server{OnUpgrade: func(attempt int, r *http.Request) *testserver.Answer {
		return answers[attempt-1]
	}}
	serverTest(t, srv, func(t *testing.T, w world) {
		_, err := w.dial(t)
		var status ws.StatusError
		if !errors.As(err, &status) || status != 503 {
			t.Errorf("dial: %v; want 503", err)
		}
		for _, want := range []error{io.EOF, ws.ErrHandshakeBadSecAccept, ws.ErrHandshakeBadUpgrade} {
			if _, err := w.dial(t); !errors.Is(err, want) {
				t.Errorf("dial: %v; want %v", err, want)
			}
		}
		_, err = w.dial(t)
		if !errors.Is(err, ws.ErrHandshakeBadSubProtocol) {
			t.Errorf("dial: %v; want a subprotocol that was not offered", err)
		}
		w.mustDial(t).conn.Close()

		var statuses []int
		for _, a := range w.Attempts() {
			statuses = append(statuses, a.Status)
			if a.Host != "server:80" || a.URI != "/" || a.Requested.IsZero() {
				t.Errorf("attempt %+v", a)
			}
		}
		if want := []int{503, 0, 101, 101, 101, 101}; !slices.Equal(statuses, want) {
			t.Errorf("statuses %v, want %v", statuses, want)
		}
		if d := w.Attempts()[1].Accepted.Sub(w.Attempts()[0].Accepted); d != 2*time.Second {
			t.Errorf("the second attempt came after %v", d)
		}
	})
}

func TestGluedFramesArriveWithTheAnswer(t *testing.T) {
	srv := &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Frames: []testserver.Frame{testserver.TextFrame("glued")}}
	}}
	serverTest(t, srv, func(t *testing.T, w world) {
		c := w.mustDial(t)
		if b, ok := c.br.(*bufio.Reader); !ok || b.Buffered() != 7 {
			t.Errorf("the frame did not come in the same read")
		}
		c.want(ws.OpText, "glued")
		c.conn.Close()
	})
}

func TestHeldAnswerNeverEnds(t *testing.T) {
	srv := &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Raw: []byte("HTTP/1.1 101"), Hold: true}
	}}
	serverTest(t, srv, func(t *testing.T, w world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, _, _, err := ws.Dialer{NetDial: w.network.DialContext}.Dial(ctx, w.URL())
		if d := time.Since(start); err == nil || d != time.Hour {
			t.Errorf("dial ended after %v: %v", d, err)
		}
	})
}

func TestViolationsAreRecorded(t *testing.T) {
	srv := &testserver.Server{Handler: testserver.Sink}
	serverTest(t, &testserver.Server{}, func(*testing.T, world) {}) // an idle server has none
	synctest.Test(t, func(t *testing.T) {
		w := world{Server: srv, network: testserver.NewNetwork()}
		ln, err := w.network.Listen("server:80")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Start(ln); err != nil {
			t.Fatal(err)
		}
		c := w.mustDial(t)
		c.conn.Write(testserver.Encode(
			testserver.TextFrame("not masked"),
			testserver.Frame{Fin: true, Rsv: 4, Op: ws.OpText, Masked: true, Payload: []byte("rsv")},
			testserver.Frame{Fin: true, Op: ws.OpText, Masked: true, Payload: []byte("\xff")}))
		c.conn.Write([]byte{0x81, 0x80 | 126, 0, 1, 0, 0, 0, 1, 'x'})
		c.send(testserver.CloseFrame(1005, ""), testserver.TextFrame("after"))
		synctest.Wait()
		raw, err := w.network.DialContext(t.Context(), "tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(raw, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(raw), nil)
		if err != nil || answer.StatusCode != 400 {
			t.Errorf("a wrong request got %v, %v", answer, err)
		}
		srv.Close()
		want := []string{
			"session 1: frames from client to server must be masked",
			"session 1: non-zero rsv bits with no extension negotiated",
			"session 1: the masking key of the frame before (5.3)",
			"session 1: a text message that is not UTF-8 (8.1)",
			"session 1: the payload length is not in its shortest form (5.2)",
			"session 1: status code is only application level",
			"session 1: a frame after the Close frame (5.5.1)",
			"attempt 2: Sec-WebSocket-Key is not one nonce of 16 bytes",
		}
		if got := srv.Violations(); !slices.Equal(got, want) {
			t.Errorf("violations\n%q\nwant\n%q", got, want)
		}
	})
}

func TestRefusedAfterServerClose(t *testing.T) {
	serverTest(t, &testserver.Server{}, func(t *testing.T, w world) {
		w.Close()
		if _, err := w.dial(t); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial: %v", err)
		}
	})
}
