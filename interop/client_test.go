package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// A client is the one under test, with the events a test can wait for.
type client struct {
	*wsclient.Client
	opened chan *wsclient.Conn
	closed chan wsclient.CloseEvent // of connections that were open
	failed chan error               // the first ones; nobody has to take them
}

// limited returns a context that ends long after all that a test waits for.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// newClient makes a client that reconnects fast.
func newClient(t *testing.T, url string, o wsclient.Options) (*client, error) {
	c := &client{
		opened: make(chan *wsclient.Conn, 16),
		closed: make(chan wsclient.CloseEvent, 16),
		failed: make(chan error, 256),
	}
	if o.Reconnect.MaxAttempts == 0 {
		o.Reconnect = reconnect.Policy{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond}
	}
	o.OnOpen = func(conn *wsclient.Conn) { c.opened <- conn }
	o.OnClose = func(e wsclient.CloseEvent) {
		if e.Session > 0 {
			c.closed <- e
		}
	}
	o.OnError = func(err error) {
		select {
		case c.failed <- err:
		default:
		}
	}
	var err error
	if c.Client, err = wsclient.New(url, &o); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		c.Close()
		next(t, c.Done(), "the client's end", 5*time.Second)
	})
	return c, nil
}

// dial makes a client and waits until it is open.
func dial(t *testing.T, url string, o wsclient.Options) *client {
	t.Helper()
	c, err := newClient(t, url, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitOpen(limited(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

// next receives from a channel, or fails the test: after limit, or 20 s if there is none.
func next[T any](t *testing.T, from <-chan T, what string, limit ...time.Duration) (v T) {
	t.Helper()
	timer := time.NewTimer(append(limit, 20*time.Second)[0])
	defer timer.Stop()
	select {
	case v = <-from:
	case <-timer.C:
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// echo sends a message and has to get it back, on the session given.
func (c *client) echo(t *testing.T, m wsclient.Message, session int) {
	t.Helper()
	ctx := limited(t)
	if err := c.Send(ctx, m); err != nil {
		t.Fatal(err)
	}
	got, err := c.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got.Type != m.Type || !bytes.Equal(got.Data, m.Data) {
		t.Fatalf("sent %d bytes of %v, received %d bytes of %v, or others", len(m.Data), m.Type, len(got.Data), got.Type)
	}
	if got.Session != session {
		t.Fatalf("session %d, want %d", got.Session, session)
	}
}

// trusting returns options with the servers' certificate.
func trusting(t *testing.T) wsclient.Options {
	t.Helper()
	id, err := identity()
	if err != nil {
		t.Fatal(err)
	}
	return wsclient.Options{TLS: &tls.Config{RootCAs: id.pool}}
}

// dialer returns a NetDial that connects to what address returns at the time.
func dialer(address func() string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address())
	}
}
