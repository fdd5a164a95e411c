package reconnect

import "time"

// A Step says what a client does next.
type Step struct {
	// Retry: connect again after Wait. False: the client ends.
	Retry bool

	// Wait is how long to wait before the next attempt, at least 0; 0 is at
	// once. 0 if Retry is false.
	Wait time.Duration

	// Refresh: the next attempt must ask for fresh credentials. False if Retry
	// is false.
	Refresh bool

	// GaveUp: Retry is false only because MaxAttempts or MaxElapsed is used
	// up. False if the failure itself was the end, or the policy is Never.
	GaveUp bool

	// Endpoint is where the next attempt goes, from 0 in the order in which the
	// client was given them.
	Endpoint int

	// Attempts is how many attempts have failed in this losing streak; the
	// next attempt is number Attempts+1.
	Attempts int

	// Elapsed is the time since the first failure of this losing streak.
	Elapsed time.Duration

	// Left is how long the next attempt may wait in all, should something else
	// hold it up too, before MaxElapsed is used up. The longest Duration: there
	// is no limit.
	Left time.Duration
}

// A Streak is the state of one client between its connections: the losing
// streak, the backoff, what has been tried, and where. It reads no clock and
// never waits.
//
// With more than one endpoint a failed attempt is followed by one at the next
// endpoint, at once, until each of them has been tried; then comes the backoff.
// The end of an open connection is always followed by a wait, so that the clients
// of one endpoint do not fall upon the next all at the same moment, and so is a
// failed Prepare hook, which says nothing about the endpoint. The next round
// begins with the endpoint that had the last stable connection; those that fail
// come last. One that asks us to stay away is passed over meanwhile, and does
// not hold up the others. It is asked again by itself if all of them do.
//
// A losing streak begins with the first failure and ends when a connection has
// lasted Policy.Stable; that an attempt succeeds does not end it. A Streak is
// for use by one goroutine.
type Streak struct {
	policy Policy // with its defaults filled in
	delays delays
	roster roster

	losing   bool      // a losing streak is on, since start
	start    time.Time // its first failure
	attempts int       // its failed attempts

	opened    bool // some connection was open once
	refreshed bool // a Refresh was granted since the last open
	fresh     bool // the last open came of a Refresh
}

// NewStreak returns the Streak of a new client with so many endpoints, of which
// it tries the first one first. p must be valid, see [Policy.Validate].
func NewStreak(p Policy, endpoints int) *Streak {
	p = p.withDefaults()
	return &Streak{policy: p, delays: newDelays(p), roster: newRoster(max(endpoints, 1))}
}

// Opened notes that a connection has opened at now. It renews the one Refresh;
// it does not end the losing streak: how long the connection lasts is judged
// by Next and Requested from its uptime.
func (s *Streak) Opened(_ time.Time) {
	s.opened = true
	s.fresh, s.refreshed = s.refreshed, false
	s.roster.opened()
}

// Next notes that an attempt has failed, or that an open connection has ended
// (PhaseOpen), and says what to do. It fills in Attempt, Opened, Refreshed and
// Elsewhere of f, whatever they held, and asks the policy's Classify, except
// about an error marked by [Permanent]: that is the end.
//
// The end of a connection that lasted Stable is not a failed attempt: it begins
// a new streak, with no attempt counted and the backoff at its start.
func (s *Streak) Next(f Failure, now time.Time) Step {
	stable := f.Phase == PhaseOpen && f.Uptime >= s.policy.Stable
	if stable {
		s.end()
	} else {
		s.attempts++
	}
	if !s.losing {
		s.losing, s.start = true, now
	}
	if s.policy.never() || IsPermanent(f.Err) {
		return s.step(now)
	}
	if f.Phase == PhaseOpen && !stable && s.fresh {
		s.refreshed = true // those credentials were no better: the next are not asked for at once
	}
	f.Attempt, f.Opened, f.Refreshed, f.Elsewhere = s.attempts, s.opened, s.refreshed, s.roster.elsewhere()
	v := s.policy.Classify(f)
	if v.Action == Stop {
		return s.step(now) // not GaveUp, even where a limit is used up too: this is the better reason
	}
	step := s.step(now)
	if s.policy.MaxAttempts > 0 && s.attempts >= s.policy.MaxAttempts {
		step.GaveUp = true
		return step
	}
	wait, refresh := s.wait(v, f, stable, now)
	if wait > step.Left {
		step.GaveUp = true
		return step
	}
	step.Retry, step.Wait, step.Refresh, step.Endpoint = true, wait, refresh, s.roster.current
	return step
}

// Requested notes that the user asked for a new connection in place of the open
// one, which had been open for uptime. It is at once if that was Stable, and
// ends the losing streak; else it comes after the backoff, which grows.
//
// A request is no failure: it counts against no limit, and Classify is not
// asked. Under Never it is the end. A request made while no connection is open
// needs no Step: it cuts the wait short.
func (s *Streak) Requested(uptime time.Duration, now time.Time) Step {
	stable := uptime >= s.policy.Stable
	if stable {
		s.end()
		s.roster.good = s.roster.current
		s.roster.anew(now)
	}
	step := s.step(now)
	step.Left, step.Endpoint = maxDuration, s.roster.current
	if s.policy.never() {
		return step
	}
	step.Retry = true
	if !stable {
		step.Wait = s.delays.next()
	}
	return step
}

// wait returns how long v asks to wait, and whether fresh credentials are due. It
// chooses the endpoint, too.
func (s *Streak) wait(v Verdict, f Failure, stable bool, now time.Time) (wait time.Duration, refresh bool) {
	after := max(v.After, 0)
	switch v.Action {
	case At:
		s.roster.next(f, stable, 0, now)
		return after, false
	case Now:
		s.roster.next(f, stable, 0, now)
		return 0, false
	case Refresh:
		// At once only the first time: a Classify that answers every 401 with
		// Refresh must not hammer the server.
		if refresh, after = f.CanRefresh, 0; refresh && !s.refreshed {
			s.refreshed = true
			return 0, true
		}
	}
	rest, held := s.roster.next(f, stable, after, now)
	if !rest {
		return 0, refresh
	}
	// After has no upper bound where a Classify sets it.
	return held + min(s.delays.next(), maxDuration-held), refresh
}

// end ends the losing streak.
func (s *Streak) end() {
	s.losing, s.attempts = false, 0
	s.delays.reset()
}

// step returns a Step that only counts.
func (s *Streak) step(now time.Time) Step {
	step := Step{Attempts: s.attempts, Left: maxDuration}
	if s.losing {
		step.Elapsed = max(now.Sub(s.start), 0) // a clock set back is no time gained
	}
	if s.policy.MaxElapsed > 0 {
		step.Left = s.policy.MaxElapsed - step.Elapsed
	}
	return step
}
