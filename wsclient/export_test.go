package wsclient

import (
	"net/http"
	"net/url"
)

// SetEnvironmentProxy replaces http.ProxyFromEnvironment, which reads the
// environment only once, and never for loopback.
func SetEnvironmentProxy(f func(*http.Request) (*url.URL, error)) (restore func()) {
	old := environmentProxy
	environmentProxy = f
	return func() { environmentProxy = old }
}
