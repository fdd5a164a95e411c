package interop

import (
	"errors"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/wsclient"
)

const (
	idle  = 1500 * time.Millisecond // the timeout of a gateway that is to cut a silent link
	never = 30 * time.Second        // and of one that is not
)

func TestHeartbeatKeepsTheLinkThroughAGateway(t *testing.T) {
	everyGateway(t, func(t *testing.T, p *product) {
		g := p.start(t, idle, 0)
		g.serve(t)
		answers := make(chan time.Duration, 64)
		c := dial(t, "ws://"+g.Address+"/", wsclient.Options{
			Heartbeat: heartbeat.Policy{Interval: idle / 5},
			Trace:     &wsclient.Trace{RTT: func(d time.Duration) { answers <- d }},
		})
		for range 10 { // two timeouts of the gateway
			next(t, answers, "an answer to a probe")
		}
		c.echo(t, wsclient.Text("still here"), 1)
		select {
		case e := <-c.closed:
			t.Errorf("%+v", e)
		default:
		}
	})
}

// An Interval longer than the gateway's timeout keeps nothing, but the client
// notices the cut and is back long before its next probe.
func TestResumesAfterAGatewaysIdleTimeout(t *testing.T) {
	everyGateway(t, func(t *testing.T, p *product) {
		g := p.start(t, idle/3, 0)
		g.serve(t)
		c := dial(t, "ws://"+g.Address+"/", wsclient.Options{Heartbeat: heartbeat.Policy{Interval: never}})
		e := next(t, c.closed, "the cut", never/3)
		if e.Session != 1 || e.Code != wsclient.StatusAbnormalClosure || e.WasClean || !e.Retry {
			t.Errorf("%+v", e)
		}
		if e.Uptime < idle/6 || e.Uptime > never/3 {
			t.Errorf("cut after %v", e.Uptime)
		}
		c.echo(t, wsclient.Text("back"), 2)
	})
}

func TestSurvivesAGatewaysReload(t *testing.T) {
	everyGateway(t, func(t *testing.T, p *product) {
		g := p.start(t, never, 0)
		g.serve(t)
		c := dial(t, "ws://"+g.Address+"/", wsclient.Options{})
		c.echo(t, wsclient.Text("before"), 1)
		g.reload(t)
		c.echo(t, wsclient.Text("after"), 1)
		// A new connection is for the new process.
		dial(t, "ws://"+g.Address+"/", wsclient.Options{}).echo(t, wsclient.Text("new"), 1)
	})
}

func TestResumesAfterAGatewaysReloadThatCuts(t *testing.T) {
	everyGateway(t, func(t *testing.T, p *product) {
		g := p.start(t, never, idle/6)
		g.serve(t)
		c := dial(t, "ws://"+g.Address+"/", wsclient.Options{})
		c.echo(t, wsclient.Text("before"), 1)
		g.reload(t)
		if e := next(t, c.closed, "the cut"); e.Session != 1 || e.Code != wsclient.StatusAbnormalClosure || !e.Retry {
			t.Errorf("%+v", e)
		}
		c.echo(t, wsclient.Text("after"), 2)
	})
}

// refused waits for an attempt that the gateway refused because its backend is down.
func (c *client) refused(t *testing.T, status int) {
	t.Helper()
	for {
		he, ok := errors.AsType[*wsclient.HandshakeError](next(t, c.failed, "a refusal"))
		if !ok {
			continue // the loss of the connection before
		}
		if he.Status != status {
			t.Fatalf("refused with %v, want %d", he, status)
		}
		return
	}
}

func TestRetriesUntilTheBackendIsBack(t *testing.T) {
	everyGateway(t, func(t *testing.T, p *product) {
		g := p.start(t, never, 0)
		c, err := newClient(t, "ws://"+g.Address+"/", wsclient.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for session := 1; session <= 2; session++ {
			c.refused(t, p.down)
			if err := c.Send(limited(t), wsclient.Text("meanwhile")); err != nil {
				t.Fatal(err)
			}
			g.serve(t)
			m, err := c.Receive(limited(t))
			if err != nil || string(m.Data) != "meanwhile" || m.Session != session {
				t.Fatalf("%q of session %d, want %d, %v", m.Data, m.Session, session, err)
			}
			for len(c.failed) > 0 { // refusals of this round
				<-c.failed
			}
			g.kill()
			if e := next(t, c.closed, "the cut"); e.Session != session || !e.Retry {
				t.Errorf("%+v", e)
			}
		}
		c.refused(t, p.down)
	})
}
