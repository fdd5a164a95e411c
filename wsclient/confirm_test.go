package wsclient_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestBarriersOfABurst: while anything is unconfirmed a ping follows at the
// latest every 16 KiB if some of it would have to go again, and 64 KiB otherwise;
// a message larger than that is alone between two.
func TestBarriersOfABurst(t *testing.T) {
	for _, test := range []struct {
		size, n int
		again   bool
		most    int // payload between two pings
	}{
		{100, 3000, false, 64 << 10},
		{100, 3000, true, 16 << 10},
		{15 << 10, 60, false, 64 << 10},
		{15 << 10, 60, true, 16 << 10}, // two would be too much
		{70 << 10, 20, false, 70 << 10},
		{70 << 10, 20, true, 70 << 10},
		{600 << 10, 6, false, 600 << 10}, // larger than any batch
		{600 << 10, 6, true, 600 << 10},
		{64 << 10, 20, false, 64 << 10}, // as large as a batch
	} {
		for _, quiet := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d of %d, again %v, off %v", test.n, test.size, test.again, quiet), func(t *testing.T) {
				log := &frameLog{}
				bubble(t, server(log.peer(func() bool { return false })), func(w *world) {
					o := wsclient.Options{Queue: wsclient.QueueOptions{MaxBytes: 64 << 20}}
					if quiet {
						o.Heartbeat = heartbeat.Off
					}
					if test.again {
						o.Queue.Delivery = wsclient.AtLeastOnce
					}
					c := w.open(w.later(time.Second, o)) // so that it is a burst
					for range test.n {
						if err := c.Send(w.ctx, wsclient.Binary(make([]byte, test.size))); err != nil {
							t.Fatal(err)
						}
					}
					w.at(2 * time.Second)
					log.mu.Lock()
					defer log.mu.Unlock()
					if log.bytes != test.n*test.size {
						t.Fatalf("%d bytes arrived", log.bytes)
					}
					if quiet && !test.again {
						if len(log.pings) > 0 {
							t.Errorf("%d pings under Off, which nobody has asked for", len(log.pings))
						}
						return
					}
					last := 0
					for _, at := range append(log.pings, log.bytes) {
						if at-last > test.most {
							t.Errorf("%d bytes without a ping, at %d", at-last, last)
						}
						last = at
					}
					if n, most := len(log.pings), 2+2*test.n*test.size/test.most; n > most {
						t.Errorf("%d pings, more than %d", n, most)
					}
				})
			})
		}
	}
}

// TestOneMessageThatGoesAgainMakesBarriersDense, until it is behind one.
func TestOneMessageThatGoesAgainMakesBarriersDense(t *testing.T) {
	log := &frameLog{}
	bubble(t, server(log.peer(func() bool { return false })), func(w *world) {
		c := w.open(w.later(time.Second, wsclient.Options{}))
		for i := range 300 {
			o := once
			if i == 150 {
				o = again
			}
			if err := c.SendWith(w.ctx, wsclient.Binary(make([]byte, 1<<10)), o); err != nil {
				t.Fatal(err)
			}
		}
		w.at(2 * time.Second)
		log.mu.Lock()
		defer log.mu.Unlock()
		// They leave in runs of 15. One ping goes before the message that goes again,
		// for 24 KiB are behind none, and one 16 KiB later.
		if got := fmt.Sprint(log.pings[:5]); got != fmt.Sprint([]int{63 << 10, 126 << 10, 150 << 10, 166 << 10, 219 << 10}) {
			t.Errorf("pings behind %s", got)
		}
	})
}

// TestNoBarriersUnderPassive: whatever is sent and whoever waits.
func TestNoBarriersUnderPassive(t *testing.T) {
	log := &frameLog{}
	bubble(t, server(log.peer(nil)), func(w *world) {
		o := wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}, Queue: wsclient.QueueOptions{Ack: ackOK, MaxMessages: 10000}}
		c := w.dial(o)
		for i := range 2000 {
			o := once
			if i%2 == 0 {
				o = again
				o.ID = fmt.Sprint(i)
			}
			w.with(c, o, fmt.Sprintf("%-100d", i))
		}
		go c.Flush(w.ctx)
		synctest.Wait()
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(log.pings) > 0 {
			t.Errorf("%d pings", len(log.pings))
		}
	})
}

// TestMuteAtLeastOnceIsSaid: where the messages must be confirmed and the peer
// answers no ping of ours, somebody must be told, once for each connection.
func TestMuteAtLeastOnceIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		o    wsclient.SendOptions
		want []string
	}{
		"that must be confirmed": {again, []string{"wsclient: confirm: peer does not confirm at 10s"}},
		"that need not be":       {once, nil},
	} {
		t.Run("messages "+name, func(t *testing.T) {
			bubble(t, server(func(p *testserver.Peer) {
				for {
					f, err := p.Read()
					if err != nil {
						return
					}
					if f.Op == 9 {
						p.Pong(nil)
					}
				}
			}), func(w *world) {
				c := w.dial(wsclient.Options{OnError: func(err error) { w.note("%v at %v", err, w.elapsed()) }})
				for i := range 60 {
					w.at(time.Duration(i) * time.Second)
					w.with(c, test.o, "x")
				}
				w.expect(test.want...)
			})
		})
	}
}
