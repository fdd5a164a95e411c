package reconnect_test

import (
	"math"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// draws is how often a random wait is drawn: that none of so many is in the
// upper tenth of an even spread has a chance of 1e-92.
const draws = 2000

// spread checks that the waits are spread evenly from 0 to bound.
func spread(t *testing.T, bound time.Duration, wait func() time.Duration) {
	t.Helper()
	least, most, sum := time.Duration(math.MaxInt64), time.Duration(0), 0.0
	for range draws {
		w := wait()
		least, most, sum = min(least, w), max(most, w), sum+float64(w)
	}
	mean := time.Duration(sum / draws)
	if least < 0 || most > bound || least > bound/10 || most < bound-bound/10 || mean < bound*2/5 || mean > bound*3/5 {
		t.Errorf("waits from %v to %v, mean %v; want 0 to %v, evenly", least, most, mean, bound)
	}
}

func TestWaitsAreFullJitterThatGrowsToMax(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy reconnect.Policy
		bounds []time.Duration // of the first waits
	}{
		{"by default from 250 ms to 30 s, doubling", reconnect.Policy{}, []time.Duration{
			250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second,
			8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second,
		}},
		{"as the policy says", reconnect.Policy{Initial: time.Second, Max: 20 * time.Second, Multiplier: 3}, []time.Duration{
			time.Second, 3 * time.Second, 9 * time.Second, 20 * time.Second, 20 * time.Second,
		}},
		{"a Multiplier of 1 does not grow", reconnect.Policy{Multiplier: 1}, []time.Duration{
			250 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond,
		}},
		{"a Max below the default Initial bounds it", reconnect.Policy{Max: 100 * time.Millisecond}, []time.Duration{
			100 * time.Millisecond, 100 * time.Millisecond,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n, bound := range c.bounds {
				spread(t, bound, func() time.Duration {
					s := reconnect.NewStreak(c.policy, 1)
					for range n {
						s.Next(refused, start)
					}
					return s.Next(refused, start).Wait
				})
			}
		})
	}
}

func TestWaitsNeverExceedMax(t *testing.T) {
	for _, limit := range []time.Duration{1, 2, 3, 101, math.MaxInt64} {
		s := reconnect.NewStreak(reconnect.Policy{Initial: 1, Max: limit, Multiplier: 10}, 1)
		for range 300 {
			if got := s.Next(refused, start); got.Wait < 0 || got.Wait > limit || !got.Retry {
				t.Fatalf("Max %v: %+v", limit, got)
			}
		}
	}
}

func TestTheShortestInitialGrowsToo(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{Initial: 1, Max: time.Second}, 1)
	for range 40 {
		s.Next(refused, start)
	}
	spread(t, time.Second, func() time.Duration { return s.Next(refused, start).Wait })
}

func TestOnlyAStableConnectionResetsTheWaits(t *testing.T) {
	after := func(f reconnect.Failure) func() time.Duration {
		return func() time.Duration {
			s := reconnect.NewStreak(reconnect.Policy{}, 1)
			for range 20 {
				s.Next(refused, start)
			}
			s.Opened(start)
			return s.Next(f, start).Wait
		}
	}
	spread(t, 250*time.Millisecond, after(lasted))
	spread(t, 30*time.Second, after(died))
}

