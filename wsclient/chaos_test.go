package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestChaos: whatever the faults, every message arrives at most once, in order,
// and what did not arrive was reported. The name of a subtest is its seed.
func TestChaos(t *testing.T) {
	for seed := range seeds(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex
			var got []int
			dice := func(n int) int { mu.Lock(); defer mu.Unlock(); return rnd.IntN(n) }
			srv := server(func(p *testserver.Peer) {
				kind, after := dice(5), time.Duration(dice(3000))*time.Millisecond
				stop := time.AfterFunc(after, func() {
					switch kind {
					case 0:
						p.RST()
					case 1:
						p.FIN()
					case 2:
						p.SendClose(1012, "")
					case 3:
						p.Freeze()
					case 4:
						p.WriteRaw([]byte{0xff, 0xff})
					}
				})
				defer stop.Stop()
				for {
					_, data, err := p.ReadMessage()
					if err != nil {
						return
					}
					n, _ := strconv.Atoi(string(data[:8]))
					mu.Lock()
					got = append(got, n)
					mu.Unlock()
				}
			})
			bubble(t, srv, func(w *world) {
				w.net.Latency = time.Duration(rnd.IntN(20)) * time.Millisecond
				lost := 0
				o := wsclient.Options{Reconnect: steady}
				o.Heartbeat.Interval, o.Heartbeat.Timeout = 300*time.Millisecond, 200*time.Millisecond
				o.OnError = func(err error) {
					if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
						lost += u.Messages
					}
				}
				c := w.dial(o)
				sent := 0
				for w.elapsed() < 30*time.Second {
					for range dice(50) {
						m := fmt.Appendf(nil, "%08d", sent)
						m = append(m, make([]byte, dice(1+dice(1+dice(200_000))))...)
						if err := c.Send(w.ctx, wsclient.Binary(m)); err != nil {
							t.Fatal(err)
						}
						sent++
					}
					if dice(20) == 0 {
						c.Reconnect("x")
					}
					<-time.After(time.Duration(dice(200)) * time.Millisecond)
				}
				ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
				defer cancel()
				err := c.Shutdown(ctx)
				<-c.Done()
				left := 0
				if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
					left = u.Messages
				}
				last := -1
				for _, n := range got {
					if n <= last {
						t.Fatalf("%d after %d", n, last)
					}
					last = n
				}
				if len(got)+lost+left < sent {
					t.Errorf("%d sent, %d arrived, %d reported, %d left, %d dropped: %v", sent, len(got), lost, left, c.Stats().DroppedOut, err)
				}
			})
		})
	}
}
