package wsclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/steadyws/steadyws/internal/wire"
	"github.com/steadyws/steadyws/reconnect"
)

// dialed is a connection after its opening handshake.
type dialed struct {
	nc     net.Conn
	answer *wire.Answer
	target *target
	pulse  *pulseConn // beneath TLS; nil without
}

// dial does one attempt, to t, up to the opening handshake. The phase is where it
// failed.
func (c *Client) dial(ctx context.Context, a *Attempt, t *target) (*dialed, reconnect.Phase, error) {
	if err := checkHeader(a.Header); err != nil {
		return nil, reconnect.PhasePrepare, err
	}
	header := a.Header.Clone() // Prepare may have put its own there
	if header == nil {
		header = http.Header{}
	}
	ctx, cancel := withTimeout(ctx, c.opts.DialTimeout, "dial")
	defer cancel()
	nc, phase, err := c.connectTCP(ctx, t)
	if err != nil {
		return nil, phase, because(ctx, err)
	}
	tuneKernel(nc)
	// From here on the context's end is a deadline in the past.
	raw := nc
	stop := context.AfterFunc(ctx, func() { release(raw) })
	var pulse *pulseConn
	if t.secure {
		pulse = &pulseConn{Conn: nc, base: c.base}
		nc = pulse
		phase = reconnect.PhaseTLS
		secure := tls.Client(nc, tlsConfig(c.opts.TLS, t.host))
		nc, err = secure, secure.HandshakeContext(ctx)
		lap(ctx, reconnect.PhaseTLS, err)
	}
	var answer *wire.Answer
	if err == nil {
		phase = reconnect.PhaseUpgrade
		answer, err = wire.Upgrade(nc, c.request(t, header))
		if err = c.handshakeError(err); err != nil {
			if h, ok := errors.AsType[*HandshakeError](err); ok {
				c.keepCookies(t, h.Header)
			}
		}
	}
	if !stop() && err == nil { // the deadline is set, or about to be
		err = context.Cause(ctx)
	}
	lap(ctx, reconnect.PhaseUpgrade, err)
	if err != nil {
		raw.Close()
		return nil, phase, because(ctx, err)
	}
	c.keepCookies(t, answer.Header)
	return &dialed{nc, answer, t, pulse}, phase, nil
}

// release ends all calls on nc.
func release(nc net.Conn) {
	if nc.SetDeadline(aLongTimeAgo) != nil { // it has no deadlines, as an ssh tunnel
		nc.Close()
	}
}

// because returns err, or why ctx ended if that is what err is about.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil && (isTimeout(err) || errors.Is(err, context.Canceled)) {
		return context.Cause(ctx)
	}
	return err
}

// withTimeout returns ctx bounded by d, unless d is negative.
func withTimeout(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	if d < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, &timeoutError{what, d})
}

// connectTCP connects to t, through a proxy if there is one.
func (c *Client) connectTCP(ctx context.Context, t *target) (net.Conn, reconnect.Phase, error) {
	proxy, err := c.proxy(&http.Request{Method: http.MethodGet, URL: t.site()})
	if err != nil {
		return nil, reconnect.PhaseProxy, fmt.Errorf("proxy: %w", redactURLError(err))
	}
	addr := t.addr
	if proxy != nil {
		if proxy.Scheme != "http" {
			return nil, reconnect.PhaseProxy, reconnect.Permanent(option("Proxy", "the environment names a %s proxy; this version speaks to http ones only", proxy.Scheme))
		}
		addr = proxyAddr(proxy)
	}
	nc, err := c.opts.NetDial(ctx, "tcp", addr)
	if lap(ctx, reconnect.PhaseDial, err); err != nil {
		if _, ok := errors.AsType[*net.DNSError](err); ok {
			return nil, reconnect.PhaseDNS, err
		}
		return nil, reconnect.PhaseDial, err
	}
	if proxy == nil {
		return nc, 0, nil
	}
	stop := context.AfterFunc(ctx, func() { release(nc) })
	err = connectTunnel(nc, proxy, t.addr)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if lap(ctx, reconnect.PhaseProxy, err); err != nil {
		nc.Close()
		return nil, reconnect.PhaseProxy, err
	}
	return nc, 0, nil
}

func proxyAddr(proxy *url.URL) string {
	if proxy.Port() == "" {
		return net.JoinHostPort(proxy.Hostname(), "80")
	}
	return proxy.Host
}

// connectTunnel asks an HTTP proxy for a tunnel to addr (RFC 9110 9.3.6).
func connectTunnel(nc net.Conn, proxy *url.URL, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if proxy.User != nil {
		req.Header.Set("Proxy-Authorization", basicAuth(proxy.User))
	}
	if err := req.Write(nc); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	// Read by the byte: what follows the answer is the server's.
	resp, err := http.ReadResponse(bufio.NewReaderSize(oneByteReader{io.LimitReader(nc, 64<<10)}, 16), req)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return &HandshakeError{Status: resp.StatusCode, Header: resp.Header, Err: errors.New("this is the proxy's answer to CONNECT")}
	}
	return nil
}

type oneByteReader struct{ io.Reader }

func (r oneByteReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

func basicAuth(u *url.Userinfo) string {
	password, _ := u.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
}

// redactURLError takes the URL, which may hold a password, out of err.
func redactURLError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// tlsConfig returns the configuration of a connection to host.
func tlsConfig(base *tls.Config, host string) *tls.Config {
	cfg := &tls.Config{}
	if base != nil {
		cfg = base.Clone()
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.NextProtos = []string{"http/1.1"} // a server must not choose h2 for an upgrade
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg
}

// request returns the opening handshake for t.
func (c *Client) request(t *target, header http.Header) *wire.Request {
	host := t.header
	if h := header.Get("Host"); h != "" {
		host = h
	}
	header.Del("Host")
	if t.user != nil && header.Get("Authorization") == "" {
		header.Set("Authorization", basicAuth(t.user))
	}
	if c.opts.Jar != nil {
		r := &http.Request{Header: header}
		for _, cookie := range c.opts.Jar.Cookies(t.site()) {
			r.AddCookie(cookie)
		}
	}
	return &wire.Request{Host: host, URI: t.uri, Header: header, Protocols: c.opts.Subprotocols, Compression: wire.Compression(c.opts.Compression)}
}

func (c *Client) keepCookies(t *target, header http.Header) {
	if c.opts.Jar != nil {
		if cookies := (&http.Response{Header: header}).Cookies(); len(cookies) > 0 {
			c.opts.Jar.SetCookies(t.site(), cookies)
		}
	}
}

// handshakeError turns a refusal of the wire into ours.
func (c *Client) handshakeError(err error) error {
	r, ok := errors.AsType[*wire.Refusal](err)
	if !ok {
		return err
	}
	e := &HandshakeError{Status: r.Status, Header: r.Header, Body: r.Body, Err: r.Err}
	e.RetryAfter, _ = reconnect.ParseRetryAfter(r.Header.Get("Retry-After"), time.Now())
	if wire.Subprotocol(r.Err) {
		e.Err = fmt.Errorf("%w (offered: %q)", r.Err, c.opts.Subprotocols)
	}
	return e
}
