package testserver_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// world is a server on a network of its own.
type world struct {
	*testserver.Server
	network *testserver.Network
}

// serverTest runs f in a bubble and wants a client without violations.
func serverTest(t *testing.T, srv *testserver.Server, f func(t *testing.T, w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := world{Server: srv, network: testserver.NewNetwork()}
		ln, err := w.network.Listen("server:80")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Start(ln); err != nil {
			t.Fatal(err)
		}
		defer srv.Close() // for a test that fails half-way
		f(t, w)
		srv.Close()
		if v := srv.Violations(); len(v) != 0 {
			t.Errorf("violations: %q", v)
		}
	})
}

// client is gobwas/ws, bare.
type client struct {
	t    *testing.T
	conn net.Conn
	br   io.Reader
	hs   ws.Handshake
}

func (w world) dial(t *testing.T) (*client, error) {
	t.Helper()
	return dialWith(t, w.URL(), ws.Dialer{NetDial: w.network.DialContext})
}

func (w world) mustDial(t *testing.T) *client {
	t.Helper()
	c, err := w.dial(t)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialWith(t *testing.T, url string, d ws.Dialer) (*client, error) {
	t.Helper()
	conn, br, hs, err := d.Dial(t.Context(), url)
	if err != nil {
		return nil, err
	}
	if br == nil {
		br = bufio.NewReader(conn)
	}
	return &client{t: t, conn: conn, br: br, hs: hs}, nil
}

func (c *client) send(frames ...testserver.Frame) {
	c.t.Helper()
	for i := range frames {
		frames[i].Masked, frames[i].Mask = true, ws.NewMask()
	}
	if _, err := c.conn.Write(testserver.Encode(frames...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() (ws.OpCode, string, error) {
	h, err := ws.ReadHeader(c.br)
	if err != nil {
		return 0, "", err
	}
	p := make([]byte, h.Length)
	_, err = io.ReadFull(c.br, p)
	return h.OpCode, string(p), err
}

func (c *client) want(op ws.OpCode, payload string) {
	c.t.Helper()
	if o, p, err := c.read(); o != op || p != payload || err != nil {
		c.t.Fatalf("read %v %q, %v; want %v %q", o, p, err, op, payload)
	}
}

func (c *client) wantError(want error) {
	c.t.Helper()
	if o, p, err := c.read(); !errors.Is(err, want) {
		c.t.Fatalf("read %v %q, %v; want %v", o, p, err, want)
	}
}

// exercise is a conversation with Echo, fragments, ping and Close included.
func exercise(c *client) {
	c.t.Helper()
	c.send(testserver.TextFrame("hello"))
	c.want(ws.OpText, "hello")
	c.send(testserver.Frame{Op: ws.OpBinary, Payload: []byte("frag")},
		testserver.PingFrame([]byte("in between")),
		testserver.Frame{Fin: true, Op: ws.OpContinuation, Payload: []byte("ments")})
	c.want(ws.OpPong, "in between")
	c.want(ws.OpBinary, "fragments")
	c.send(testserver.CloseFrame(1000, "bye"))
	c.want(ws.OpClose, "\x03\xe8")
	c.wantError(io.EOF)
	c.conn.Close()
}
