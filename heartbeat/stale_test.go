package heartbeat_test

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// TestWatchdog plays scripts against a watchdog of 80 s: a time in seconds, and
//
//	tick: what it says
//	data                   a message for the user
//	busy, waits, caught up, unread, read   as in play
//	quiet, loud            quiet hours begin and end
func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		name   string
		hours  bool
		script string
	}{
		{"data that never comes is stale at StaleAfter", false, `
			0 tick: next 80
			79.999999999 tick: next 80
			80 tick: stale 80, next 160`},
		{"data puts it off", false, `
			0 tick: next 80
			30 data
			80 tick: next 110
			110 tick: stale 80, next 190`},
		{"it is told once in a silence, and again in the next", false, `
			80 tick: stale 80, next 160
			160 tick: next 240
			170 data
			240 tick: next 250
			250 tick: stale 80, next 330`},
		{"what may lie there unread is waited for", false, `
			50 busy
			80 tick: held, next 160
			90 data
			91 waits
			91 tick: next 170`},
		{"bytes that the kernel has too", false, `
			80 unread
			80 tick: held, next 160
			80.5 read
			80.5 tick: stale 80.5, next 160.5`},
		{"the time while nobody read does not count", false, `
			10 busy
			70 caught up
			80 tick: next 150
			150 tick: stale 80, next 230`},
		{"quiet hours do not count", true, `
			0 tick: next 10
			10 quiet
			10 tick: next 20
			20 tick: next 30
			100 tick: next 110
			105 loud
			110 tick: next 120
			180 tick: next 190
			190 tick: stale 80, next 200`},
		{"nor does the silence before them", true, `
			70 tick: next 80
			75 quiet
			80 tick: next 90
			85 loud
			90 tick: next 100
			160 tick: next 170
			170 tick: stale 80, next 180`},
		{"a silence that was told and outlasts them is told again", true, `
			80 tick: stale 80, next 90
			90 tick: next 100
			95 quiet
			100 tick: next 110
			105 loud
			110 tick: next 120
			190 tick: stale 80, next 200`},
	} {
		t.Run(c.name, func(t *testing.T) { watch(t, c.hours, c.script) })
	}
}

func watch(t *testing.T, hours bool, script string) {
	w := heartbeat.NewWatchdog(80*second, hours, start)
	l := heartbeat.Link{Empty: start}
	var data time.Time
	quiet := false
	for line := range strings.Lines(script) {
		when, step, _ := strings.Cut(strings.TrimSpace(line), " ")
		if when == "" {
			continue
		}
		now := at(seconds(t, when))
		verb, want, _ := strings.Cut(step, ": ")
		switch verb {
		case "tick":
			d := w.Tick(now, data, quiet, l)
			got := "next " + since(d.Next)
			if d.Held {
				got = "held, " + got
			}
			if d.Stale != nil {
				got = "stale " + strconv.FormatFloat(d.Stale.Silence.Seconds(), 'f', -1, 64) + ", " + got
			}
			if got != want {
				t.Fatalf("%s\n got %s", strings.TrimSpace(line), got)
			}
		case "data":
			data = now
		case "busy":
			l.Empty = time.Time{}
		case "waits":
			l.Empty = now
		case "caught up":
			l.Empty, l.CaughtUp = now, now
		case "unread", "read":
			l.Unread = verb == "unread"
		case "quiet", "loud":
			quiet = verb == "quiet"
		default:
			t.Fatalf("no such step: %s", line)
		}
	}
}

func TestStaleErrorIsATimeout(t *testing.T) {
	var err error = &heartbeat.StaleError{Silence: 80 * second}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() || !strings.HasPrefix(err.Error(), "heartbeat: ") || !strings.Contains(err.Error(), "1m20s") {
		t.Errorf("%v", err)
	}
}

func TestClocksTellOfSleep(t *testing.T) {
	var c heartbeat.Clocks
	for i, step := range []struct{ mono, wall, slept time.Duration }{
		{0, time.Hour, 0}, // the first look
		{second, time.Hour + second, 0},
		{2 * second, time.Hour + 6*second, 0},                // 4 s: a clock that was set
		{3 * second, time.Hour + 12*second, 5 * second},      // 5 s
		{4 * second, 3 * time.Hour, 2*time.Hour - 13*second}, // 13 s were known
		{5 * second, 0, 0},                                   // set back
		{6 * second, 90 * second, 89 * second},
	} {
		if got := c.Slept(at(step.mono), at(step.wall)); got != step.slept {
			t.Errorf("look %d: slept %v, want %v", i, got, step.slept)
		}
	}
}

func TestRealClocksAgree(t *testing.T) {
	var c heartbeat.Clocks
	for range 3 {
		if now := time.Now(); c.Slept(now, now.Round(0)) != 0 {
			t.Error("the machine slept") // or was set forward by 5 s just now
		}
	}
}
