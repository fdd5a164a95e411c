package wsclient_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// took shows a message, and before it the hole that is before it.
func took(m wsclient.Message) string {
	if m.Dropped > 0 {
		return fmt.Sprintf("(%d) %s", m.Dropped, m.Data)
	}
	return string(m.Data)
}

// An inboxCase is what comes in while nobody receives, what is received then,
// and last of all a z that comes in after that.
type inboxCase struct {
	name     string
	inbox    wsclient.InboxOptions
	in, want string
	replaced uint64
}

func (test *inboxCase) run(t *testing.T) {
	t.Run(test.name, func(t *testing.T) {
		for _, together := range []bool{true, false} { // in one read, or each in its own
			bubble(t, server(testserver.Sink), func(w *world) {
				c := w.dial(wsclient.Options{Inbox: test.inbox})
				synctest.Wait()
				p := w.srv.Peers()[0]
				var frames []testserver.Frame
				for text := range strings.FieldsSeq(test.in) {
					frames = append(frames, testserver.TextFrame(text))
				}
				if together {
					p.Write(frames...)
				} else {
					for _, f := range frames {
						p.Write(f)
						synctest.Wait()
					}
				}
				synctest.Wait()
				var got []string
				dropped, received := uint64(0), 0
				for c.Stats().InboxMessages > 0 || !strings.HasSuffix(strings.Join(got, ""), "z") {
					if c.Stats().InboxMessages == 0 {
						p.WriteText("z")
					}
					m := w.receive(c)
					dropped, received = dropped+uint64(m.Dropped), received+1
					got = append(got, took(m))
				}
				if g := strings.Join(got, " "); g != test.want {
					t.Errorf("together %v: received %q, want %q", together, g, test.want)
				}
				s := c.Stats()
				if s.DroppedIn != dropped || s.ReplacedIn != test.replaced || received+int(dropped) != len(frames)+1 {
					t.Errorf("together %v: %d received with %d dropped, and Stats say %d of which %d replaced", together, received, dropped, s.DroppedIn, s.ReplacedIn)
				}
				if s.InboxBytes != 0 || s.Session != 1 {
					t.Errorf("together %v: %d bytes left in session %d", together, s.InboxBytes, s.Session)
				}
			})
		}
	})
}

func TestFullInboxDrops(t *testing.T) {
	bound := func(o wsclient.Overflow, messages int, bytes int64) wsclient.InboxOptions {
		return wsclient.InboxOptions{Overflow: o, MaxMessages: messages, MaxBytes: bytes}
	}
	const oldest, newest = wsclient.OverflowDropOldest, wsclient.OverflowDropNewest
	for _, test := range []inboxCase{
		{name: "nothing at the bound in messages", inbox: bound(oldest, 3, 0), in: "a b c", want: "a b c z"},
		{name: "nothing at the bound in bytes", inbox: bound(newest, 0, 10), in: "aaaa bbbb cc", want: "aaaa bbbb cc z"},
		{name: "the oldest beyond the bound in messages", inbox: bound(oldest, 3, 0), in: "a b c d e", want: "(2) c d e z"},
		{name: "the newest beyond the bound in messages", inbox: bound(newest, 3, 0), in: "a b c d e", want: "a b c (2) z"},
		{name: "the oldest beyond the bound in bytes", inbox: bound(oldest, 0, 10), in: "aaaa bbbb ccc", want: "(1) bbbb ccc z"},
		{name: "as many of the oldest as it takes", inbox: bound(oldest, 0, 10), in: "aaaa bbbb cccccccc", want: "(2) cccccccc z"},
		{name: "the newest beyond the bound in bytes, but not what fits", inbox: bound(newest, 0, 10), in: "aaaa bbbb cccc dd", want: "aaaa bbbb (1) dd z"},
		{name: "nothing of any size if it is empty, oldest", inbox: bound(oldest, 0, 1), in: "aaaa", want: "aaaa z"},
		{name: "nothing of any size if it is empty, newest", inbox: bound(newest, 0, 1), in: "aaaa", want: "aaaa z"},
		{name: "all for one of any size, oldest", inbox: bound(oldest, 0, 3), in: "a b cccc", want: "(2) cccc z"},
		{name: "one of any size if it is not empty, newest", inbox: bound(newest, 0, 3), in: "a bbbb", want: "a (1) z"},
		{name: "behind one of any size, newest", inbox: bound(newest, 0, 3), in: "aaaa b", want: "aaaa (1) z"},
		{name: "all but one if it holds one, oldest", inbox: bound(oldest, 1, 0), in: "a b c d", want: "(3) d z"},
	} {
		test.run(t)
	}
}

