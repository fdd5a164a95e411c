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

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// A ledger says what became of each message.
type ledger struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	class   []wsclient.SendOptions
	refused map[int]bool
	arrived map[int]int
	wrong   []string // what arrived in another order than it was sent
	calm    bool     // nothing fails any more
	dropped map[int]wsclient.DropReason
	lost    map[int]int
	reports int
}

func number(p []byte) int {
	n, err := strconv.Atoi(string(p[:8]))
	if err != nil {
		panic(err)
	}
	return n
}

func (l *ledger) dice(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rnd.IntN(n)
}

func (l *ledger) chance(n int) bool { return l.dice(n) == 0 }

// serve is a peer that confirms, acknowledges, and fails at random.
func (l *ledger) serve(p *testserver.Peer) {
	kind, after, acks := l.dice(7), time.Duration(l.dice(2000))*time.Millisecond, l.chance(2)
	l.mu.Lock()
	if l.calm {
		kind, acks = 7, true
	}
	l.mu.Unlock()
	last := map[bool]int{}
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
			p.SendClose(1008, "")
		case 5:
			p.WriteRaw([]byte{0xff, 0xff})
		}
	})
	defer stop.Stop()
	for {
		_, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		n := number(data)
		l.mu.Lock()
		l.arrived[n]++
		id, priority := l.class[n].ID, l.class[n].Priority
		if l.class[n].Key == "" { // else it has the place of an older one
			if n < last[priority] {
				l.wrong = append(l.wrong, fmt.Sprintf("session %d: %d after %d", p.Session(), n, last[priority]))
			}
			last[priority] = n
		}
		l.mu.Unlock()
		switch {
		case id == "" || !acks:
		case l.chance(3):
			p.WriteText("upto " + id)
		default:
			p.WriteText("ok " + id)
		}
	}
}

// options are a client that tells the ledger everything.
func (l *ledger) options() wsclient.Options {
	o := wsclient.Options{Reconnect: stubborn(), OnMessage: func(wsclient.Message) {}}
	o.Heartbeat.Interval, o.Heartbeat.Timeout = 300*time.Millisecond, 200*time.Millisecond
	if l.chance(4) {
		o.Heartbeat = heartbeat.Policy{Interval: 300 * time.Millisecond, Timeout: 10 * time.Minute}
	}
	o.Queue = wsclient.QueueOptions{Ack: ackOK, KeepUnconfirmed: true, MaxMessages: 20 + l.dice(400), MaxBytes: int64(300<<10 + l.dice(1<<20))}
	o.Queue.Overflow = []wsclient.Overflow{wsclient.OverflowBlock, wsclient.OverflowDropOldest, wsclient.OverflowDropNewest, wsclient.OverflowReject, wsclient.OverflowDisconnect}[l.dice(5)]
	o.Queue.Delivery = wsclient.Delivery(l.dice(3))
	o.OnError = func(err error) {
		if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.reports += u.Messages
			for _, m := range u.Lost() {
				l.lost[number(m.Data)]++
			}
		}
	}
	o.Trace = &wsclient.Trace{Dropped: func(reason wsclient.DropReason, m wsclient.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropped[number(m.Data)] = reason
	}}
	return o
}

// next is the next message, of some class.
func (l *ledger) next() (m wsclient.Message, o wsclient.SendOptions) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.class)
	o.Delivery = wsclient.Delivery(l.rnd.IntN(3))
	switch l.rnd.IntN(8) {
	case 0:
		o.Key = fmt.Sprint(l.rnd.IntN(5))
	case 1:
		o.Expires = time.Now().Add(time.Duration(l.rnd.IntN(2000)) * time.Millisecond)
	case 2:
		o.Volatile, o.Delivery = true, 0
	case 3:
		o.ID = fmt.Sprint(n)
	}
	o.Priority = l.rnd.IntN(6) == 0
	l.class = append(l.class, o)
	p := fmt.Appendf(nil, "%08d", n)
	return wsclient.Binary(append(p, make([]byte, l.rnd.IntN(1+l.rnd.IntN(1+l.rnd.IntN(150_000))))...)), o
}

