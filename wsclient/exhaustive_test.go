package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// An exchange is twenty messages: client and server say ten each, in turn. All of
// it happens at times that are known, and so do the barriers between them.
const (
	exchangeBegins = time.Second
	exchangeEnds   = 10 * time.Second
	exchangeTurn   = 170 * time.Millisecond // no barrier falls into the instant of a message
)

var exchangeSizes = []int{3, 0, 1, 125, 126, 7, 2, 60, 1, 5}

func exchangeTexts(first byte) (texts []string) {
	for i, n := range exchangeSizes {
		texts = append(texts, strings.Repeat(string(first+byte(i)), n))
	}
	return texts
}

// An exchangeCut is a cut of the first connection after byte n of a direction.
type exchangeCut struct {
	delivery wsclient.Delivery
	up       bool
	n        int
	tapFault
}

// A step is a frame of the first connection.
type exchangeStep struct {
	op   int
	text string
	end  int // the place behind its last byte
	at   time.Duration
}

// An outcome is what came of an exchange.
type exchangeOutcome struct {
	up       [2][]string // what the server got, on the first connection and on the second
	down     [2][]string // what the client got
	reported int
	bytes    int64
}

func (o exchangeOutcome) String() string {
	return fmt.Sprintf("up %q, down %q, %d reported of %d bytes", o.up, o.down, o.reported, o.bytes)
}

// recording is an exchange with all that was on the wire of its first connection.
type exchangeRecord struct {
	exchangeOutcome
	mu       sync.Mutex
	sent     []exchangeStep
	answered []exchangeStep
	head     [2]int // length of the HTTP head, up and down
	links    int
}

func (r *exchangeRecord) note(list *[]exchangeStep, w *world) func(tapFrame) {
	return func(f tapFrame) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if w.elapsed() < exchangeEnds {
			*list = append(*list, exchangeStep{int(f.op), string(f.payload), f.end, w.elapsed()})
		}
	}
}

// exchange runs one, cut as c says.
func exchange(t *testing.T, c exchangeCut) *exchangeRecord {
	r := &exchangeRecord{}
	srv := server(func(p *testserver.Peer) {
		at, _ := strconv.Atoi(p.Request().Header.Get("X-Link"))
		for {
			_, data, err := p.ReadMessage()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.up[at] = append(r.up[at], string(data))
			r.mu.Unlock()
		}
	})
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: steady, Queue: wsclient.QueueOptions{Delivery: c.delivery}}
		o.Prepare = func(_ context.Context, a *wsclient.Attempt) error {
			a.Header.Set("X-Link", fmt.Sprint(r.links))
			return nil
		}
		var first *tapLink
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := w.net.DialContext(ctx, network, addr)
			l := newTapLink(nc)
			l.onUp, l.onDown = func(tapFrame) {}, func(tapFrame) {}
			if r.links++; r.links == 1 {
				first = l
				l.onUp, l.onDown = r.note(&r.sent, w), r.note(&r.answered, w)
				l.cutAfter(c.up, c.n, c.tapFault)
			}
			return l, err
		}
		o.OnMessage = func(m wsclient.Message) {
			// A session on the second link is the second, even if the first never opened.
			r.down[r.links-1] = append(r.down[r.links-1], string(m.Data))
		}
		o.OnError = func(err error) {
			if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
				r.reported += u.Messages
				r.bytes += u.Bytes
			}
		}
		exchangeTalk(w, w.dial(o))
		r.head = [2]int{first.sent.head, first.got.head}
		for _, v := range srv.Violations() {
			t.Error(v)
		}
	})
	return r
}

