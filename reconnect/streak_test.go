package reconnect_test

import (
	"math"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// refused is a failed attempt; died and lasted are ends of open connections on
// either side of the default Stable.
var (
	refused = reconnect.Failure{Phase: reconnect.PhaseDial, Err: errTest}
	died    = reconnect.Failure{Phase: reconnect.PhaseOpen, Err: errTest, Uptime: 10*time.Second - 1}
	lasted  = reconnect.Failure{Phase: reconnect.PhaseOpen, Err: errTest, Uptime: 10 * time.Second}
)

func always(v reconnect.Verdict) func(reconnect.Failure) reconnect.Verdict {
	return func(reconnect.Failure) reconnect.Verdict { return v }
}

// fail runs failures a second apart and returns the last Step.
func fail(t *testing.T, s *reconnect.Streak, failures ...reconnect.Failure) (last reconnect.Step) {
	t.Helper()
	for i, f := range failures {
		if i > 0 && !last.Retry {
			t.Fatalf("ended before failure %d: %+v", i, last)
		}
		last = s.Next(f, start.Add(time.Duration(i)*time.Second))
	}
	return last
}

func TestOnlyAStableConnectionEndsTheStreak(t *testing.T) {
	never := reconnect.Failure{Phase: reconnect.PhaseUpgrade, Err: errTest, Uptime: time.Hour} // Uptime must not count here
	for _, c := range []struct {
		name     string
		failures []reconnect.Failure
		attempts int
		elapsed  time.Duration
	}{
		{"the first failure is attempt 1", []reconnect.Failure{refused}, 1, 0},
		{"each failure counts", []reconnect.Failure{refused, refused, refused}, 3, 2 * time.Second},
		{"a connection that dies young counts", []reconnect.Failure{refused, died, died}, 3, 2 * time.Second},
		{"a connection that lasted is no failed attempt", []reconnect.Failure{lasted}, 0, 0},
		{"a connection that lasted ends the streak", []reconnect.Failure{refused, died, lasted}, 0, 0},
		{"the new streak begins at its loss", []reconnect.Failure{refused, lasted, refused, refused}, 2, 2 * time.Second},
		{"only an open connection has an uptime", []reconnect.Failure{refused, never}, 2, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen int
			s := reconnect.NewStreak(reconnect.Policy{Classify: func(f reconnect.Failure) reconnect.Verdict {
				seen = f.Attempt
				return backoff
			}}, 1)
			got := fail(t, s, c.failures...)
			if got.Attempts != c.attempts || got.Elapsed != c.elapsed || seen != c.attempts {
				t.Errorf("attempts %d (Classify saw %d), elapsed %v; want %d, %v",
					got.Attempts, seen, got.Elapsed, c.attempts, c.elapsed)
			}
		})
	}
}

func TestStableIsThePolicysOwn(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{Stable: time.Minute}, 1)
	if got := fail(t, s, refused, lasted); got.Attempts != 2 {
		t.Errorf("10 s under a Stable of 1 min: %d attempts, want 2", got.Attempts)
	}
	minute := lasted
	minute.Uptime = time.Minute
	if got := fail(t, s, minute); got.Attempts != 0 {
		t.Errorf("1 min under a Stable of 1 min: %d attempts, want 0", got.Attempts)
	}
}

func TestOpeningDoesNotEndTheStreak(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{}, 1)
	fail(t, s, refused, refused)
	s.Opened(start.Add(5 * time.Second))
	got := s.Next(died, start.Add(7*time.Second))
	if got.Attempts != 3 || got.Elapsed != 7*time.Second {
		t.Errorf("got %+v, want 3 attempts in 7 s", got)
	}
}

func TestMaxAttempts(t *testing.T) {
	three := reconnect.Policy{MaxAttempts: 3}
	one := reconnect.Policy{MaxAttempts: 1}
	stops := reconnect.Policy{MaxAttempts: 1, Classify: always(stop)}
	refreshes := reconnect.Policy{MaxAttempts: 1, Classify: always(refresh)}
	for _, c := range []struct {
		name          string
		policy        reconnect.Policy
		failures      []reconnect.Failure
		retry, gaveUp bool
	}{
		{"2 of 3 go on", three, []reconnect.Failure{refused, refused}, true, false},
		{"3 of 3 give up", three, []reconnect.Failure{refused, refused, refused}, false, true},
		{"connections that die young count", three, []reconnect.Failure{died, refused, died}, false, true},
		{"a connection that lasted renews them", three, []reconnect.Failure{refused, refused, lasted, refused, refused}, true, false},
		{"1 of 1 gives up", one, []reconnect.Failure{refused}, false, true},
		{"1 is one attempt after a connection that lasted", one, []reconnect.Failure{lasted}, true, false},
		{"and no more", one, []reconnect.Failure{lasted, refused}, false, true},
		{"a refresh is no free attempt", refreshes, []reconnect.Failure{refused}, false, true},
		{"a stop is not giving up", stops, []reconnect.Failure{refused}, false, false},
		{"0 is no limit", reconnect.Policy{}, make([]reconnect.Failure, 500), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := fail(t, reconnect.NewStreak(c.policy, 1), c.failures...)
			if got.Retry != c.retry || got.GaveUp != c.gaveUp {
				t.Errorf("got %+v, want Retry %v, GaveUp %v", got, c.retry, c.gaveUp)
			}
			if !got.Retry && (got.Wait != 0 || got.Refresh) {
				t.Errorf("an end with a wait or a refresh: %+v", got)
			}
		})
	}
}

