package wsclient_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestEveryDropIsCountedAndTraced, by its reason and with its payload. The trace
// func may call whatever it likes: no lock is held.
func TestEveryDropIsCountedAndTraced(t *testing.T) {
	type o = wsclient.SendOptions
	for _, test := range []struct {
		name  string
		queue wsclient.QueueOptions
		first testserver.Handler
		do    func(w *world, c *wsclient.Client)
		want  []string
		drops wsclient.Drops
	}{
		{"OverflowDropOldest", wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDropOldest}, testserver.Sink, func(w *world, c *wsclient.Client) {
			w.send(c, "a", "b", "c")
		}, []string{"overflow a at 0s", "overflow b at 0s"}, wsclient.Drops{Overflow: 2}},
		{"OverflowDropNewest", wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDropNewest}, testserver.Sink, func(w *world, c *wsclient.Client) {
			w.send(c, "a", "b")
		}, []string{"overflow b at 0s"}, wsclient.Drops{Overflow: 1}},
		{"Key", wsclient.QueueOptions{}, testserver.Sink, func(w *world, c *wsclient.Client) {
			w.with(c, o{Key: "k"}, "a", "b")
		}, []string{"replaced a at 0s"}, wsclient.Drops{Replaced: 1}},
		{"Expires", wsclient.QueueOptions{}, testserver.Sink, func(w *world, c *wsclient.Client) {
			w.with(c, o{Expires: w.start.Add(time.Millisecond)}, "a")
		}, []string{"expired a at 1.000001ms"}, wsclient.Drops{Expired: 1}},
		{"Volatile", wsclient.QueueOptions{}, testserver.Hold, func(w *world, c *wsclient.Client) {
			w.at(time.Second)
			w.with(c, o{Volatile: true}, strings.Repeat("x", 200), "a") // the first is half in the kernel
			synctest.Wait()
			w.srv.CutRST()
			synctest.Wait()
		}, []string{"volatile a at 1s", "volatile " + strings.Repeat("x", 200) + " at 1s"}, wsclient.Drops{Volatile: 2}},
		{"a message that the peer closes over", wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}, mute(1, closing(1009)), func(w *world, c *wsclient.Client) {
			w.at(time.Second)
			w.send(c, "a")
			w.at(time.Second + 1)
		}, []string{"rejected a at 1s"}, wsclient.Drops{Rejected: 1}},
		{"Close", wsclient.QueueOptions{}, testserver.Hold, func(w *world, c *wsclient.Client) {
			w.at(time.Second)
			w.send(c, strings.Repeat("x", 200))
			synctest.Wait()
			w.send(c, "a")
			w.with(c, o{Priority: true}, "p")
			c.Close() // what is half in the kernel is dropped when it is over
			w.done(c)
		}, []string{"closed p at 1s", "closed a at 1s", "closed " + strings.Repeat("x", 200) + " at 2s"}, wsclient.Drops{Closed: 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := server(testserver.Sessions(test.first, testserver.Sink))
			bubble(t, srv, func(w *world) {
				w.net.Buffer = 100
				clients := make(chan *wsclient.Client, 1)
				o := w.later(time.Second, wsclient.Options{Queue: test.queue, Heartbeat: heartbeat.Off})
				o.Reconnect = stubborn()
				o.Trace = &wsclient.Trace{Dropped: func(reason wsclient.DropReason, m wsclient.Message) {
					c := <-clients
					w.note("%v %s at %v", reason, m.Data, w.elapsed())
					c.Stats()
					c.BufferedAmount()
					c.SendWith(w.ctx, wsclient.Text("once more"), wsclient.SendOptions{Volatile: true})
					clients <- c
				}}
				c := w.open(o)
				clients <- c
				test.do(w, c)
				w.at(10 * time.Second)
				got, want := w.noted(), slices.Clone(test.want)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("traced %q, want %q", got, want)
				}
				s := c.Stats()
				if s.Drops != test.drops || s.DroppedOut != uint64(len(want)) {
					t.Errorf("%+v, %d in all", s.Drops, s.DroppedOut)
				}
			})
		})
	}
}

// TestDroppedDataIsTheReceivers: it is not memory that the queue uses again.
func TestDroppedDataIsTheReceivers(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		var kept [][]byte
		o := w.offline(wsclient.Options{Queue: wsclient.QueueOptions{MaxMessages: 1, Overflow: wsclient.OverflowDropOldest}})
		o.Trace = &wsclient.Trace{Dropped: func(_ wsclient.DropReason, m wsclient.Message) { kept = append(kept, m.Data) }}
		c := w.open(o)
		const wide = "%-66000d" // so that each has memory of its own, which is used again
		for i := range 100 {
			w.send(c, fmt.Sprintf(wide, i))
		}
		for i, p := range kept {
			if string(p) != fmt.Sprintf(wide, i) {
				t.Fatalf("the %d-th has become %.10q", i, p)
			}
		}
	})
}

func TestDropReasonHasAName(t *testing.T) {
	for reason, want := range map[wsclient.DropReason]string{
		wsclient.DropOverflow: "overflow", wsclient.DropReplaced: "replaced", wsclient.DropExpired: "expired",
		wsclient.DropVolatile: "volatile", wsclient.DropRejected: "rejected", wsclient.DropClosed: "closed", -1: "DropReason(-1)", 6: "DropReason(6)",
	} {
		if got := reason.String(); got != want {
			t.Errorf("%d is %q, want %q", int(reason), got, want)
		}
	}
}
