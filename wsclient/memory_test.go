package wsclient_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// grows fails if f leaves more than limit on the heap.
func grows(t *testing.T, limit int, f func()) {
	t.Helper()
	before := heap()
	f()
	if n := heap() - before; n > limit {
		t.Errorf("%d KiB more on the heap, want %d at most", n>>10, limit>>10)
	}
}

// TestReplacedMessagesHoldNoMemory: a feed's client is offline, one symbol is
// busy, and a thousand others are not; each of theirs was stored beside many of
// the busy one's.
func TestReplacedMessagesHoldNoMemory(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.open(w.offline(wsclient.Options{Queue: wsclient.QueueOptions{MaxBytes: 1 << 20}}))
		busy := wsclient.Binary(make([]byte, 4<<10))
		grows(t, 3<<20, func() {
			for i := range 1000 {
				w.with(c, wsclient.SendOptions{Key: fmt.Sprint("calm ", i)}, "price")
				for range 16 {
					if err := c.SendWith(w.ctx, busy, wsclient.SendOptions{Key: "busy"}); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
		if s := c.Stats(); s.Drops.Replaced != 15_999 || s.BufferedAmount != 5000+4<<10 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAcknowledgedMessagesHoldNoMemory, though a few between them are not.
func TestAcknowledgedMessagesHoldNoMemory(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		for {
			_, data, err := p.ReadMessage()
			if err != nil {
				return
			}
			if len(data) > 10 {
				p.WriteText("ok busy")
			}
		}
	}), func(w *world) {
		o := wsclient.Options{OnMessage: func(wsclient.Message) {}, Heartbeat: heartbeat.Off}
		o.Queue = wsclient.QueueOptions{MaxBytes: 1 << 20, Ack: ackOK, Delivery: wsclient.AtLeastOnce}
		c := w.dial(o)
		busy := wsclient.Binary(make([]byte, 4<<10))
		grows(t, 4<<20, func() {
			for i := range 500 {
				w.with(c, id(fmt.Sprint(i), wsclient.SendOptions{}), "calm")
				for range 16 {
					if err := c.SendWith(w.ctx, busy, id("busy", wsclient.SendOptions{})); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
			}
		})
		if n := c.Stats().Unconfirmed; n != 2000 {
			t.Errorf("%d bytes unconfirmed", n)
		}
	})
}

// TestABurstGivesItsMemoryBack, whatever became of it.
func TestABurstGivesItsMemoryBack(t *testing.T) {
	const n = 4000
	for name, test := range map[string]struct {
		o    wsclient.QueueOptions
		send func(i int) wsclient.SendOptions
	}{
		"at most once":        {wsclient.QueueOptions{}, func(int) wsclient.SendOptions { return once }},
		"confirmed by pong":   {wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}, func(int) wsclient.SendOptions { return again }},
		"confirmed by id":     {wsclient.QueueOptions{Ack: ackOK}, func(i int) wsclient.SendOptions { return id(fmt.Sprint(i), again) }},
		"of as many keys":     {wsclient.QueueOptions{}, func(i int) wsclient.SendOptions { return wsclient.SendOptions{Key: fmt.Sprint(i)} }},
		"dropped for want of": {wsclient.QueueOptions{MaxMessages: 100, Overflow: wsclient.OverflowDropOldest}, func(int) wsclient.SendOptions { return once }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(func(p *testserver.Peer) {
				for {
					_, data, err := p.ReadMessage()
					if err != nil {
						return
					}
					if string(data) == "all" {
						p.WriteText(fmt.Sprint("upto ", n-1))
					}
				}
			}), func(w *world) {
				o := wsclient.Options{OnMessage: func(wsclient.Message) {}, Queue: test.o}
				o.Queue.MaxBytes = 64 << 20
				c := w.dial(o)
				w.flush(c)
				grows(t, 300<<10, func() {
					for range 2 {
						w.srv.FreezeAll()
						for i := range n {
							if err := c.SendWith(w.ctx, wsclient.Binary(make([]byte, 1<<10)), test.send(i)); err != nil {
								t.Fatal(err)
							}
						}
						w.send(c, "all")
						synctest.Wait()
						w.srv.ThawAll()
						w.flushed(c)
					}
				})
				if s := c.Stats(); s.Unconfirmed != 0 || s.BufferedAmount != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}
