package wsclient

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// redirects are the statuses that name another URL for the same request (RFC
// 9110 15.4).
var redirects = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

// redirected returns where the answer that failed with err leads, if it is to be
// followed; followed is how many were. Otherwise it returns the failure.
func (c *Client) redirected(t *target, err error, followed int) (*target, error) {
	h, ok := errors.AsType[*HandshakeError](err)
	if !ok || h.Proxy != "" || !slices.Contains(redirects, h.Status) || h.Header.Get("Location") == "" {
		return nil, err
	}
	next, bad := t.follow(h.Header.Get("Location"))
	switch most := c.opts.Redirects; {
	case bad != nil:
		h.Err = fmt.Errorf("the redirect leads nowhere: %w", bad)
	case t.secure && !next.secure:
		h.Err = fmt.Errorf("redirected to %s, without TLS; that is never followed", next.text)
	case most == 0:
		h.Err = fmt.Errorf("redirected to %s; write that URL, or set Redirects to follow", next.text)
	case followed >= most:
		h.Err = fmt.Errorf("redirected to %s, and Redirects is %d", next.text, most)
	default:
		return next, nil
	}
	return nil, h
}

// follow returns the target that a Location field of t's answer means (RFC 9110
// 10.2.2).
func (t *target) follow(location string) (*target, error) {
	location, _, _ = strings.Cut(location, "#") // not for the server
	if err := noControls(location); err != nil {
		return nil, err
	}
	next := &target{}
	var err error
	before, rest, _ := strings.Cut(location, ":")
	switch {
	case before != location && !strings.ContainsAny(before, "/?"): // a scheme (RFC 3986 4.2)
		scheme := strings.ToLower(before)
		switch scheme {
		case "http":
			scheme = "ws"
		case "https":
			scheme = "wss"
		}
		next, err = parseURL(scheme + ":" + rest)
	case strings.HasPrefix(location, "//"):
		next, err = parseURL(t.scheme() + ":" + location)
	default:
		*next = *t
		next.setURI(resolve(t.uri, location))
	}
	if err != nil {
		return nil, err
	}
	if next.user == nil && t.trusts(next) {
		next.user = t.user
	}
	return next, nil
}

// resolve returns what the relative reference ref means at uri (RFC 3986 5.2).
func resolve(uri, ref string) string {
	base, _, _ := strings.Cut(uri, "?")
	path, query, hasQuery := strings.Cut(ref, "?")
	switch {
	case path == "":
		path = base
	case path[0] != '/':
		path = base[:strings.LastIndexByte(base, '/')+1] + path
	}
	var segments []string
	parts := strings.Split(path, "/")[1:]
	for i, part := range parts {
		switch part {
		case "..":
			segments = segments[:max(len(segments)-1, 0)]
		case ".":
		default:
			segments = append(segments, part)
			continue
		}
		if i == len(parts)-1 {
			segments = append(segments, "")
		}
	}
	path = "/" + strings.Join(segments, "/")
	if hasQuery {
		path += "?" + query
	}
	return path
}

// trusts reports whether next may get the credentials that are t's: it is the
// same host and port, be it with TLS where there was none.
func (t *target) trusts(next *target) bool {
	host, port, _ := net.SplitHostPort(t.addr)
	nextHost, nextPort, _ := net.SplitHostPort(next.addr)
	return strings.EqualFold(host, nextHost) && (port == nextPort || !t.secure && next.secure && port == "80" && nextPort == "443")
}

// forStrangers returns what of a header another host may see. It is what cannot
// be a credential; of the rest nobody knows.
func forStrangers(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range []string{"Origin", "User-Agent"} {
		if values := h.Values(name); values != nil {
			kept[name] = values
		}
	}
	return kept
}
