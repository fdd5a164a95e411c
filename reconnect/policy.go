package reconnect

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The values that zero fields of a Policy stand for.
const (
	defaultInitial    = 250 * time.Millisecond
	defaultMax        = 30 * time.Second
	defaultMultiplier = 2
	defaultStable     = 10 * time.Second
)

// A Policy says whether and when a client connects again. The zero value is
// meant for production: for ever, 250 ms to 30 s with full jitter.
//
// A Policy is not changed by its use and may serve any number of clients.
type Policy struct {
	// Initial and Max bound the backoff. The wait before retry n (from 0) is
	// drawn evenly from 0 to Initial*Multiplier^n or Max, whichever is less:
	// full jitter, the first wait too, so that clients cut off together do
	// not come back together. Only a server's Retry-After, or a Classify, can
	// ask for a wait longer than Max.
	//
	// Initial 0: 250 ms (or Max, where that is set and less). Max 0: 30 s.
	// Negative, or Max < Initial: an error.
	Initial, Max time.Duration

	// Multiplier is the growth of the backoff per retry; 1 is none. 0: 2.
	// Less than 1, NaN or infinite: an error.
	Multiplier float64

	// MaxAttempts is how many attempts may fail in one losing streak, at
	// whichever endpoint; when so many have, the client gives up. 0: no limit. Negative: exactly one
	// connection ever, as [Never].
	MaxAttempts int

	// MaxElapsed is how long one losing streak may last, counted from its
	// first failure: the client gives up, without waiting, if the next
	// attempt would begin later. 0: no limit. Negative: an error.
	MaxElapsed time.Duration

	// Stable is how long a connection must have been open to end the losing
	// streak. One that dies sooner is a failed attempt like any other: a
	// server that accepts and drops is not met with a storm. 0: 10 s.
	// Negative: an error.
	Stable time.Duration

	// Classify judges each failure. It must not block. Nil: [Default], which
	// a Classify of your own may call for what it does not want to judge. It
	// is not asked about a [Permanent] error, which always ends the client.
	Classify func(Failure) Verdict

	// Limiter is the dial budget that this client shares with others, see
	// [Limiter]. Every attempt is within it, the first one and those at once too.
	// Nil: none.
	Limiter *Limiter
}

// Never is the policy of exactly one connection: when the first attempt fails,
// or when the one connection ends, the client ends. Classify is not asked.
var Never = Policy{MaxAttempts: -1}

// Validate returns the name of the first field that is wrong and what is wrong
// with it, or "" and nil.
func (p Policy) Validate() (field string, err error) {
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Initial", p.Initial}, {"Max", p.Max}, {"MaxElapsed", p.MaxElapsed}, {"Stable", p.Stable},
	} {
		if d.value < 0 {
			return d.field, fmt.Errorf("%v is negative; 0 is the default", d.value)
		}
	}
	if q := p.withDefaults(); q.Max < q.Initial {
		return "Max", fmt.Errorf("%v is less than Initial, %v", q.Max, q.Initial)
	}
	switch m := p.Multiplier; {
	case math.IsNaN(m) || math.IsInf(m, 0):
		return "Multiplier", errors.New("not a finite number; 0 is the default, 2")
	case m != 0 && m < 1:
		return "Multiplier", fmt.Errorf("%v is less than 1: waits would shrink; 0 is the default, 2", m)
	}
	if l := p.Limiter; l != nil && l.Window < 0 {
		return "Limiter", fmt.Errorf("its Window of %v is negative; 0 is the default, 1 s", l.Window)
	}
	return "", nil
}

// withDefaults returns p with its zero fields replaced by what they stand for.
func (p Policy) withDefaults() Policy {
	if p.Max == 0 {
		p.Max = defaultMax
	}
	if p.Initial == 0 {
		// The default gives way: Policy{Max: 100 * time.Millisecond} says all
		// that needs to be said.
		p.Initial = min(defaultInitial, p.Max)
	}
	if p.Multiplier == 0 {
		p.Multiplier = defaultMultiplier
	}
	if p.Stable == 0 {
		p.Stable = defaultStable
	}
	if p.Classify == nil {
		p.Classify = Default
	}
	return p
}

// never reports whether p allows exactly one connection.
func (p Policy) never() bool { return p.MaxAttempts < 0 }
