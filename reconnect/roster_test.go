package reconnect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// A scene plays the endpoints A, B and C. Each event names what happened to the
// attempt, or the connection, that the Streak chose last; the answer is where it
// goes next, with a + if there is a wait before.
type scene struct {
	s   *reconnect.Streak
	now time.Time
	at  int
}

// denied503 asks us to stay away for a minute, denied404 for good.
var (
	denied503 = reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: 503, RetryAfter: time.Minute, Err: errTest}
	denied404 = reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: 404, Err: errTest}
	unready   = reconnect.Failure{Phase: reconnect.PhasePrepare, Err: errTest}
	unlogged  = reconnect.Failure{Phase: reconnect.PhaseConnect, Err: errTest}
	denied401 = reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: 401, Err: errTest, CanRefresh: true}
	closed    = reconnect.Failure{Phase: reconnect.PhaseOpen, CloseCode: 1008, Err: errTest, Uptime: time.Hour}
)

var events = map[string]reconnect.Failure{
	"refused": refused, "503": denied503, "404": denied404, "prepare": unready, "connect": unlogged, "401": denied401,
	"died": died, "lasted": lasted, "1008": closed,
}

func (sc *scene) play(event string) string {
	var step reconnect.Step
	switch event {
	case "minute":
		sc.now = sc.now.Add(time.Minute)
		return ""
	case "requested":
		step = sc.s.Requested(0, sc.now)
	case "rotated":
		step = sc.s.Requested(time.Hour, sc.now)
	default:
		if f := events[event]; f.Phase == reconnect.PhaseOpen {
			sc.s.Opened(sc.now)
		}
		step = sc.s.Next(events[event], sc.now)
	}
	if !step.Retry {
		return "end"
	}
	sc.at = step.Endpoint
	mark := ""
	if step.Wait > 0 {
		mark = "+"
	}
	return mark + string(rune('A'+sc.at))
}

func TestFailover(t *testing.T) {
	for _, c := range []struct{ name, events, want string }{
		{"all once before sleeping, in their order", "refused refused refused", "B C +A"},
		{"and again", "refused refused refused refused refused refused", "B C +A B C +A"},
		{"a login that fails goes on to the next too", "connect connect connect", "B C +A"},
		{"the last good one first", "refused lasted refused refused refused", "B +B C A +B"},
		{"though it has failed since, each round begins with it", "refused lasted refused refused refused refused", "B +B C A +B C"},
		{"before others that were away meanwhile", "503 503 refused minute lasted", "B C +C  +C"},
		{"those that fail come last", "refused lasted lasted refused", "B +B +B C"},
		{"the end of a connection is followed by a wait, not by a rush upon the next", "died died died", "+B +C +A"},
		{"a connection that died young has failed", "refused died refused refused", "B +C +A B"},
		{"what Prepare says is not about the endpoint", "prepare prepare refused", "+A +A B"},
		{"Retry-After holds up its endpoint only", "503 refused refused refused refused minute refused", "B C +B C +B  A"},
		{"if all ask us to stay away, the first that lets us", "503 503 503", "B C +A"},
		{"a refusal for good ends nothing while another endpoint may take us", "404 refused refused 404", "B C +A B"},
		{"it does if all have refused us so", "404 404 404", "B C end"},
		{"401 asks for credentials, and is then as any refusal", "401 401 401 401", "A B C end"},
		{"a Close that is final ends the client", "1008", "end"},
		{"Reconnect stays where it is", "refused requested rotated", "B +B B"},
		{"and if it lasted, that was the last good one", "refused rotated refused refused refused", "B B C A +B"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc := &scene{s: reconnect.NewStreak(reconnect.Policy{}, 3), now: start}
			var got []string
			for event := range strings.FieldsSeq(c.events) {
				got = append(got, sc.play(event))
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("after %q\n got %q\nwant %q", c.events, got, c.want)
			}
		})
	}
}

