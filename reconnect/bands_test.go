package reconnect_test

import (
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

func TestPresetsJudgeTheirCloseCodes(t *testing.T) {
	at := reconnect.Verdict{Action: reconnect.Now}
	type want map[reconnect.Verdict][]uint16
	for _, c := range []struct {
		name     string
		classify func(reconnect.Failure) reconnect.Verdict
		want     want
	}{
		{"Centrifugo", reconnect.Centrifugo, want{
			backoff: {1000, 1006, 1012, 3000, 3001, 3005, 3012, 3499, 4000, 4499},
			stop:    {1008, 3500, 3501, 3509, 3999, 4500, 4999},
		}},
		{"Discord", reconnect.Discord, want{
			backoff: {1000, 1001, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009, 4015},
			stop:    {4004, 4010, 4011, 4012, 4013, 4014},
		}},
		{"GraphQL", reconnect.GraphQL, want{
			backoff: {1000, 1011, 4403, 4408, 4499, 4000},
			stop:    {4004, 4005, 4400, 4401, 4406, 4409, 4429, 4500},
		}},
		{"Pusher", reconnect.Pusher, want{
			stop:               {4000, 4001, 4009, 4099},
			floor(time.Second): {4100, 4199},
			at:                 {4200, 4201, 4299},
			backoff:            {1000, 4300, 3999},
		}},
	} {
		for verdict, codes := range c.want {
			for _, code := range codes {
				f := reconnect.Failure{Phase: reconnect.PhaseOpen, CloseCode: code, Err: errTest, Opened: true, Attempt: 1}
				if got := c.classify(f); got != verdict {
					t.Errorf("%s: a Close %d: %v, want %v", c.name, code, got, verdict)
				}
				f.ClosedByUs = true
				if got := c.classify(f); got != backoff {
					t.Errorf("%s: a peer that we failed with %d: %v, want the backoff", c.name, code, got)
				}
			}
		}
		if got := c.classify(reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: 404, Err: errTest}); got != stop {
			t.Errorf("%s: a 404: %v, want what Default says", c.name, got)
		}
	}
}

func TestBandsNowIsNoLoop(t *testing.T) {
	for attempt, want := range map[int]reconnect.Action{0: reconnect.Now, 1: reconnect.Now, 2: reconnect.Backoff, 9: reconnect.Backoff} {
		f := reconnect.Failure{Phase: reconnect.PhaseOpen, CloseCode: 4200, Err: errTest, Opened: true, Attempt: attempt}
		if got := reconnect.Pusher(f); got.Action != want {
			t.Errorf("failure %d: %v, want %v", attempt, got, want)
		}
	}
}

func TestTheFirstBandCounts(t *testing.T) {
	b := reconnect.Bands{{4001, 4001, refresh}, {4000, 4999, stop}}
	for code, want := range map[uint16]reconnect.Verdict{3999: backoff, 4000: stop, 4001: refresh, 4999: stop} {
		if got := b.Classify(reconnect.Failure{CloseCode: code}); got != want {
			t.Errorf("%d: %v, want %v", code, got, want)
		}
	}
}
