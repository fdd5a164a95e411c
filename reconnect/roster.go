package reconnect

import (
	"slices"
	"time"
)

// A roster says which endpoint of a client is tried next. Each is tried once in
// a round, and only between two rounds the client sleeps. A round begins with
// the endpoint that was good last; those that fail go to the end.
type roster struct {
	order     []int // of the endpoints, the one to be tried first in front
	endpoints []endpoint
	current   int // the one that is tried, or open
	good      int // the one whose connection lasted Stable last; -1: none has
}

// endpoint is what is remembered of one.
type endpoint struct {
	tried   bool      // in this round
	refused bool      // it has refused us for good, see refusal
	until   time.Time // it asked us to stay away until then
}

func newRoster(n int) roster {
	r := roster{endpoints: make([]endpoint, n), good: -1}
	for i := range n {
		r.order = append(r.order, i)
	}
	return r
}

// opened notes that the current endpoint has accepted us.
func (r *roster) opened() { r.endpoints[r.current] = endpoint{tried: r.endpoints[r.current].tried} }

// next chooses the endpoint of the next attempt after f, the failure of the
// current one. rest: the attempt comes after a wait, of which the endpoint asks
// for held.
func (r *roster) next(f Failure, stable bool, floor time.Duration, now time.Time) (rest bool, held time.Duration) {
	switch {
	case f.Phase == PhasePrepare:
		return true, floor
	case stable:
		r.good = r.current
		r.endpoints[r.current].until = now.Add(floor)
	default:
		r.endpoints[r.current] = endpoint{true, refusal(f), now.Add(floor)}
		i := slices.Index(r.order, r.current)
		r.order = append(slices.Delete(r.order, i, i+1), r.current)
		if r.another(now) {
			return f.Phase == PhaseOpen, 0
		}
	}
	return true, r.anew(now)
}

// elsewhere reports whether there is an endpoint, other than the current one,
// that has not refused us for good.
func (r *roster) elsewhere() bool {
	for i := range r.endpoints {
		if i != r.current && !r.endpoints[i].refused {
			return true
		}
	}
	return false
}

// another makes the next endpoint of this round the current one, if there is one
// that does not ask us to stay away.
func (r *roster) another(now time.Time) bool {
	for _, i := range r.order {
		if e := &r.endpoints[i]; !e.tried && !e.until.After(now) {
			r.current = i
			return true
		}
	}
	return false
}

// anew begins a round and returns how long its first endpoint asks us to stay
// away: if all of them do, it is the one that does for the shortest time.
func (r *roster) anew(now time.Time) time.Duration {
	for i := range r.endpoints {
		r.endpoints[i].tried = false
	}
	if i := slices.Index(r.order, r.good); i > 0 {
		r.order = slices.Insert(slices.Delete(r.order, i, i+1), 0, r.good)
	}
	if r.another(now) {
		return 0
	}
	r.current = r.order[0]
	for _, i := range r.order {
		if r.endpoints[i].until.Before(r.endpoints[r.current].until) {
			r.current = i
		}
	}
	return r.endpoints[r.current].until.Sub(now)
}