func TestWaitsOfFailover(t *testing.T) {
	// wait is how long the last of the failures, which come the same time after
	// each other, makes a client with two endpoints wait.
	wait := func(apart time.Duration, failures ...reconnect.Failure) func() time.Duration {
		return func() time.Duration {
			s := reconnect.NewStreak(reconnect.Policy{}, 2)
			var step reconnect.Step
			for i, f := range failures {
				step = s.Next(f, start.Add(time.Duration(i)*apart))
			}
			return step.Wait
		}
	}
	const b = 250 * time.Millisecond
	t.Run("the backoff grows by the round, not by the attempt", func(t *testing.T) {
		spread(t, b, wait(0, refused, refused))
		spread(t, 2*b, wait(0, refused, refused, refused, refused))
	})
	t.Run("Retry-After is not waited for while another endpoint is left", func(t *testing.T) {
		spread(t, b, wait(0, denied503, refused))
	})
	t.Run("if all ask for it, the first that is over is waited for, with jitter", func(t *testing.T) {
		all := wait(20*time.Second, denied503, denied503)
		spread(t, b, func() time.Duration { return all() - 40*time.Second })
	})
}

func TestEachVerdictChoosesAnEndpoint(t *testing.T) {
	for _, c := range []struct {
		verdict  reconnect.Verdict
		wait     time.Duration
		endpoint int
	}{
		{reconnect.Verdict{Action: reconnect.At, After: time.Hour}, time.Hour, 1},
		{reconnect.Verdict{Action: reconnect.Now}, 0, 1},
		{reconnect.Verdict{Action: reconnect.Refresh}, 0, 0},
		{reconnect.Verdict{After: time.Hour}, 0, 1},
	} {
		s := reconnect.NewStreak(reconnect.Policy{Classify: always(c.verdict)}, 2)
		if got := s.Next(denied401, start); got.Wait != c.wait || got.Endpoint != c.endpoint {
			t.Errorf("%v: %+v, want endpoint %d after %v", c.verdict, got, c.endpoint, c.wait)
		}
	}
}

func TestFailoverCountsAttempts(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{MaxAttempts: 3}, 2)
	for i, want := range []string{"true 1", "true 2", "false 3"} {
		step := s.Next(refused, start)
		if got := fmt.Sprint(step.Retry, step.Attempts); got != want {
			t.Errorf("failure %d: retry and attempts %s, want %s", i+1, got, want)
		}
	}
}

// A server that accepts, and then closes because of the credentials, must not be
// asked again at once each time: each of its opens would renew the one Refresh.
func TestARefreshThatOpenedAndWasClosedIsNotRepeatedAtOnce(t *testing.T) {
	spread(t, 250*time.Millisecond, func() time.Duration {
		s := reconnect.NewStreak(reconnect.Policy{Classify: always(refresh)}, 1)
		expired := reconnect.Failure{Phase: reconnect.PhaseOpen, CloseCode: 4401, Err: errTest, CanRefresh: true}
		s.Opened(start)
		if got := s.Next(expired, start); got.Wait != 0 || !got.Refresh {
			t.Fatalf("the first: %+v, want a refresh at once", got)
		}
		s.Opened(start)
		got := s.Next(expired, start)
		if !got.Refresh {
			t.Fatalf("the second: %+v, want a refresh", got)
		}
		s.Opened(start)
		expired.Uptime = time.Hour
		if got := s.Next(expired, start); got.Wait != 0 || !got.Refresh {
			t.Fatalf("after an hour: %+v, want a refresh at once", got)
		}
		return got.Wait
	})
}

func TestLeftIsWhatMaxElapsedAllows(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{MaxElapsed: time.Minute}, 1)
	s.Next(refused, start)
	if got := s.Next(refused, start.Add(20*time.Second)); got.Left != 40*time.Second {
		t.Errorf("20 s into a MaxElapsed of a minute: %v left", got.Left)
	}
}
