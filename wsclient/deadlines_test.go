package wsclient_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// timeless is a conn without deadlines, as x/crypto/ssh's tunnels are.
type timeless struct{ net.Conn }

var errTimeless = errors.New("deadline not supported")

func (timeless) SetDeadline(time.Time) error      { return errTimeless }
func (timeless) SetReadDeadline(time.Time) error  { return errTimeless }
func (timeless) SetWriteDeadline(time.Time) error { return errTimeless }

func TestConnWithoutDeadlines(t *testing.T) {
	for _, how := range []string{"close", "verdict", "dial"} {
		t.Run(how, func(t *testing.T) {
			srv := server(func(p *testserver.Peer) { silence(p) })
			if how == "dial" {
				srv = &testserver.Server{OnUpgrade: never}
			}
			bubble(t, srv, func(w *world) {
				o := wsclient.Options{Reconnect: steady}
				var raw net.Conn
				o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					nc, err := w.net.DialContext(ctx, network, addr)
					raw = nc
					return timeless{nc}, err
				}
				if how == "dial" {
					c := w.open(o)
					w.at(time.Minute)
					if n := len(srv.Attempts()); n < 2 {
						t.Errorf("%d attempts after a minute", n)
					}
					c.Close()
					w.at(2 * time.Minute)
					raw.Close()
					return
				}
				c := w.dial(o)
				switch how {
				case "close":
					c.Close()
					w.at(10 * time.Second)
					if c.ReadyState() != wsclient.Closed {
						t.Errorf("10 s after Close: %v", c.ReadyState())
					}
				case "verdict":
					w.at(30 * time.Second)
					if s := c.Stats(); s.Session != 2 {
						t.Errorf("a silent peer after 30 s: session %d, %v", s.Session, s.ReadyState)
					}
					c.Close()
					w.at(time.Minute)
				}
				raw.Close()
			})
		})
	}
}
