package wsclient_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// slow returns options whose OnMessage takes as long as its text says, and which
// note what SlowMessage is told, and when.
func (w *world) slow() wsclient.Options {
	return wsclient.Options{
		OnMessage: func(m wsclient.Message) {
			d, err := time.ParseDuration(string(m.Data))
			if err != nil {
				w.Error(err)
			}
			<-time.After(d)
		},
		Trace: &wsclient.Trace{SlowMessage: func(messages, size int, took time.Duration) {
			w.note("%d of %d bytes, %v at %v", messages, size, took, w.elapsed())
		}},
	}
}

// says sends each text at its time, together if it is the same.
func says(at time.Duration, texts ...string) testserver.Handler {
	return func(p *testserver.Peer) {
		<-time.After(at)
		var frames []testserver.Frame
		for _, s := range texts {
			frames = append(frames, testserver.TextFrame(s))
		}
		p.Write(frames...)
	}
}

func script(hs ...testserver.Handler) *testserver.Server {
	return server(func(p *testserver.Peer) {
		for _, h := range hs {
			h(p)
		}
		testserver.Sink(p)
	})
}

func TestSlowOnMessageIsNamed(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		srv   *testserver.Server
		after time.Duration
		want  []string
	}{
		"while it still runs":                   {script(says(0, "1h")), 0, []string{"1 of 2 bytes, 1s at 1s"}},
		"not before":                            {script(says(0, "999ms"), says(2*time.Second, "999ms")), 0, nil},
		"after SlowAfter":                       {script(says(0, "1h")), 30 * ms, []string{"1 of 2 bytes, 30ms at 30ms"}},
		"the one that is slow":                  {script(says(0, "0s", "0s", "3000ms")), 0, []string{"3 of 6 bytes, 1s at 1s"}},
		"many of one read that are so together": {script(says(0, "300ms", "300ms", "300ms", "300ms", "9s")), 0, []string{"4 of 5 bytes, 1s at 1s"}},
		"not many of different reads":           {script(says(0, "600ms"), says(600*ms, "600ms"), says(600*ms, "600ms")), 0, nil},
		"once per read":                         {script(says(0, "5s"), says(10*time.Second, "5s")), 0, []string{"1 of 2 bytes, 1s at 1s", "1 of 2 bytes, 1s at 11s"}},
		"to the instant behind a quick one":     {script(says(0, "0s"), says(700*ms, "5s")), 0, []string{"1 of 2 bytes, 1s at 1.7s"}},
		"to the instant behind a quiet time":    {script(says(0, "0s"), says(time.Minute, "5s")), 0, []string{"1 of 2 bytes, 1s at 1m1s"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.srv, func(w *world) {
				o := w.slow()
				o.Trace.SlowAfter = test.after
				o.Heartbeat.Interval = time.Hour
				c := w.open(o)
				w.at(5 * time.Minute)
				w.expect(test.want...)
				c.Close()
				w.at(2 * time.Hour)
			})
		})
	}
}

func TestSlowOnMessageIsNamedForWhatOnConnectLeft(t *testing.T) {
	bubble(t, script(says(0, "first", "2s", "9s")), func(w *world) {
		o := w.slow()
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			_, err := conn.Receive(ctx)
			return err
		}
		w.dial(o)
		w.at(20 * time.Second)
		w.expect("1 of 2 bytes, 1s at 1s")
	})
}

func TestWatchedOnMessageAllocatesNothing(t *testing.T) {
	const n = 20_000
	srv := server(fire(n, 100))
	ctx, o := tcp(t, srv, false)
	var got atomic.Int64
	all := make(chan struct{}, 1)
	o.OnMessage = func(m wsclient.Message) {
		if got.Add(1)%n == 0 {
			all <- struct{}{}
		}
	}
	o.Trace = &wsclient.Trace{SlowMessage: func(int, int, time.Duration) {}}
	c := dialTCP(t, ctx, srv, quiet(o))
	round := func() {
		c.Send(ctx, wsclient.Text("go"))
		<-all
	}
	round()
	if per := mallocs(round) / n; per > 0.005 && !raceEnabled {
		t.Errorf("%.4f allocations per message", per)
	}
}
