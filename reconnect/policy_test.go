package reconnect_test

import (
	"math"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

func TestValidateNamesTheBadField(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy reconnect.Policy
		field  string // "" is valid
	}{
		{"the zero policy is valid", reconnect.Policy{}, ""},
		{"Never is valid", reconnect.Never, ""},
		{"a full policy is valid", reconnect.Policy{
			Initial: time.Second, Max: time.Minute, Multiplier: 1.5, MaxAttempts: 3,
			MaxElapsed: time.Hour, Stable: time.Minute, Classify: reconnect.Default,
		}, ""},
		{"Initial equal to Max is valid", reconnect.Policy{Initial: time.Second, Max: time.Second}, ""},
		{"an Initial by itself is valid", reconnect.Policy{Initial: time.Second}, ""},
		{"a Multiplier of 1 is valid", reconnect.Policy{Multiplier: 1}, ""},
		{"a Max below the default Initial is valid", reconnect.Policy{Max: time.Millisecond}, ""},
		{"any negative MaxAttempts is valid", reconnect.Policy{MaxAttempts: -7}, ""},
		{"a negative Initial", reconnect.Policy{Initial: -1}, "Initial"},
		{"a negative Max", reconnect.Policy{Max: -1}, "Max"},
		{"a negative MaxElapsed", reconnect.Policy{MaxElapsed: -1}, "MaxElapsed"},
		{"a negative Stable", reconnect.Policy{Stable: -1}, "Stable"},
		{"Max less than Initial", reconnect.Policy{Initial: time.Second, Max: time.Second - 1}, "Max"},
		{"an Initial beyond the default Max", reconnect.Policy{Initial: 30*time.Second + 1}, "Max"},
		{"a Multiplier below 1", reconnect.Policy{Multiplier: 0.99}, "Multiplier"},
		{"a negative Multiplier", reconnect.Policy{Multiplier: -2}, "Multiplier"},
		{"a Multiplier that is NaN", reconnect.Policy{Multiplier: math.NaN()}, "Multiplier"},
		{"an infinite Multiplier", reconnect.Policy{Multiplier: math.Inf(1)}, "Multiplier"},
	} {
		t.Run(c.name, func(t *testing.T) {
			field, err := c.policy.Validate()
			if field != c.field || (err != nil) != (c.field != "") {
				t.Errorf("got %q, %v; want field %q", field, err, c.field)
			}
		})
	}
}
