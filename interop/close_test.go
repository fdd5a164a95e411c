package interop

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

func closeURL(i *instance, code wsclient.StatusCode, reason string) string {
	return fmt.Sprintf("ws://%s/close?code=%d&reason=%s", i.plain, uint16(code), url.QueryEscape(reason))
}

func TestResumesAfterTheServersClose(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		const code, reason = 4001, "wartung für 5 min"
		c := dial(t, closeURL(i, code, reason), wsclient.Options{})
		for session := 1; session <= 2; session++ {
			if conn := next(t, c.opened, "a connection"); conn.Session() != session {
				t.Fatalf("session %d opened, want %d", conn.Session(), session)
			}
			if err := c.Send(limited(t), wsclient.Text("close, please")); err != nil {
				t.Fatal(err)
			}
			e := next(t, c.closed, "the Close")
			if e.Session != session || e.Code != code || e.Reason != reason || !e.WasClean || !e.Retry {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func TestEndsAfterTheServersCloseThatSaysSo(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		c := dial(t, closeURL(i, wsclient.StatusPolicyViolation, "go away"), wsclient.Options{})
		if err := c.Send(limited(t), wsclient.Text("close, please")); err != nil {
			t.Fatal(err)
		}
		next(t, c.Done(), "the end")
		ce, ok := errors.AsType[*wsclient.CloseError](c.Err())
		if !ok || ce.Code != wsclient.StatusPolicyViolation || ce.Reason != "go away" || !ce.Remote {
			t.Fatalf("%v", c.Err())
		}
		if e := next(t, c.closed, "the Close"); e.Retry || !e.WasClean {
			t.Errorf("%+v", e)
		}
	})
}

// The closing handshake is clean, and the server got our code and reason.
func TestClosesCleanly(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, i *instance) {
		for name, end := range map[string]struct {
			close func(c *client) error
			seen  string
		}{
			"CloseWith": {func(c *client) error { return c.CloseWith(4002, "tschüss") }, "4002 tschüss"},
			"Shutdown":  {func(c *client) error { return c.Shutdown(limited(t)) }, "1000"},
		} {
			t.Run(name, func(t *testing.T) {
				if s.hidesReason {
					end.seen, _, _ = strings.Cut(end.seen, " ")
				}
				path := "/" + name
				c := dial(t, "ws://"+i.plain+path, s.patience())
				c.echo(t, wsclient.Text("still here"), 1)
				if err := end.close(c); err != nil {
					t.Fatal(err)
				}
				next(t, c.Done(), "the end")
				if e := next(t, c.closed, "OnClose"); !e.WasClean || e.Retry || !errors.Is(e.Err, wsclient.ErrClosed) {
					t.Errorf("%+v", e)
				}
				if _, err := i.out.await(limited(t), "closed "+path+" "+end.seen); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func TestNegotiatesTheSubprotocol(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		c := dial(t, "ws://"+i.plain+"/", wsclient.Options{Subprotocols: []string{"feed.v3", "feed.v1"}})
		if got := c.Subprotocol(); got != "feed.v1" {
			t.Errorf("the subprotocol is %q", got)
		}
		c.echo(t, wsclient.Text("feed"), 1)
	})
}

// Some servers refuse, some go on without a subprotocol: then the client has to
// refuse.
func TestDoesNotDoWithoutTheSubprotocol(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		o := &wsclient.Options{Subprotocols: []string{"feed.v3"}, Reconnect: reconnect.Never}
		_, err := wsclient.Dial(limited(t), "ws://"+i.plain+"/", o)
		if _, ok := errors.AsType[*wsclient.HandshakeError](err); !ok {
			t.Fatal(err)
		}
		t.Log(err)
	})
}
