package heartbeat_test

import (
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

func TestMonitor(t *testing.T) {
	for topic, scenes := range map[string][]scene{"probing": probing, "holding": holding, "sparing": sparing, "other policies": otherPolicies,
		"periods": periods, "answers": answers, "misses": misses, "sleeping": sleeping} {
		for _, c := range scenes {
			t.Run(topic+"/"+c.name, func(t *testing.T) { play(t, c.p, c.script) })
		}
	}
}

func TestMonitorWithEndlessTimes(t *testing.T) {
	const forever = time.Duration(math.MaxInt64)
	for name, p := range map[string]heartbeat.Policy{
		"passive":          {Interval: forever, Probe: heartbeat.Passive},
		"passive, both":    {Interval: forever, Timeout: forever, Probe: heartbeat.Passive},
		"passive, Timeout": {Timeout: forever, Probe: heartbeat.Passive},
		"ping":             {Interval: forever, Timeout: forever},
	} {
		for _, l := range []heartbeat.Link{{Empty: start}, {}} {
			if d := heartbeat.NewMonitor(p, start).Tick(at(time.Hour), l); d.Dead != nil || d.Probe || !d.Next.After(at(time.Hour)) {
				t.Errorf("%s: after an hour of for ever: %s", name, say(d))
			}
		}
	}
}

func TestMonitorKnowsItsPolicy(t *testing.T) {
	p := heartbeat.NewMonitor(heartbeat.Policy{Timeout: 3 * second}, start).Policy()
	if p.Interval != heartbeat.DefaultInterval || p.Timeout != 3*second {
		t.Errorf("got %v and %v", p.Interval, p.Timeout)
	}
}

func TestMonitorAllocatesNothing(t *testing.T) {
	m, now := heartbeat.NewMonitor(standard, start), start
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(15 * second)
		m.Tick(now, heartbeat.Link{Received: now.Add(-15 * second), Empty: now.Add(-15 * second)})
		m.Wrote(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTimeoutErrorIsATimeout(t *testing.T) {
	var err error = &heartbeat.TimeoutError{Silence: 25 * second, Waited: 10 * second}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	if s := err.Error(); !strings.HasPrefix(s, "heartbeat: ") || !strings.Contains(s, "25s") || !strings.Contains(s, "10s") {
		t.Errorf("text %q", s)
	}
	if s := (&heartbeat.TimeoutError{Silence: 30 * second, Waited: second, Answers: true}).Error(); !strings.Contains(s, "no answer") {
		t.Errorf("text under AnswersOnly: %q", s)
	}
	if s := (&heartbeat.TimeoutError{Silence: 30 * second}).Error(); !strings.Contains(s, "30s") || strings.Contains(s, "probe") {
		t.Errorf("text without a probe: %q", s)
	}
}
