package heartbeat_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// since is a time in seconds from start, as the scripts write it.
func since(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return strconv.FormatFloat(t.Sub(start).Seconds(), 'f', -1, 64)
}

// say puts a Decision into the words of the scripts.
func say(d heartbeat.Decision) string {
	var words []string
	if d.Probe {
		words = append(words, "probe")
	}
	if d.Held {
		words = append(words, "held")
	}
	if d.Dead != nil {
		words = append(words, fmt.Sprintf("dead %v %v", d.Dead.Silence.Seconds(), d.Dead.Waited.Seconds()))
	}
	return strings.Join(append(words, "next "+since(d.Next)), ", ")
}

// play runs a script, a step in each line: a time in seconds, and
//
//	tick: what the Tick must say
//	wrote: when Wrote must want a Tick, a probe having been written
//	received          and the reader waits again
//	received, busy    and the reader does not wait
//	busy              the reader does not wait
//	waits             a read has found the socket empty
//	caught up         so it has, after nobody read for a while
//	unread, read      the kernel has unread bytes, or not any more
//	answered: when what was sent then is answered
//	asleep: for how many seconds the machine has slept
//	jitter: the part of Interval after which the first probe is due
//
// The connection opened at 0 and its reader waits since then.
func play(t *testing.T, p heartbeat.Policy, script string) {
	t.Helper()
	m := heartbeat.NewMonitor(p, start)
	l := heartbeat.Link{Empty: start}
	slept := time.Duration(0)
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		when, step, _ := strings.Cut(line, " ")
		verb, want, _ := strings.Cut(step, ": ")
		now, got := at(seconds(t, when)), ""
		l.Wall = now.Add(slept)
		switch verb {
		case "tick":
			got = say(m.Tick(now, l))
		case "wrote":
			got = "next " + since(m.Wrote(now))
		case "received":
			l.Received, l.Empty = now, now
		case "received, busy":
			l.Received, l.Empty = now, time.Time{}
		case "busy":
			l.Empty = time.Time{}
		case "waits":
			l.Empty = now
		case "caught up":
			l.Empty, l.CaughtUp = now, now
		case "answered":
			m.Answered(at(seconds(t, want)), now)
			continue
		case "asleep":
			slept += seconds(t, want)
			continue
		case "jitter":
			u, _ := strconv.ParseFloat(want, 64)
			m.Jitter(u)
			continue
		case "unread", "read":
			l.Unread = verb == "unread"
		default:
			t.Fatalf("no such step: %s", line)
		}
		if got != want {
			t.Fatalf("%s\n got %s", line, got)
		}
	}
}

// seconds reads a time of a script.
func seconds(t *testing.T, s string) time.Duration {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(math.Round(f * 1e9))
}

const second = time.Second

var (
	standard = heartbeat.Policy{} // 15 s and 10 s
	patient  = heartbeat.Policy{Interval: 10 * second, Timeout: 25 * second}
	silent   = heartbeat.Policy{Interval: 20 * second, Timeout: 10 * second, Probe: heartbeat.Passive}
)

// A scene is a script and the policy that it is played with.
type scene struct {
	name   string
	p      heartbeat.Policy
	script string
}
