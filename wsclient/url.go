package wsclient

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A target is a parsed URL (RFC 6455 3): where to connect and what to ask for.
type target struct {
	secure bool
	host   string // without port and brackets
	addr   string // host:port to dial
	header string // of the Host header: the port only if it is not the default
	uri    string // path and query as they were written
	user   *url.Userinfo
	text   string // the URL without credentials and without query values
}

// parseURL parses raw. Its errors say what to write instead, and never repeat
// raw, which may hold a password.
func parseURL(raw string) (*target, error) {
	for i := range len(raw) {
		if raw[i] < ' ' || raw[i] == 0x7f {
			return nil, fmt.Errorf("control character at byte %d; percent-encode it", i)
		}
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	t := &target{}
	port := "80"
	switch strings.ToLower(scheme) {
	case "ws":
	case "wss":
		t.secure, port = true, "443"
	case "http":
		return nil, errors.New("scheme http; write ws:// instead")
	case "https":
		return nil, errors.New("scheme https; write wss:// instead")
	default:
		return nil, errors.New("scheme is not ws or wss; write ws://host:port/path, or wss:// for TLS")
	}
	if !ok {
		return nil, errors.New("no // behind the scheme; write ws://host:port/path")
	}
	if strings.Contains(rest, "#") {
		return nil, errors.New("a WebSocket URL has no fragment (RFC 6455 3); leave out what is behind #, or write %23")
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	if err := t.authority(rest[:end], port); err != nil {
		return nil, err
	}
	t.uri = escape(rest[end:])
	if !strings.HasPrefix(t.uri, "/") {
		t.uri = "/" + t.uri
	}
	t.text = strings.ToLower(scheme) + "://" + t.header + redactQuery(t.uri)
	return t, nil
}

// authority parses [user[:password]@]host[:port].
func (t *target) authority(s, port string) error {
	u, err := url.Parse("ws://" + s)
	if err != nil {
		var cause *url.Error
		if errors.As(err, &cause); cause != nil && !strings.Contains(s, "@") {
			return fmt.Errorf("bad host: %w; write ws://host:port/path, an IPv6 address in [brackets]", cause.Err)
		}
		return errors.New("bad host or user; percent-encode what is special in user and password")
	}
	if t.host = u.Hostname(); t.host == "" {
		return errors.New("no host; write ws://host:port/path")
	}
	literal := strings.HasPrefix(u.Host, "[")
	for _, r := range t.host {
		switch {
		case r >= 0x80:
			return errors.New("a character in the host is not ASCII; write its xn-- form (RFC 5890)")
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune("-._~", r):
		case literal && strings.ContainsRune(":%", r):
		default:
			return fmt.Errorf("bad host: it has a %q; write ws://host:port/path, an IPv6 address in [brackets]", r)
		}
	}
	t.user = u.User
	t.header, _, _ = strings.Cut(t.host, "%") // an IPv6 zone means nothing to the server (RFC 6874 3)
	if literal {
		t.header = "[" + t.header + "]"
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("port %q; a port is 1 to 65535", p)
		}
		if p != port {
			t.header += ":" + p
		}
		port = p
	} else if strings.HasSuffix(u.Host, ":") {
		return errors.New("no port behind the colon; write one, or leave the colon out")
	}
	t.addr = net.JoinHostPort(t.host, port)
	return nil
}

// escape percent-encodes what must not stand in a request line, and leaves the
// rest as it is.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// redactQuery replaces the values of a query, where tokens like to be.
func redactQuery(uri string) string {
	path, query, ok := strings.Cut(uri, "?")
	if !ok {
		return uri
	}
	fields := strings.Split(query, "&")
	for i, f := range fields {
		if name, _, ok := strings.Cut(f, "="); ok {
			fields[i] = name + "=xxxxx"
		} else if f != "" {
			fields[i] = "xxxxx" // a token may stand alone
		}
	}
	return path + "?" + strings.Join(fields, "&")
}

// site returns t as the URL of the web page that it would be: what cookie jars
// and proxies are asked about.
func (t *target) site() *url.URL {
	u := &url.URL{Scheme: "http", Host: t.header}
	if t.secure {
		u.Scheme = "https"
	}
	u.Path, _, _ = strings.Cut(t.uri, "?")
	return u
}