func TestShutdownIsNotHeldUpByAnInbox(t *testing.T) {
	for overflow := wsclient.OverflowBlock; overflow <= wsclient.OverflowDisconnect; overflow++ {
		if overflow == wsclient.OverflowReject {
			continue
		}
		bubble(t, server(func(p *testserver.Peer) {
			go func() {
				p.ReadMessage()
				_, _, err := p.ReadMessage()
				if e := as[*testserver.CloseError](t, err); e.Code != 1000 {
					t.Errorf("%d: the peer was told %v", overflow, e)
				}
			}()
			<-time.After(time.Second)
			for p.WriteText("tick") == nil { // on and on, before the pong that Shutdown waits for
				<-time.After(time.Millisecond)
			}
		}), func(w *world) {
			w.net.Latency = 100 * time.Millisecond
			c := w.dial(wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: 10, Overflow: overflow}})
			w.at(1405 * time.Millisecond) // five ticks have come
			w.send(c, "last words")
			if err := c.Shutdown(w.ctx); err != nil {
				t.Errorf("%d: %v", overflow, err)
			}
			s := c.Stats()
			if s.Session != 1 || s.InboxMessages != 10 || s.InboxMessages+int(s.DroppedIn) != int(s.MessagesIn) {
				t.Errorf("%d: %+v", overflow, s)
			}
		})
	}
}

func TestDroppingInboxReadsOn(t *testing.T) {
	for _, overflow := range []wsclient.Overflow{wsclient.OverflowDropOldest, wsclient.OverflowDropNewest} {
		srv := server(testserver.Sessions(func(p *testserver.Peer) {
			for i := range 1000 {
				p.WriteBinary(make([]byte, 1<<10))
				if i%100 == 0 {
					<-time.After(time.Second)
				}
			}
			silence(p) // dead 25 s after its last byte, which was at 10 s
		}, testserver.Sink))
		bubble(t, srv, func(w *world) {
			w.net.Buffer = 8 << 10
			o := w.lossAt()
			o.Inbox = wsclient.InboxOptions{MaxMessages: 10, Overflow: overflow}
			c := w.dial(o)
			w.at(35*time.Second - 1)
			if s := c.Stats(); s.MessagesIn != 1000 || s.InboxMessages != 10 || s.DroppedIn != 990 {
				t.Errorf("%+v", s)
			}
			w.expect()
			w.at(35 * time.Second)
			w.expect("35s")
		})
	}
}

func TestEachMessageIsReceivedOrCounted(t *testing.T) {
	const all = 5000
	for _, inbox := range []wsclient.InboxOptions{
		{MaxMessages: 7, Overflow: wsclient.OverflowDropOldest}, {MaxBytes: 10, Overflow: wsclient.OverflowDropNewest},
		{MaxMessages: 50, Key: func(m wsclient.Message) string { return string(m.Data[:1]) }},
	} {
		bubble(t, server(func(p *testserver.Peer) {
			for i := range all {
				p.WriteText(fmt.Sprint(i))
				if i%50 == 0 {
					<-time.After(time.Millisecond)
				}
			}
			testserver.Sink(p)
		}), func(w *world) {
			c := w.dial(wsclient.Options{Inbox: inbox})
			var mu sync.Mutex
			received, holes := 0, 0
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for m, err := range c.Messages(w.ctx) {
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						received, holes = received+1, holes+m.Dropped
						mu.Unlock()
						<-time.After(time.Duration(g) * 100 * time.Microsecond)
					}
				})
			}
			w.at(time.Minute)
			s := c.Stats()
			c.Close()
			wg.Wait()
			if received+int(s.DroppedIn) != all || s.DroppedIn == 0 || holes > int(s.DroppedIn) || holes == 0 {
				t.Errorf("of %d %d were received, behind holes of %d, and %d dropped", all, received, holes, s.DroppedIn)
			}
		})
	}
}

func TestInboxLagIsTheAgeOfTheNextMessage(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		for range 3 {
			p.WriteText("x")
			<-time.After(2 * time.Second)
		}
		testserver.Sink(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{})
		w.at(5 * time.Second)
		for _, want := range []time.Duration{5 * time.Second, 3 * time.Second, time.Second, 0} {
			if got := c.Stats().InboxLag; got != want {
				t.Errorf("InboxLag is %v, want %v", got, want)
			}
			if want > 0 {
				w.receive(c)
			}
		}
	})
}

func TestInboxPoliciesThatMakeNoSense(t *testing.T) {
	key := func(wsclient.Message) string { return "" }
	handler := func(wsclient.Message) {}
	for name, test := range map[string]struct {
		option string
		o      wsclient.Options
	}{
		"nobody to reject it to":   {"Inbox.Overflow", wsclient.Options{Inbox: wsclient.InboxOptions{Overflow: wsclient.OverflowReject}}},
		"no such policy":           {"Inbox.Overflow", wsclient.Options{Inbox: wsclient.InboxOptions{Overflow: 5}}},
		"nor that":                 {"Inbox.Overflow", wsclient.Options{Inbox: wsclient.InboxOptions{Overflow: -1}}},
		"no inbox to overflow":     {"Inbox.Overflow", wsclient.Options{OnMessage: handler, Inbox: wsclient.InboxOptions{Overflow: wsclient.OverflowDropNewest}}},
		"no inbox to replace in":   {"Inbox.Key", wsclient.Options{OnMessage: handler, Inbox: wsclient.InboxOptions{Key: key}}},
		"slow before it has begun": {"Trace.SlowAfter", wsclient.Options{Trace: &wsclient.Trace{SlowAfter: -1}}},
	} {
		_, err := wsclient.New("ws://e.com", &test.o)
		if got := as[*wsclient.OptionError](t, err); got.Option != test.option {
			t.Errorf("%s: %v, want option %s", name, err, test.option)
		}
	}
}
