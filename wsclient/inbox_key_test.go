package wsclient_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// byLetter is an Inbox.Key: the first letter, and nothing for a "-".
func byLetter(m wsclient.Message) string {
	if len(m.Data) == 0 || m.Data[0] == '-' {
		return ""
	}
	return string(m.Data[:1])
}

func TestNewestOfEachKeyIsKept(t *testing.T) {
	bound := func(o wsclient.Overflow, messages int, bytes int64) wsclient.InboxOptions {
		return wsclient.InboxOptions{Overflow: o, MaxMessages: messages, MaxBytes: bytes, Key: byLetter}
	}
	const (
		block, oldest      = wsclient.OverflowBlock, wsclient.OverflowDropOldest
		newest, disconnect = wsclient.OverflowDropNewest, wsclient.OverflowDisconnect
	)
	for _, test := range []inboxCase{
		{name: "in the order of first arrival", inbox: bound(block, 0, 0), in: "a1 b1 c1 b2 a2 a3", want: "(2) a3 (1) b2 c1 z", replaced: 3},
		{name: "no key, nothing is replaced", inbox: bound(block, 0, 0), in: "-1 a1 -2 a2 -3", want: "-1 (1) a2 -2 -3 z", replaced: 1},
		{name: "a full inbox replaces still, oldest", inbox: bound(oldest, 2, 0), in: "a1 b1 a2 b2", want: "(1) a2 (1) b2 z", replaced: 2},
		{name: "a full inbox replaces still, newest", inbox: bound(newest, 2, 0), in: "a1 b1 c1 a2", want: "(1) a2 b1 (1) z", replaced: 1},
		{name: "a full inbox replaces still, disconnect", inbox: bound(disconnect, 2, 0), in: "a1 b1 a2 b2", want: "(1) a2 (1) b2 z", replaced: 2},
		{name: "what is dropped is replaced no more", inbox: bound(oldest, 2, 0), in: "a1 b1 c1 a2 c2", want: "(3) c2 a2 z", replaced: 1},
		{name: "the place of the first counts when the oldest is dropped", inbox: bound(oldest, 2, 0), in: "a1 b1 a2 c1", want: "(2) b1 c1 z", replaced: 1},
		{name: "a larger one that fits in the place of the old", inbox: bound(newest, 0, 5), in: "a1 b1 a22", want: "(1) a22 b1 z", replaced: 1},
		{name: "one that does not fit in the place of the old, oldest", inbox: bound(oldest, 0, 4), in: "b1 a1 a22", want: "(2) a22 z", replaced: 1},
		{name: "one that does not fit in the place of the old, which is the oldest", inbox: bound(oldest, 0, 5), in: "a1 b1 a222", want: "(2) a222 z"},
		{name: "one that does not fit in the place of the old, newest", inbox: bound(newest, 0, 4), in: "a1 b1 a22", want: "a1 b1 (1) z"},
		{name: "one of any size in the place of the only one", inbox: bound(newest, 0, 4), in: "a1 a22222", want: "(1) a22222 z", replaced: 1},
	} {
		test.run(t)
	}
}

// Session must not go back and forth.
func TestKeysAreThoseOfOneSession(t *testing.T) {
	bubble(t, server(testserver.Sessions(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a1"), testserver.TextFrame("b1"), testserver.TextFrame("a2"))
		p.FIN()
	}, func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("a3"), testserver.TextFrame("b2"), testserver.TextFrame("a4"))
		testserver.Sink(p)
	})), func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady, Inbox: wsclient.InboxOptions{Key: byLetter}})
		w.at(time.Second)
		var got []string
		for range 4 {
			m := w.receive(c)
			got = append(got, fmt.Sprintf("%s in %d", took(m), m.Session))
		}
		if g := strings.Join(got, ", "); g != "(1) a2 in 1, b1 in 1, (1) a4 in 2, b2 in 2" {
			t.Error(g)
		}
	})
}

func TestKeySeesTheMessagesOfTheInboxOnly(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("welcome"), testserver.TextFrame("a1"))
		testserver.Sink(p)
	}), func(w *world) {
		o := wsclient.Options{Inbox: wsclient.InboxOptions{Key: func(m wsclient.Message) string {
			w.note("%s in %d", m.Data, m.Session)
			return ""
		}}}
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error {
			_, err := conn.Receive(ctx)
			return err
		}
		c := w.dial(o)
		w.receive(c)
		w.expect("a1 in 1")
	})
}
