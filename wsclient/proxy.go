package wsclient

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/steadyws/steadyws/reconnect"
)

// A proxy leads to the server of one connection.
type proxy struct {
	scheme string // http, https, socks5 or socks5h
	host   string // without port and brackets
	addr   string // host:port to dial
	user   *url.Userinfo
}

// name is the proxy as errors show it: without credentials.
func (p *proxy) name() string { return p.scheme + "://" + p.addr }

// proxyPorts are the default ports by scheme, as net/http has them.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// proxyTo asks which proxy leads to t; nil: none.
func (c *Client) proxyTo(ctx context.Context, t *target) (*proxy, error) {
	u, err := c.askProxy(ctx, t)
	if err != nil {
		if _, ok := errors.AsType[*url.Error](err); ok { // it repeats the URL, password and all
			err = errors.New("its URL does not parse; write http://host:port")
		}
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if u == nil {
		return nil, nil
	}
	p, err := parseProxy(u)
	if err != nil {
		return nil, reconnect.Permanent(&OptionError{"Proxy", err})
	}
	return p, nil
}

// askProxy asks Options.Proxy, or the environment, which keeps nothing of the request.
func (c *Client) askProxy(ctx context.Context, t *target) (*url.URL, error) {
	if !c.environment {
		r := &http.Request{Method: http.MethodGet, URL: new(t.site()), Host: t.header, Header: http.Header{}}
		return c.opts.Proxy(r.WithContext(ctx))
	}
	r := requests.Get().(*http.Request)
	*r.URL = t.site()
	u, err := c.opts.Proxy(r)
	requests.Put(r)
	return u, err
}

var requests = sync.Pool{New: func() any { return &http.Request{Method: http.MethodGet, URL: &url.URL{}} }}

// parseProxy checks u. Its errors do not repeat what may be a secret.
func parseProxy(u *url.URL) (*proxy, error) {
	const write = "write http://host:port, or https or socks5"
	p := &proxy{scheme: strings.ToLower(cmp.Or(u.Scheme, "http")), user: u.User}
	port, ok := proxyPorts[p.scheme]
	switch {
	case u.Opaque != "": // as host:port has one
		return nil, errors.New("the proxy's URL has no // behind the scheme; " + write)
	case !ok:
		return nil, fmt.Errorf("a %s proxy is not known; %s", p.scheme, write)
	}
	var err error
	if p.host, err = hostName(u.Hostname(), strings.HasPrefix(u.Host, "[")); err != nil {
		return nil, fmt.Errorf("the proxy's URL: %w; %s", err, write)
	}
	port = cmp.Or(u.Port(), port)
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("the proxy's port %q; a port is 1 to 65535", port)
	}
	p.addr = net.JoinHostPort(p.host, port)
	if password, _ := u.User.Password(); p.isSOCKS() && u.User != nil {
		if name := u.User.Username(); name == "" || len(name) > 255 || len(password) > 255 {
			return nil, errors.New("a SOCKS proxy takes a user of 1 to 255 bytes and a password of 255 at most (RFC 1929 2)")
		}
	}
	return p, nil
}

func (p *proxy) isSOCKS() bool { return p.scheme == "socks5" || p.scheme == "socks5h" }

// lead asks the proxy, to which nc is connected, to connect it on to t. The name
// is the proxy's to look up.
func (p *proxy) lead(nc net.Conn, t *target) error {
	host, port, _ := net.SplitHostPort(t.addr)
	addr := net.JoinHostPort(withoutZone(host), port)
	ask := p.connectHTTP
	if p.isSOCKS() {
		ask = p.connectSOCKS
	}
	return ask(&dialogue{Conn: nc, left: maxProxyAnswer}, addr)
}

// connectHTTP asks an HTTP proxy for a tunnel to addr (RFC 9110 9.3.6).
func (p *proxy) connectHTTP(d *dialogue, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if p.user != nil {
		req.Header.Set("Proxy-Authorization", basicAuth(p.user))
	}
	if err := req.Write(d); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	br := bufio.NewReaderSize(d, 16)
	for {
		resp, err := http.ReadResponse(br, req)
		switch {
		case err != nil:
			return p.failed(d, errors.New("its answer is not HTTP")) // err repeats it
		case resp.StatusCode/100 == 2:
			return nil // what follows is the server's, whatever Content-Length says
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return p.refused(resp.StatusCode, resp.Header, nil, errors.New("it answers CONNECT with 101"))
		case resp.StatusCode/100 == 1:
			continue // an interim answer (RFC 9110 15.2)
		}
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
		return p.refused(resp.StatusCode, resp.Header, body, nil)
	}
}

// refused is the error of a proxy that would not.
func (p *proxy) refused(status int, header http.Header, body []byte, err error) error {
	e := newHandshakeError(status, header, body, err)
	e.Proxy = p.name()
	return e
}

// failed is the error of a dialogue that came to no answer: the connection's, or
// what was wrong with the answer.
func (p *proxy) failed(d *dialogue, wrong error) error {
	switch {
	case d.err == io.EOF:
		return fmt.Errorf("proxy: %w", io.ErrUnexpectedEOF)
	case d.err != nil:
		return fmt.Errorf("proxy: %w", d.err)
	case d.left == 0:
		wrong = errProxyAnswer
	}
	return p.refused(0, nil, nil, wrong)
}

const (
	maxProxyAnswer = 64 << 10
	maxBody        = 1 << 10 // of an answer, for HandshakeError.Body
)

var errProxyAnswer = errors.New("its answer is larger than 64 KiB")

// A dialogue is a connection while it is the proxy that speaks. It reads by the
// byte: what follows the proxy's last one is the server's, and stays where it is.
type dialogue struct {
	net.Conn
	left  int     // bytes that the proxy may still say
	heard [4]byte // its first
	err   error   // of the connection
}

func (d *dialogue) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, errProxyAnswer
	}
	n, err := d.Conn.Read(p[:min(1, len(p))])
	if i := maxProxyAnswer - d.left; i < len(d.heard) {
		copy(d.heard[i:], p[:n])
	}
	d.left -= n
	d.err = cmp.Or(d.err, err)
	return n, err
}

func (d *dialogue) Write(p []byte) (int, error) {
	n, err := d.Conn.Write(p)
	d.err = cmp.Or(d.err, err)
	return n, err
}
