package reconnect_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// TestLimiterHolds plays clients at random against a Limiter. The name of a
// subtest is its seed.
func TestLimiterHolds(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playLimiter(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

// player is a client of these tests.
type player struct {
	r       *reconnect.Reservation
	left    int       // attempts that it still makes
	promise time.Time // when its attempt is to begin at the latest, save for Dials
	asked   time.Time // when Begin is to be asked again
	end     time.Time // of its attempt, once it has begun
}

func playLimiter(t *testing.T, rnd *rand.Rand) {
	l := &reconnect.Limiter{Attempts: 1 + rnd.IntN(4), Window: 10 * time.Second, Dials: 1 + rnd.IntN(4)}
	if rnd.IntN(3) == 0 {
		l.Dials = -1
	}
	players := make([]*player, 1+rnd.IntN(12))
	for i := range players {
		players[i] = &player{left: 1 + rnd.IntN(5)}
	}
	var started []time.Time
	dialing, moved := 0, false
	for now := start; ; now = now.Add(time.Second) {
		busy := false
		for _, i := range rnd.Perm(len(players)) {
			switch p := players[i]; {
			case p.r == nil && p.left > 0:
				p.r = l.Reserve(feed, now, now.Add(time.Duration(rnd.IntN(30))*time.Second))
				p.promise, p.asked = p.r.Time(), p.r.Time()
				p.left--
				busy = true
			case p.r == nil:
			case p.end.Equal(now):
				p.r.End(now)
				*p = player{left: p.left}
				dialing--
				busy = true
			case p.end.IsZero() && rnd.IntN(100) == 0:
				p.r.End(now)
				*p = player{left: p.left}
				moved, busy = true, true
			case p.end.IsZero() && rnd.IntN(100) == 0:
				p.r.Hasten(now)
				p.asked, moved, busy = now, true, true
			default:
				busy = true
			}
		}
		for again := true; again; {
			again = false
			for _, i := range rnd.Perm(len(players)) {
				p := players[i]
				if p.r == nil || !p.end.IsZero() || !p.begins(now) {
					continue
				}
				again = true
				started = append(started, now)
				dialing++
				p.end = now.Add(time.Duration(1+rnd.IntN(20)) * time.Second)
				if l.Dials < 0 && (now.After(p.promise) || !moved && now.Before(p.promise)) {
					t.Fatalf("begun at %v, promised for %v", now.Sub(start), p.promise.Sub(start))
				}
			}
		}
		if l.Dials > 0 && dialing > l.Dials {
			t.Fatalf("%d at the same time, %d at most", dialing, l.Dials)
		}
		if n := len(started) - 1 - l.Attempts; n >= 0 && started[len(started)-1].Sub(started[n]) < l.Window {
			t.Fatalf("%d in less than %v", l.Attempts+1, l.Window)
		}
		if !busy {
			return
		}
		if now.Sub(start) > time.Hour {
			t.Fatal("somebody waits for ever")
		}
	}
}

// begins asks Begin as a client does.
func (p *player) begins(now time.Time) bool {
	select {
	case <-p.r.Changed():
		p.asked = now
	default:
	}
	if now.Before(p.asked) {
		return false
	}
	if p.r.Begin(now) {
		return true
	}
	if p.asked = p.r.Time(); !p.asked.After(now) {
		p.asked = now.Add(24 * time.Hour) // only Changed helps
	}
	return false
}
