package wsclient_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestReplyLeavesWhileTheCallbackRuns: what OnMessage sends does not wait for its end,
// be it for the first message of a read, for the last, or the second that it sends.
func TestReplyLeavesWhileTheCallbackRuns(t *testing.T) {
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d in a read", name, n), func(t *testing.T) {
				t.Parallel()
				replies := make(chan string, 10)
				srv := server(func(p *testserver.Peer) {
					var frames []testserver.Frame
					for i := range n {
						frames = append(frames, testserver.TextFrame(fmt.Sprint("message ", i)))
					}
					p.Write(frames...)
					for {
						_, data, err := p.ReadMessage()
						if err != nil {
							return
						}
						replies <- string(data)
					}
				})
				ctx, o := tcp(t, srv, secure)
				ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
				defer cancel()
				var c *wsclient.Client
				opened, done := make(chan struct{}), make(chan struct{})
				left := n
				o.OnMessage = func(m wsclient.Message) {
					<-opened
					for _, s := range []string{"first", "second"} {
						want := s + " reply to " + string(m.Data)
						if err := c.Send(ctx, wsclient.Text(want)); err != nil {
							t.Error(err)
						}
						select {
						case got := <-replies:
							if got != want {
								t.Errorf("got %q, want %q", got, want)
							}
						case <-ctx.Done():
							t.Errorf("%q did not leave", want)
						}
					}
					if left--; left == 0 {
						close(done)
					}
				}
				c = dialTCP(t, ctx, srv, o)
				close(opened)
				<-done
			})
		}
	}
}

// TestPongDoesNotWaitForTheInbox: the ping came with more than the inbox holds.
func TestPongDoesNotWaitForTheInbox(t *testing.T) {
	var answered atomic.Bool
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a"), testserver.TextFrame("b"), testserver.TextFrame("c"), testserver.PingFrame([]byte("!")))
		f, err := p.Read()
		if err != nil || f.Op != ws.OpPong || string(f.Payload) != "!" {
			t.Errorf("got %+v, %v", f, err)
		}
		answered.Store(true)
		testserver.Sink(p)
	}), func(w *world) {
		c := w.open(wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: 1}})
		w.at(time.Second)
		if !answered.Load() {
			t.Error("no pong before there is room")
		}
		for range 3 {
			w.receive(c)
		}
	})
}
