package wsclient

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzURL: whatever New is given, what it accepts makes one clean request line
// and a dialable address, and neither errors nor what is shown has a secret.
func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"ws://e.com", "wss://user:pw@e.com:8443/a%2Fb?x=1&y#", "ws://[::1]:80//p?", "ws://[fe80::1%25lo]/", "http://e.com",
		"localhost:3000", "ws://e.com/\r\nX: y", "ws://u:p%zz@h", "WS://É.com/ü", "ws://h:99999", "ws://::1/", "ws://h:/", "ws://@:1", "ws://:pw?@", "ws://u:p/pw@h",
		"ws://bücher.example./", "ws://b%C3%BCcher/", "ws://１２７。1/", "ws://a\u200db/", "ws://xn--a/",
	} {
		f.Add(s)
	}
	const secret = "tr0ub4dor"
	f.Fuzz(func(t *testing.T, raw string) {
		raw = strings.ReplaceAll(raw, "pw", secret)
		got, err := parseURL(raw)
		if err != nil {
			if user, _, ok := strings.Cut(raw, "@"); ok && strings.Contains(user, secret) && strings.Contains(err.Error(), secret) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		if got.host == "" || !strings.HasPrefix(got.uri, "/") {
			t.Errorf("%q: host %q, uri %q", raw, got.host, got.uri)
		}
		for _, c := range []byte(got.uri + got.header) {
			if c <= ' ' || c >= 0x7f || c == '#' {
				t.Errorf("%q: %q would break the request line", raw, got.uri)
			}
		}
		host, port, err := net.SplitHostPort(got.addr)
		n, perr := strconv.Atoi(port)
		if err != nil || perr != nil || host != got.host || n < 1 || n > 65535 {
			t.Errorf("%q: address %q", raw, got.addr)
		}
		shown, err := url.Parse(got.text)
		if err == nil && (shown.User != nil || strings.Contains(fmt.Sprint(slices.Collect(maps.Values(shown.Query()))), secret)) {
			t.Errorf("%q is shown as %q", raw, got.text)
		}
		if strings.Contains(got.host, "%") {
			return // the zone is not shown
		}
		if again, err := parseURL(got.text); err != nil || again.addr != got.addr {
			t.Errorf("%q is shown as %q, which is not a URL: %v", raw, got.text, err)
		}
	})
}

// FuzzLocation: wherever a server redirects to, what is followed makes one clean
// request line and a dialable address, and the errors have no secret.
func FuzzLocation(f *testing.F) {
	for _, s := range []string{
		"/", "a/../b?c", "//other:81", "https://user:pw@other/?pw#pw", "WS://é/ü", "?", "", ":", "a:b", "..//%zz", "/\x00", "ws://h:0", "///", "ws:/x",
	} {
		f.Add(s)
	}
	const secret = "tr0ub4dor"
	f.Fuzz(func(t *testing.T, location string) {
		location = strings.ReplaceAll(location, "pw", secret)
		from, err := parseURL("wss://user:" + secret + "@feed.example:8443/a/b?c")
		if err != nil {
			t.Fatal(err)
		}
		got, err := from.follow(location)
		if err != nil {
			if user, _, ok := strings.Cut(location, "@"); ok && strings.Contains(user, secret) && strings.Contains(err.Error(), secret) {
				t.Errorf("%q: %v", location, err)
			}
			return
		}
		if !strings.HasPrefix(got.uri, "/") || strings.ContainsFunc(got.uri+got.header, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }) {
			t.Errorf("%q: %q at %q would break the request", location, got.uri, got.header)
		}
		if _, _, err := net.SplitHostPort(got.addr); err != nil {
			t.Errorf("%q: address %q", location, got.addr)
		}
		if got.host != from.host && got.user != nil && got.user.String() == from.user.String() && !strings.Contains(location, secret) {
			t.Errorf("%q: the user goes to %s", location, got.host)
		}
	})
}

// FuzzHeader: a header that is accepted is written as its own lines, no more.
func FuzzHeader(f *testing.F) {
	f.Add("Origin", "https://e.com")
	f.Add("X", "a\r\nInjected: yes")
	f.Add("Sec-WebSocket-Key", "x")
	f.Add("connection", "close")
	f.Add("A\x00", "b")
	f.Fuzz(func(t *testing.T, name, value string) {
		h := http.Header{name: {value}}
		if checkHeader(h) != nil {
			return
		}
		var b strings.Builder
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(b.String(), "\n"); lines != 1 {
			t.Errorf("%q: %q makes %d lines", name, value, lines)
		}
		if strings.HasPrefix(strings.ToLower(name), "sec-websocket-") || strings.EqualFold(name, "upgrade") {
			t.Errorf("%q is the handshake's", name)
		}
	})
}
