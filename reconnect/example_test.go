package reconnect_test

import (
	"fmt"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// A service whose documents say: 4401 asks for a new token, 4429 for a minute's
// rest, and 44xx otherwise means that it will not work.
func ExampleBands() {
	service := reconnect.Bands{
		{First: 4401, Last: 4401, Verdict: reconnect.Verdict{Action: reconnect.Refresh}},
		{First: 4429, Last: 4429, Verdict: reconnect.Verdict{After: time.Minute}},
		{First: 4400, Last: 4499, Verdict: reconnect.Verdict{Action: reconnect.Stop}},
	}
	policy := reconnect.Policy{Classify: service.Classify}

	for _, code := range []uint16{4401, 4429, 4404, 1012} {
		v := policy.Classify(reconnect.Failure{Phase: reconnect.PhaseOpen, CloseCode: code})
		fmt.Println(code, v.Action, v.After)
	}
	// Output:
	// 4401 refresh 0s
	// 4429 backoff 1m0s
	// 4404 stop 0s
	// 1012 backoff 0s
}