func TestWhatAVerdictMakesOfTheWait(t *testing.T) {
	const b = 250 * time.Millisecond // the first backoff's bound
	for _, c := range []struct {
		name     string
		verdict  reconnect.Verdict
		from, to time.Duration
	}{
		{"Backoff is jitter", backoff, 0, b},
		{"After is a floor under the jitter, beyond Max too", floor(time.Hour), time.Hour, time.Hour + b},
		{"a negative After is none", floor(-time.Hour), 0, b},
		{"At is exact, beyond Max too", reconnect.Verdict{Action: reconnect.At, After: time.Hour}, time.Hour, time.Hour},
		{"At without a time is at once", reconnect.Verdict{Action: reconnect.At}, 0, 0},
		{"At with a negative time is at once", reconnect.Verdict{Action: reconnect.At, After: -1}, 0, 0},
		{"Now is at once", reconnect.Verdict{Action: reconnect.Now, After: time.Hour}, 0, 0},
		{"Refresh without a Prepare hook is jitter", refresh, 0, b},
		{"an unknown action is jitter", reconnect.Verdict{Action: 99}, 0, b},
	} {
		t.Run(c.name, func(t *testing.T) {
			wait := func() time.Duration {
				got := reconnect.NewStreak(reconnect.Policy{Classify: always(c.verdict)}, 1).Next(refused, start)
				if !got.Retry || got.Refresh {
					t.Fatalf("got %+v, want a retry without a refresh", got)
				}
				return got.Wait
			}
			if c.from == c.to {
				if got := wait(); got != c.from {
					t.Errorf("waits %v, want %v", got, c.from)
				}
				return
			}
			spread(t, c.to-c.from, func() time.Duration { return wait() - c.from })
		})
	}
}

func TestAFloorNearOverflowDoesNotWrap(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{Classify: always(floor(math.MaxInt64 - 1))}, 1)
	for range 100 {
		if got := s.Next(refused, start).Wait; got < math.MaxInt64-1 {
			t.Fatalf("waits %v", got)
		}
	}
}

func TestNowAndAtLeaveTheBackoffWhereItIs(t *testing.T) {
	for _, action := range []reconnect.Action{reconnect.Now, reconnect.At} {
		spread(t, 250*time.Millisecond, func() time.Duration {
			v := reconnect.Verdict{Action: action}
			s := reconnect.NewStreak(reconnect.Policy{Classify: func(reconnect.Failure) reconnect.Verdict { return v }}, 1)
			for range 10 {
				s.Next(refused, start)
			}
			v = backoff
			return s.Next(refused, start).Wait
		})
	}
}

func TestASecondRefreshBacksOff(t *testing.T) {
	denied := reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: 401, CanRefresh: true}
	spread(t, 250*time.Millisecond, func() time.Duration {
		v := reconnect.Verdict{Action: reconnect.Refresh, After: time.Hour} // After means nothing here
		s := reconnect.NewStreak(reconnect.Policy{Classify: always(v)}, 1)
		if got := s.Next(denied, start); got.Wait != 0 || !got.Refresh {
			t.Fatalf("the first: %+v, want a refresh at once", got)
		}
		got := s.Next(denied, start)
		if !got.Retry || !got.Refresh {
			t.Fatalf("the second: %+v, want a refresh", got)
		}
		return got.Wait
	})
}

func TestARequestAfterAStableConnectionIsAtOnceAndEndsTheStreak(t *testing.T) {
	s := reconnect.NewStreak(reconnect.Policy{MaxAttempts: 3}, 1)
	s.Next(refused, start)
	s.Next(refused, start.Add(time.Second))
	got := s.Requested(10*time.Second, start.Add(time.Minute))
	if want := (reconnect.Step{Retry: true, Left: math.MaxInt64}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = s.Next(refused, start.Add(time.Hour))
	if got.Attempts != 1 || got.Elapsed != 0 || got.Wait > 250*time.Millisecond {
		t.Errorf("the next failure: %+v, want the first of a new streak", got)
	}
}

func TestARequestAfterAShortConnectionBacksOffAndCountsNothing(t *testing.T) {
	spread(t, time.Second, func() time.Duration { // the third wait
		s := reconnect.NewStreak(reconnect.Policy{MaxAttempts: 2, MaxElapsed: 10 * time.Second}, 1)
		s.Next(refused, start)
		s.Requested(0, start)
		got := s.Requested(10*time.Second-1, start.Add(time.Minute))
		if !got.Retry || got.GaveUp || got.Attempts != 1 || got.Elapsed != time.Minute {
			t.Fatalf("got %+v, want a retry with 1 attempt failed", got)
		}
		return got.Wait
	})
}