func TestMaxElapsedCountsTheWaitToo(t *testing.T) {
	for _, c := range []struct {
		name   string
		at     time.Duration // of the second failure, after the first
		wait   time.Duration
		gaveUp bool
	}{
		{"an attempt within it is made", 50 * time.Second, 9 * time.Second, false},
		{"an attempt at its very end is made", 50 * time.Second, 10 * time.Second, false},
		{"an attempt a moment later is not", 50 * time.Second, 10*time.Second + 1, true},
		{"nor any when it is over", 61 * time.Second, 0, true},
		{"a wait near overflow gives up", 50 * time.Second, math.MaxInt64, true},
		{"a clock set back gives no time", -time.Hour, time.Minute + 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v reconnect.Verdict
			s := reconnect.NewStreak(reconnect.Policy{
				MaxElapsed: time.Minute,
				Classify:   func(reconnect.Failure) reconnect.Verdict { return v },
			}, 1)
			v = reconnect.Verdict{Action: reconnect.Now}
			if got := s.Next(refused, start); !got.Retry {
				t.Fatalf("the first failure: %+v", got)
			}
			v = reconnect.Verdict{Action: reconnect.At, After: c.wait}
			got := s.Next(refused, start.Add(c.at))
			if got.GaveUp != c.gaveUp || got.Retry == c.gaveUp {
				t.Errorf("got %+v, want GaveUp %v", got, c.gaveUp)
			}
			if got.Elapsed != max(c.at, 0) || got.Attempts != 2 {
				t.Errorf("got %+v, want 2 attempts in %v", got, max(c.at, 0))
			}
		})
	}
}

func TestMaxElapsedIsRenewedByAStableConnection(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{MaxElapsed: time.Minute}, 1)
	s.Next(refused, start)
	if got := s.Next(lasted, start.Add(time.Hour)); !got.Retry || got.Elapsed != 0 {
		t.Errorf("after a connection that lasted: %+v, want a retry", got)
	}
}

func TestNeverIsExactlyOneConnection(t *testing.T) {
	retry := reconnect.Policy{MaxAttempts: -5, Classify: always(reconnect.Verdict{Action: reconnect.Now})}
	for _, p := range []reconnect.Policy{reconnect.Never, retry} {
		for _, f := range []reconnect.Failure{refused, died, lasted, {Status: 401, CanRefresh: true}} {
			if got := reconnect.NewStreak(p, 1).Next(f, start); got.Retry || got.GaveUp || got.Refresh {
				t.Errorf("%+v: %+v, want the end, not given up", f, got)
			}
		}
		for _, uptime := range []time.Duration{0, time.Hour} {
			if got := reconnect.NewStreak(p, 1).Requested(uptime, start); got.Retry {
				t.Errorf("Requested after %v: %+v, want the end", uptime, got)
			}
		}
	}
}

func TestTheStreakFillsInTheFailure(t *testing.T) {
	var seen reconnect.Failure
	s := reconnect.NewStreak(reconnect.Policy{Classify: func(f reconnect.Failure) reconnect.Verdict {
		seen = f
		return reconnect.Verdict{Action: reconnect.Refresh}
	}}, 1)
	denied := reconnect.Failure{ // what the caller says of these three must not count
		Phase: reconnect.PhaseUpgrade, Status: 401, CanRefresh: true, Attempt: 99, Opened: true, Refreshed: true,
	}
	check := func(when string, opened, refreshed bool) {
		t.Helper()
		s.Next(denied, start)
		if seen.Opened != opened || seen.Refreshed != refreshed || seen.Attempt == 99 || seen.Status != 401 {
			t.Errorf("%s: %+v, want Opened %v, Refreshed %v", when, seen, opened, refreshed)
		}
	}
	check("the first failure", false, false)
	check("after a refresh", false, true)
	s.Opened(start)
	check("after an open", true, false)
	check("after an open and a refresh", true, true)
	s.Next(lasted, start)
	check("an end does not renew the refresh", true, true)
}

func TestRefreshIsAtOnceOncePerOpen(t *testing.T) {
	denied := reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: 401, Err: errTest, CanRefresh: true}
	s := reconnect.NewStreak(reconnect.Policy{}, 1)
	if got := s.Next(denied, start); !got.Retry || !got.Refresh || got.Wait != 0 {
		t.Fatalf("the first 401: %+v, want a refresh at once", got)
	}
	s.Opened(start)
	if got := s.Next(denied, start); !got.Retry || !got.Refresh || got.Wait != 0 {
		t.Fatalf("the first 401 after an open: %+v, want a refresh at once", got)
	}
	if got := s.Next(denied, start); got.Retry || got.GaveUp {
		t.Errorf("the second 401: %+v, want the end", got)
	}
}

func TestAPermanentErrorEndsUnderAnyClassify(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{Classify: always(backoff)}, 1)
	if got := s.Next(reconnect.Failure{Err: reconnect.Permanent(errTest)}, start); got.Retry || got.GaveUp {
		t.Errorf("got %+v, want the end", got)
	}
}
