package wsclient

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

var paceStart = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// pacing asks for messages (m) and pings (p) at the times, in milliseconds, and
// returns which of them may go; what may not is not asked again.
func pacing(r Rate, asked string, times ...int) string {
	p := newPace(r)
	p.heed(heartbeat.Policy{})
	got := []byte(asked)
	for i, ms := range times {
		now := paceStart.Add(time.Duration(ms) * time.Millisecond)
		p.look(now)
		ok := false
		if asked[i] == 'm' {
			ok = p.message(now)
		} else {
			ok = p.control()
		}
		if !ok {
			got[i] = '-'
		}
		p.left(now)
	}
	return string(got)
}

func TestPace(t *testing.T) {
	three, all := Rate{Messages: 3}, Rate{Messages: 3, Control: true}
	for _, c := range []struct {
		name  string
		rate  Rate
		asked string
		times []int
		want  string
	}{
		{"no rate is no limit", Rate{}, "mmmmpp", []int{0, 0, 0, 0, 0, 0}, "mmmmpp"},
		{"as many as Messages within any second", three, "mmmmmm", []int{0, 0, 900, 900, 999, 1000}, "mmm--m"},
		{"the window slides", three, "mmmmm", []int{0, 500, 900, 1499, 1500}, "mmmmm"},
		{"however it lies", three, "mmmmm", []int{0, 500, 900, 950, 1001}, "mmm-m"},
		{"a Per of its own", Rate{Messages: 1, Per: time.Minute}, "mmm", []int{0, 59_999, 60_000}, "m-m"},
		{"pings and pongs do not count", three, "mpmpmp", []int{0, 0, 0, 0, 0, 0}, "mpmpmp"},
		{"unless they do", all, "ppppm", []int{0, 0, 0, 0, 0}, "ppp--"},
		{"one is kept for them", all, "mmmp", []int{0, 0, 0, 0}, "mm-p"},
		{"and none more if that was taken", all, "pmmp", []int{0, 0, 0, 0}, "pmm-"},
		{"a rate of one has none to keep", Rate{Messages: 1, Control: true}, "mpm", []int{0, 0, 1000}, "m-m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pacing(c.rate, c.asked, c.times...); got != c.want {
				t.Errorf("of %s go %s, want %s", c.asked, got, c.want)
			}
		})
	}
}

// What is held up is told when it may go on, to the instant: an instant before it
// may not.
func TestPaceSaysWhen(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		r := Rate{Messages: 1 + rnd.IntN(5), Control: rnd.IntN(2) == 0}
		p, now := newPace(r), paceStart
		p.heed(heartbeat.Policy{})
		var sent []time.Time
		for range 40 {
			now = now.Add(time.Duration(rnd.IntN(300)) * time.Millisecond)
			ask := p.control
			counts := r.Control
			if rnd.IntN(2) == 0 {
				ask, counts = func() bool { return p.message(now) }, true
			}
			if p.look(now); !ask() {
				at := p.next(now)
				now = at.Add(-1)
				if p.look(now); ask() {
					t.Fatalf("%+v: may go %v before the time that was told", r, at.Sub(now))
				}
				now = at
				if p.look(now); !ask() {
					t.Fatalf("%+v: may not go at the time that was told", r)
				}
			}
			p.left(now)
			if counts {
				sent = append(sent, now)
			}
			if n := len(sent) - 1 - r.Messages; n >= 0 && now.Sub(sent[n]) < time.Second {
				t.Fatalf("%+v: %d within %v", r, r.Messages+1, now.Sub(sent[n]))
			}
		}
	}
}

func TestPaceIsThrottled(t *testing.T) {
	p := newPace(Rate{Messages: 1})
	p.message(paceStart)
	p.left(paceStart)
	if p.message(paceStart.Add(time.Second / 4)) {
		t.Fatal("a second one may go")
	}
	if got := p.throttled(paceStart.Add(time.Second / 2)); got != time.Second/4 {
		t.Errorf("throttled for %v", got)
	}
	if got := p.look(paceStart.Add(time.Second)); got != 3*time.Second/4 || p.throttled(paceStart.Add(time.Second)) != 0 {
		t.Errorf("throttled for %v", got)
	}
}

func TestTheHeartbeatsMessagesHaveTheReserve(t *testing.T) {
	p := newPace(Rate{Messages: 2})
	p.heed(heartbeat.Policy{Probe: heartbeat.Text("ping", "pong")})
	if got := []bool{p.message(paceStart), p.message(paceStart), p.beat(), p.beat()}; !slices.Equal(got, []bool{true, false, true, false}) {
		t.Errorf("%v, want one message and one beat", got)
	}
}

func TestOnlyTheNewestPongsAreKept(t *testing.T) {
	var p pongs
	for _, s := range []string{"a", "", "ccc", "dd"} {
		p.push([]byte(s))
	}
	p.keep(5)
	p.keep(2)
	b := &batch{}
	if p.take(b); len(b.items) != 2 || string(b.control[b.items[0].off:][:b.items[0].size]) != "ccc" || string(b.control[b.items[1].off:][:b.items[1].size]) != "dd" {
		t.Errorf("%d pongs: %q", len(b.items), b.control)
	}
}