// check compares the ledger with the promises.
func (l *ledger) check(t *testing.T, queue wsclient.Delivery, drops uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.wrong {
		t.Error(s)
	}
	for n, o := range l.class {
		reason, dropped := l.dropped[n]
		again := o.Delivery == wsclient.AtLeastOnce || o.Delivery == 0 && queue == wsclient.AtLeastOnce && !o.Volatile
		arrived, lost := l.arrived[n], l.lost[n]
		switch {
		case l.refused[n] && arrived+lost > 0, l.refused[n] && dropped:
			t.Errorf("%d was refused, and arrived %d times, lost %d, dropped %v", n, arrived, lost, dropped)
		case l.refused[n]:
		case !again && arrived > 1:
			t.Errorf("%d (%+v) arrived %d times", n, o, arrived)
		case !again && dropped && arrived+lost > 0:
			t.Errorf("%d was dropped (%v) and arrived %d times, lost %d", n, reason, arrived, lost)
		case lost > 1, again && lost > 0 && reason != wsclient.DropRejected && reason != wsclient.DropClosed:
			t.Errorf("%d is reported as lost %d times", n, lost)
		case arrived == 0 && lost == 0 && !dropped:
			t.Errorf("nothing is known of %d (%+v)", n, o)
		}
	}
	if drops != uint64(len(l.dropped)) || l.reports != len(l.lost) {
		t.Errorf("%d drops counted, %d traced; %d losses counted, %d reported", drops, len(l.dropped), l.reports, len(l.lost))
	}
}

// TestChaosOfClasses: whatever the faults and the classes, there is an account of
// every message. The name of a subtest is its seed.
func TestChaosOfClasses(t *testing.T) {
	for seed := range seeds(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &ledger{rnd: rand.New(rand.NewPCG(seed, 2)), refused: map[int]bool{}, arrived: map[int]int{}, dropped: map[int]wsclient.DropReason{}, lost: map[int]int{}}
			bubble(t, server(l.serve), func(w *world) {
				w.net.Latency = time.Duration(l.dice(20)) * time.Millisecond
				o := l.options()
				c := w.dial(o)
				for w.elapsed() < 30*time.Second {
					for range l.dice(50) {
						m, class := l.next()
						ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
						if err := c.SendWith(ctx, m, class); err != nil {
							l.mu.Lock()
							l.refused[number(m.Data)] = true
							l.mu.Unlock()
						}
						cancel()
					}
					if l.chance(20) {
						c.Reconnect("x")
					}
					if l.chance(10) {
						ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
						l.mu.Lock()
						all := len(l.class)
						l.mu.Unlock()
						if c.Flush(ctx) == nil {
							l.flushed(t, all)
						}
						cancel()
					}
					<-time.After(time.Duration(l.dice(200)) * time.Millisecond)
				}
				l.mu.Lock()
				l.calm = true
				l.mu.Unlock()
				w.srv.CutRST()
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				err := c.Shutdown(ctx)
				<-c.Done()
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("something is stuck: %v, %+v", err, c.Stats())
				}
				l.check(t, o.Queue.Delivery, c.Stats().DroppedOut)
				if n := c.BufferedAmount(); err == nil && n != 0 {
					t.Errorf("BufferedAmount %d after the end", n)
				}
			})
		})
	}
}

// flushed checks what a Flush that returned nil says of the first n messages.
func (l *ledger) flushed(t *testing.T, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range n {
		if _, dropped := l.dropped[n]; !dropped && !l.refused[n] && l.lost[n] == 0 && l.arrived[n] == 0 {
			t.Errorf("Flush returned nil, and nothing is known of %d (%+v)", n, l.class[n])
		}
	}
}
