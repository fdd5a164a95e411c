//go:build unix

package interop

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/wsclient"
)

// A server that stands still is as good as dead, although its kernel takes all
// that is sent and even new connections.
func TestNoticesAServerThatStandsStill(t *testing.T) {
	everyServer(t, func(t *testing.T, s *server, _ *instance) {
		if !s.external {
			t.Skip(s.name + " runs in this process, which must go on")
		}
		i := s.start(t)
		const interval, timeout = 500 * time.Millisecond, 500 * time.Millisecond
		c := dial(t, "ws://"+i.plain+"/", wsclient.Options{Heartbeat: heartbeat.Policy{Interval: interval, Timeout: timeout}})
		c.echo(t, wsclient.Text("before"), 1)
		i.signal(syscall.SIGSTOP)
		e := next(t, c.closed, "the verdict")
		if te, ok := errors.AsType[*heartbeat.TimeoutError](e.Err); !ok || te.Silence < timeout || e.Session != 1 || !e.Retry {
			t.Errorf("%+v", e)
		}
		if got := c.ReadyState(); got != wsclient.Connecting {
			t.Errorf("%v while the server stands still", got)
		}
		i.signal(syscall.SIGCONT)
		c.echo(t, wsclient.Text("after"), 2)
	})
}
