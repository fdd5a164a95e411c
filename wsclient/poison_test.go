package wsclient_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// closing ends the connection with a code, and reads to the end.
func closing(code uint16) func(*testserver.Peer) {
	return func(p *testserver.Peer) {
		p.WriteFrame(true, 0, 8, []byte{byte(code >> 8), byte(code)})
		testserver.Sink(p)
	}
}

// stubborn retries whatever the peer closes with.
func stubborn() reconnect.Policy {
	p := steady
	p.Classify = func(reconnect.Failure) reconnect.Verdict { return reconnect.Verdict{} }
	return p
}

// A taster closes with a code when it gets a message that it cannot stand. Until
// then it lets a moment pass before each pong, so that several messages are out.
type taster struct {
	code uint16
	bad  string

	mu       sync.Mutex
	sessions []string // what each connection got, "|" where a pong was sent
}

func (x *taster) serve(p *testserver.Peer) {
	x.mu.Lock()
	at := len(x.sessions)
	x.sessions = append(x.sessions, "")
	x.mu.Unlock()
	for {
		f, err := p.Read()
		if err != nil {
			return
		}
		said := string(f.Payload)
		switch f.Op {
		case 9:
			<-time.After(time.Second)
			p.Pong(f.Payload)
			said = "|"
		case 1:
			said = strings.TrimPrefix(said, "m")
		case 8:
			return
		}
		x.mu.Lock()
		x.sessions[at] += said
		x.mu.Unlock()
		if said == x.bad && f.Op == 1 {
			closing(x.code)(p)
			return
		}
	}
}

func (x *taster) got() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := slices.Clone(x.sessions)
	for i := range all {
		all[i] = strings.TrimRight(all[i], "|") // of the heartbeat
	}
	return all
}

// TestPoisonIsFoundAndTakenOut: with company nobody can tell which message the
// peer means, so on the next connection each goes alone until it is found.
func TestPoisonIsFoundAndTakenOut(t *testing.T) {
	for _, test := range []struct {
		name string
		bad  string
		want string // what each connection gets; "|" is a pong
		lost string
	}{
		{"the first of five", "1", "1, 1, 2345", "session 2 lost 1 (2) m1"},
		{"in the middle", "3", "123, 1|2|3, 45", "session 2 lost 1 (2) m3"},
		{"the last, though others wait behind it", "5", "12345, 1|2|3|4|5, n", "session 2 lost 1 (2) m5"},
	} {
		for _, code := range []uint16{1003, 1007, 1008, 1009} {
			t.Run(fmt.Sprintf("%s: %d", test.name, code), func(t *testing.T) {
				x := &taster{code: code, bad: test.bad}
				bubble(t, server(x.serve), func(w *world) {
					o := w.later(time.Second, wsclient.Options{Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce, KeepUnconfirmed: true}})
					o.Reconnect = stubborn()
					c := w.open(w.lost(o))
					w.send(c, "m1", "m2", "m3", "m4", "m5") // so that they leave together
					w.at(3 * time.Second / 2)
					if test.bad == "5" {
						w.send(c, "mn")
					}
					w.at(time.Minute)
					w.expect(fmt.Sprint(test.lost, " rejected ", code))
					if s := c.Stats(); s.Drops != (wsclient.Drops{Rejected: 1}) || s.Unconfirmed != 0 {
						t.Errorf("%+v", s)
					}
					if got := strings.Join(x.got(), ", "); got != test.want {
						t.Errorf("the connections got %q, want %q", got, test.want)
					}
				})
			})
		}
	}
}

// TestWhatIsNoPoison: the peer must have said so, of the only message that was
// unconfirmed.
func TestWhatIsNoPoison(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(p *testserver.Peer)
		hook  bool
		extra bool // a message AtMostOnce in company
	}{
		"a cut":                           {(*testserver.Peer).RST, false, false},
		"a FIN":                           {func(p *testserver.Peer) { p.FIN() }, false, false},
		"a Close that means no message":   {closing(1011), false, false},
		"one that the peer has made up":   {closing(4008), false, false},
		"a login that was not confirmed":  {closing(1008), true, false},
		"one that may have meant another": {closing(1008), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &testserver.Recorder{}
			n := 1
			if test.hook || test.extra {
				n = 2
			}
			srv := server(testserver.Sessions(mute(n, test.end), rec.Serve))
			bubble(t, srv, func(w *world) {
				o := wsclient.Options{Reconnect: stubborn(), Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}}
				if test.hook {
					o.OnConnect = login(w)
				}
				c := w.open(w.lost(o))
				w.send(c, "order")
				want := "order"
				if test.extra {
					w.with(c, once, "once")
				}
				if test.hook {
					want = "login order"
				}
				w.at(time.Minute)
				if got := strings.Join(texts(rec), " "); got != want {
					t.Errorf("%q on the second connection, want %q", got, want)
				}
				if s := c.Stats(); s.DroppedOut != 0 || s.Session != 2 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestSuspectsOfAnyKindGoAlone: those with an ID until their acknowledgement
// comes; and whatever else is sent meanwhile comes through.
func TestSuspectsOfAnyKindGoAlone(t *testing.T) {
	for name, o := range map[string]wsclient.Options{
		"by pong":      {},
		"by pong, Off": {Heartbeat: heartbeat.Off},
		"by id":        {Queue: wsclient.QueueOptions{Ack: ackOK}},
		"Passive":      {Queue: wsclient.QueueOptions{Ack: ackOK}, Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}},
	} {
		t.Run(name, func(t *testing.T) {
			second := &frameLog{}
			late := func(p *testserver.Peer) {
				second.then = func(s string) {
					if o.Queue.Ack != nil && s != "ping" && s != "once" {
						<-time.After(time.Second)
						p.WriteText("ok " + s)
					}
				}
				second.peer(nil)(p)
			}
			bubble(t, server(testserver.Sessions(mute(3, closing(1008)), late)), func(w *world) {
				byID := o.Queue.Ack != nil
				o := w.later(0, o, time.Second)
				o.Reconnect = stubborn()
				c := w.open(o)
				for _, s := range []string{"1", "2", "3"} {
					class := again
					if byID {
						class.ID = s
					}
					w.with(c, class, s)
				}
				w.at(time.Second / 2)
				w.with(c, wsclient.SendOptions{Priority: true}, "once")
				want := "once ping 1 ping 2 ping 3 ping"
				if byID {
					want = "once ping 1 2 3"
					w.at(3 * time.Second / 2) // the first is not acknowledged yet
					if n := c.BufferedAmount(); n != 2 {
						t.Errorf("BufferedAmount %d while the first is alone", n)
					}
				}
				if name == "Passive" {
					want = "once 1 2 3"
				}
				w.at(10 * time.Second) // before the heartbeat's first
				if got := second.texts(); got != want {
					t.Errorf("%q on the second connection, want %q", got, want)
				}
			})
		})
	}
}

func TestFlushTellsOfPoison(t *testing.T) {
	x := &taster{code: 1008, bad: "2"}
	bubble(t, server(x.serve), func(w *world) {
		o := w.later(time.Second, wsclient.Options{Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}})
		o.Reconnect = stubborn()
		c := w.open(o)
		w.send(c, "m1", "m2", "m3")
		u := as[*wsclient.UnconfirmedError](t, c.Flush(w.ctx))
		if u.Messages != 1 || u.Bytes != 2 {
			t.Errorf("%+v", u)
		}
		w.flush(c) // for the rest
		if got := strings.Join(x.got(), ", "); got != "12, 1|2, 3" {
			t.Errorf("%q", got)
		}
	})
}