// talk says the twenty messages.
func exchangeTalk(w *world, c *wsclient.Client) {
	up, down := exchangeTexts('a'), exchangeTexts('A')
	for i := range up {
		w.at(exchangeBegins + time.Duration(i)*exchangeTurn)
		w.send(c, up[i])
		w.at(exchangeBegins + time.Duration(i)*exchangeTurn + exchangeTurn/2)
		peers := w.srv.Peers()
		peers[len(peers)-1].WriteText(down[i])
	}
	w.at(exchangeEnds)
	if err := c.Flush(w.ctx); err != nil {
		w.Errorf("Flush: %v", err)
	}
	synctest.Wait()
	if s := c.Stats(); s.BufferedAmount != 0 || s.Unconfirmed != 0 || s.DroppedOut != 0 {
		w.Errorf("in the end %+v", s)
	}
}

// expect tells from an exchange without a cut what has to come of one with it.
func (r *exchangeRecord) expect(c exchangeCut) (want exchangeOutcome) {
	opened := 0 // the link of session 1
	if c.up && c.n < r.head[0] || !c.up && c.n < r.head[1] {
		opened = 1
	}
	// When the cut is noticed: when the byte behind it is written, or when the last
	// before it is read.
	when := time.Duration(-1)
	if c.up {
		when = exchangeEnds
		if i := slices.IndexFunc(r.sent, func(s exchangeStep) bool { return s.end > c.n }); i >= 0 {
			when = r.sent[i].at
		}
	} else if i := slices.IndexFunc(r.answered, func(s exchangeStep) bool { return s.end >= c.n }); i >= 0 && c.n > r.head[1] {
		when = r.answered[i].at
	}
	confirmed := 0
	var handed, pings []int // places in sent; how many messages are before each ping
	for _, s := range r.sent {
		if opened == 1 || s.at > when || s.at == when && c.up && s.end > c.n && !c.silent {
			break
		}
		if s.op == 9 {
			pings = append(pings, len(handed))
			if c.up && s.end <= c.n {
				confirmed = len(handed)
			}
			continue
		}
		handed = append(handed, s.end)
		if !c.up || s.end <= c.n {
			want.up[0] = append(want.up[0], s.text)
		}
	}
	for _, s := range r.answered {
		switch {
		case opened == 1 || c.up && s.at >= when && s.op == 1 || !c.up && s.end > c.n:
			if s.op == 1 && (opened == 1 || s.at > when) {
				want.down[1] = append(want.down[1], s.text)
			}
		case s.op == 1:
			want.down[0] = append(want.down[0], s.text)
		case s.op == 10 && !c.up:
			confirmed, pings = pings[0], pings[1:]
		}
	}
	texts := exchangeTexts('a')
	lost := texts[confirmed:len(handed)]
	if c.delivery == wsclient.AtLeastOnce {
		want.up[1] = texts[confirmed:]
		return want
	}
	want.up[1] = texts[len(handed):]
	want.reported = len(lost)
	for _, s := range lost {
		want.bytes += int64(len(s))
	}
	return want
}

// TestCutAfterEveryByteOfAnExchange cuts after each byte of each direction, the
// handshake's too, with FIN and with RST, before the kernel has taken the rest and
// after: what arrives, how often, in what order, and what is reported, is exact.
func TestCutAfterEveryByteOfAnExchange(t *testing.T) {
	every := 1
	if raceEnabled {
		every = 7
	}
	for _, delivery := range []wsclient.Delivery{wsclient.AtMostOnce, wsclient.AtLeastOnce} {
		whole := exchange(t, exchangeCut{delivery: delivery, n: -1})
		total := [2]int{whole.sent[len(whole.sent)-1].end, whole.answered[len(whole.answered)-1].end}
		for i := range 6 {
			c := exchangeCut{delivery: delivery, up: i < 4, tapFault: tapFault{rst: i&1 != 0, silent: i&2 != 0}}
			last := total[1]
			if c.up {
				last = total[0]
			}
			for c.n = 0; c.n <= last && !t.Failed(); c.n += every {
				got, want := exchange(t, c).exchangeOutcome, whole.expect(c)
				if got.String() != want.String() {
					t.Errorf("%+v:\n got %v\nwant %v", c, got, want)
				}
			}
		}
	}
}
