package wsclient

import (
	"net/http"
	"net/url"
	"time"
)

// SetEnvironmentProxy replaces http.ProxyFromEnvironment, which reads the
// environment only once, and never for loopback.
func SetEnvironmentProxy(f func(*http.Request) (*url.URL, error)) (restore func()) {
	old := environmentProxy
	environmentProxy = f
	return func() { environmentProxy = old }
}

// SetJitter replaces what draws the time of a first probe.
func SetJitter(u float64) (restore func()) {
	old := jitter
	jitter = func() float64 { return u }
	return func() { jitter = old }
}

// SetWallClock replaces the clock that goes on while the machine sleeps.
func SetWallClock(f func(now time.Time) time.Time) (restore func()) {
	old := wallClock
	wallClock = f
	return func() { wallClock = old }
}
