package wsclient_test

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// mallocs runs f and returns the allocations of the whole process meanwhile.
func mallocs(f func()) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

// fire sends n binary messages of size bytes in large writes for each message it
// gets, and reads cheaply itself.
func fire(n, size int) testserver.Handler {
	frames := make([]testserver.Frame, 0, 100)
	for range 100 {
		frames = append(frames, testserver.BinaryFrame(make([]byte, size)))
	}
	burst := testserver.Encode(frames...)
	return func(p *testserver.Peer) {
		for {
			if _, _, err := p.ReadMessage(); err != nil {
				return
			}
			for range n / 100 {
				p.WriteRaw(burst)
			}
		}
	}
}

func quiet(o *wsclient.Options) *wsclient.Options {
	o.Reconnect, o.Heartbeat = reconnect.Never, heartbeat.Policy{Interval: time.Hour}
	return o
}

func TestSendAllocatesNothing(t *testing.T) {
	for _, size := range []int{16, 1 << 10, 16 << 10, 100 << 10} {
		srv := server(nil)
		srv.Handler = drain
		ctx, o := tcp(t, srv, false)
		c := dialTCP(t, ctx, srv, quiet(o))
		m := wsclient.Binary(make([]byte, size))
		send := func() {
			if err := c.Send(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		runs := int(seeds(2000))
		for range runs {
			send()
		}
		if n := testing.AllocsPerRun(runs, send); n > 0 && !raceEnabled { // the detector allocates
			t.Errorf("%d bytes: %v allocations per Send", size, n)
		}
	}
}

// drain reads the raw bytes and throws them away: it allocates nothing either.
func drain(p *testserver.Peer) { p.Discard() }

func TestOnMessageAllocatesNothing(t *testing.T) {
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

func TestReceiveAllocatesPerReadNotPerMessage(t *testing.T) {
	const n = 20_000
	srv := server(fire(n, 100))
	ctx, o := tcp(t, srv, false)
	c := dialTCP(t, ctx, srv, quiet(o))
	round := func() {
		c.Send(ctx, wsclient.Text("go"))
		for range n {
			if _, err := c.Receive(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	round()
	if per := mallocs(round) / n; per > 0.05 && !raceEnabled {
		t.Errorf("%.4f allocations per message", per)
	}
}

// clientGoroutines counts the goroutines that run this package's code.
func clientGoroutines() int {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(stack, []byte("wsclient.(*")) && !bytes.Contains(stack, []byte("testing.tRunner(")) {
			n++
		}
	}
	return n
}

// settle waits until there are n of them, and returns how many there are: the same,
// unless they never come to that.
func settle(n int) (got int) {
	deadline := time.Now().Add(5 * time.Second)
	for got = clientGoroutines(); got != n && time.Now().Before(deadline); got = clientGoroutines() {
		runtime.Gosched()
	}
	return got
}

func TestIdleConnectionCostsOneGoroutine(t *testing.T) {
	srv := server(testserver.Sink)
	ctx, o := tcp(t, srv, false)
	if n := settle(0); n != 0 {
		t.Fatalf("other tests have left %d goroutines", n)
	}
	var clients []*wsclient.Client
	for range 50 {
		c, err := wsclient.Dial(ctx, srv.URL(), o)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		if err := c.Send(ctx, wsclient.Text("x")); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// A writer that has just written may not have ended yet.
	if n := settle(len(clients)); n != len(clients) {
		t.Errorf("%d idle connections cost %d goroutines", len(clients), n)
	}
	for _, c := range clients {
		c.Close()
	}
	for _, c := range clients {
		<-c.Done()
	}
}
