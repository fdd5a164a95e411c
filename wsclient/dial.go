package wsclient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
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
	answer wire.Answer
	target *target
	pulse  *pulseConn // beneath TLS; nil without
}

// dial does one attempt, to t and on to where it is redirected, up to the
// opening handshake. The phase is where it failed.
func (c *Client) dial(b *bound, header http.Header, t *target) (dialed, reconnect.Phase, error) {
	if err := checkHeader(header); err != nil {
		return dialed{}, reconnect.PhasePrepare, err
	}
	if d := c.opts.DialTimeout; d >= 0 {
		b.within(d)
		c.setTimer(d)
	}
	for followed := 0; ; followed++ {
		d, phase, err := c.dialOnce(b, t, header)
		if err == nil {
			return d, phase, nil
		}
		next, err := c.redirected(t, err, followed)
		if next == nil {
			if followed > 0 {
				err = failed("dial, redirected to "+t.text, err)
			}
			return dialed{}, phase, err
		}
		c.log(slog.LevelDebug, "redirected", "from", t.text, "to", next.text)
		if !t.trusts(next) {
			header = forStrangers(header) // for good: the way back is chosen by the stranger
		}
		t = next
	}
}

// dialOnce connects to t, through a proxy if there is one.
func (c *Client) dialOnce(b *bound, t *target, header http.Header) (d dialed, phase reconnect.Phase, err error) {
	via, err := c.proxyTo(b, t)
	if err != nil {
		return d, reconnect.PhaseProxy, because(b, err)
	}
	addr := t.addr
	if via != nil {
		addr = via.addr
	}
	raw, err := c.opts.NetDial(b, "tcp", addr)
	lap(b, reconnect.PhaseDial, err)
	if err != nil {
		phase = reconnect.PhaseDial
		if _, ok := errors.AsType[*net.DNSError](err); ok {
			phase = reconnect.PhaseDNS
		}
		if via != nil {
			err = fmt.Errorf("proxy: %w", err)
		}
		return d, phase, because(b, err)
	}
	b.guard(raw)
	d.nc, d.target = raw, t
	phase, err = c.establish(b, &d, via, header)
	if !b.spare() && err == nil { // its deadline is set, or about to be
		err = context.Cause(b)
	}
	lap(b, reconnect.PhaseUpgrade, err)
	if err != nil {
		raw.Close()
		return d, phase, because(b, err)
	}
	return d, phase, nil
}

// establish makes of a connection one to the target: through the proxy, with
// TLS, upgraded.
func (c *Client) establish(ctx context.Context, d *dialed, via *proxy, header http.Header) (reconnect.Phase, error) {
	t := d.target
	if via != nil {
		if via.scheme == "https" {
			if err := d.startTLS(ctx, c.q.base, proxyTLS(c.tls(), via.host)); err != nil {
				return reconnect.PhaseProxy, fmt.Errorf("proxy: %w", err)
			}
		}
		err := via.lead(d.nc, t)
		if lap(ctx, reconnect.PhaseProxy, err); err != nil {
			return reconnect.PhaseProxy, err
		}
	}
	if t.secure {
		err := d.startTLS(ctx, c.q.base, tlsConfig(c.tls(), t.host))
		if lap(ctx, reconnect.PhaseTLS, err); err != nil {
			return reconnect.PhaseTLS, err
		}
	}
	request := c.request(t, header)
	answer, err := wire.Upgrade(d.nc, &request)
	if err != nil {
		err = c.handshakeError(err)
		if h, ok := errors.AsType[*HandshakeError](err); ok {
			c.keepCookies(t, h.Header)
		}
		return reconnect.PhaseUpgrade, err
	}
	d.answer = answer
	if c.opts.Jar != nil {
		c.keepCookies(t, answer.Header())
	}
	return reconnect.PhaseUpgrade, nil
}

// release ends all calls on nc.
func release(nc net.Conn) {
	if nc.SetDeadline(aLongTimeAgo) != nil { // it has no deadlines, as an ssh tunnel
		nc.Close()
	}
}

// because returns err, or why b has ended if that is what err is about.
func because(b *bound, err error) error {
	var t interface{ Timeout() bool }
	if !(errors.As(err, &t) && t.Timeout()) && !errors.Is(err, context.Canceled) {
		return err
	}
	b.tick() // net.Dialer has a timer of its own for our limit, and may be first
	if b.Err() == nil {
		return err
	}
	return context.Cause(b)
}

// withTimeout returns ctx bounded by d, unless d is negative.
func withTimeout(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	if d < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, &timeoutError{what, d})
}

func basicAuth(u *url.Userinfo) string {
	password, _ := u.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
}

// request returns the opening handshake for t.
func (c *Client) request(t *target, header http.Header) wire.Request {
	r := wire.Request{Host: t.header, URI: t.uri, Protocols: c.opts.Subprotocols, Compression: wire.Compression(c.opts.Compression)}
	if len(header) == 0 && t.user == nil && c.opts.Jar == nil {
		return r
	}
	if header = header.Clone(); header == nil {
		header = http.Header{}
	}
	if h := header.Get("Host"); h != "" {
		r.Host = h
	}
	header.Del("Host")
	if t.user != nil && header.Get("Authorization") == "" {
		header.Set("Authorization", basicAuth(t.user))
	}
	if c.opts.Jar != nil {
		cookies := &http.Request{Header: header}
		for _, cookie := range c.opts.Jar.Cookies(new(t.site())) {
			cookies.AddCookie(cookie)
		}
	}
	r.Header = header
	return r
}

func (c *Client) keepCookies(t *target, header http.Header) {
	if c.opts.Jar != nil {
		if cookies := (&http.Response{Header: header}).Cookies(); len(cookies) > 0 {
			c.opts.Jar.SetCookies(new(t.site()), cookies)
		}
	}
}

// handshakeError turns a refusal of the wire into ours.
func (c *Client) handshakeError(err error) error {
	r, ok := errors.AsType[*wire.Refusal](err)
	if !ok {
		return err
	}
	e := newHandshakeError(r.Status, r.Header, r.Body, r.Err)
	if wire.Subprotocol(r.Err) {
		e.Err = fmt.Errorf("%w (offered: %q)", r.Err, c.opts.Subprotocols)
	}
	return e
}

func newHandshakeError(status int, header http.Header, body []byte, err error) *HandshakeError {
	e := &HandshakeError{Status: status, Header: header, Body: body, Err: err}
	e.RetryAfter, _ = reconnect.ParseRetryAfter(header.Get("Retry-After"), time.Now())
	return e
}
