package wsclient

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A target is a parsed URL (RFC 6455 3): where to connect and what to ask for.
type target struct {
	secure bool
	host   string // without port and brackets; an IPv6 zone and a trailing dot are for whoever looks it up
	addr   string // host:port to dial
	header string // of the Host header: the port only if it is not the default
	uri    string // path and query as they were written
	user   *url.Userinfo
	text   string // the URL without credentials and without query values
}

// parseURL parses raw. Its errors say what to write instead, and never repeat
// raw, which may hold a password.
func parseURL(raw string) (*target, error) {
	t := &target{}
	if err := t.parse(raw); err != nil {
		return nil, err
	}
	return t, nil
}

// parse makes of a zero t what raw means.
func (t *target) parse(raw string) error {
	if err := noControls(raw); err != nil {
		return err
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	port := "80"
	switch strings.ToLower(scheme) {
	case "ws":
	case "wss":
		t.secure, port = true, "443"
	case "http":
		return errors.New("scheme http; write ws:// instead")
	case "https":
		return errors.New("scheme https; write wss:// instead")
	default:
		return errors.New("scheme is not ws or wss; write ws://host:port/path, or wss:// for TLS")
	}
	if !ok {
		return errors.New("no // behind the scheme; write ws://host:port/path")
	}
	if strings.Contains(rest, "#") {
		return errors.New("a WebSocket URL has no fragment (RFC 6455 3); leave out what is behind #, or write %23")
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	if err := t.authority(raw[:len(raw)-len(rest)+end], rest[:end], port); err != nil {
		if strings.Contains(rest[end:], "@") { // a password that has a ? or a / may be in err
			return errBadUser
		}
		return err
	}
	t.setURI(rest[end:])
	if t.text == raw {
		t.text = raw // one string less to keep
	}
	return nil
}

var errBadUser = errors.New("bad host or user; percent-encode what is special in user and password")

// setURI sets path and query.
func (t *target) setURI(uri string) {
	t.uri = escape(uri)
	if !strings.HasPrefix(t.uri, "/") {
		t.uri = "/" + t.uri
	}
	t.text = t.scheme() + "://" + t.header + redactQuery(t.uri)
}

func (t *target) scheme() string {
	if t.secure {
		return "wss"
	}
	return "ws"
}

func noControls(raw string) error {
	for i := range len(raw) {
		if raw[i] < ' ' || raw[i] == 0x7f {
			return fmt.Errorf("control character at byte %d; percent-encode it", i)
		}
	}
	return nil
}

// authority parses the s of raw, scheme://s: [user[:password]@]host[:port].
func (t *target) authority(raw, s, port string) error {
	u, err := url.Parse(raw)
	if err != nil {
		var cause *url.Error
		if errors.As(err, &cause); cause != nil && !strings.Contains(s, "@") {
			return fmt.Errorf("bad host: %w; write ws://host:port/path, an IPv6 address in [brackets]", cause.Err)
		}
		return errBadUser
	}
	literal := strings.HasPrefix(u.Host, "[")
	if t.host, err = hostName(u.Hostname(), literal); err != nil {
		return fmt.Errorf("%w; write ws://host:port/path, an IPv6 address in [brackets]", err)
	}
	t.user = u.User
	t.header = withoutZone(t.host)
	if literal {
		t.header = "[" + t.header + "]"
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("port %q; a port is 1 to 65535", p)
		}
		switch {
		case p == port:
		case len(u.Host) == len(t.header)+1+len(p): // as it was written
			t.header = u.Host
		default:
			t.header += ":" + p
		}
		if port = p; t.host == u.Hostname() {
			t.addr = u.Host
			return nil
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return errors.New("no port behind the colon; write one, or leave the colon out")
	}
	t.addr = net.JoinHostPort(t.host, port)
	return nil
}

// hostName returns host as it is looked up: what is not ASCII in its xn-- form
// (RFC 5891 5). ASCII is left as it is: IDNA would refuse a _, which people have
// in their names.
func hostName(host string, literal bool) (string, error) {
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		var err error
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return "", errors.New("bad host: not a name that IDNA allows (RFC 5891)") // err repeats it
		}
	}
	if host == "" {
		return "", errors.New("no host")
	}
	for _, r := range host {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune("-._~", r):
		case literal && strings.ContainsRune(":%", r):
		default:
			return "", fmt.Errorf("bad host: it has a %q", r)
		}
	}
	return host, nil
}

// withoutZone leaves out an IPv6 zone, which means nothing to anybody else (RFC
// 6874 3).
func withoutZone(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return host
}

// escape percent-encodes what must not stand in a request line, and leaves the
// rest as it is.
func escape(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return s
	}
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
func (t *target) site() url.URL {
	u := url.URL{Scheme: "http", Host: t.header}
	if t.secure {
		u.Scheme = "https"
	}
	u.Path, _, _ = strings.Cut(t.uri, "?")
	return u
}
