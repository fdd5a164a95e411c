package reconnect

import "testing"

// Inside the package, for it cannot be seen from outside that no clock is read.
func TestBackoffReadsNoClockAndNeverExpires(t *testing.T) {
	exp := newDelays(Policy{}.withDefaults()).exp
	if !exp.Clock.Now().IsZero() || exp.GetElapsedTime() != 0 || exp.MaxElapsedTime != 0 {
		t.Errorf("now %v, elapsed %v, limit %v; want zeros", exp.Clock.Now(), exp.GetElapsedTime(), exp.MaxElapsedTime)
	}
}
