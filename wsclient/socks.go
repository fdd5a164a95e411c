package wsclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	socks "golang.org/x/net/proxy"
)

// connectSOCKS asks a SOCKS proxy for a connection to addr (RFC 1928). As in
// net/http socks5 is no different from socks5h: the proxy looks up the name.
func (p *proxy) connectSOCKS(d *dialogue, addr string) error {
	if host, _, _ := net.SplitHostPort(addr); len(host) > 255 {
		return errors.New("proxy: the host is too long for SOCKS (RFC 1928 5)")
	}
	var auth *socks.Auth
	if p.user != nil {
		auth = &socks.Auth{User: p.user.Username()}
		auth.Password, _ = p.user.Password()
	}
	dialer, err := socks.SOCKS5("tcp", p.addr, auth, connected{d})
	if err == nil {
		_, err = dialer.Dial("tcp", addr)
	}
	if err == nil {
		return nil
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // the rest is addresses
	}
	wrong := errors.New(strings.TrimPrefix(err.Error(), "unknown error "))
	// Its first two bytes choose the method, two more judge user and password
	// (RFC 1929 2); only then it is asked for the destination.
	h, n := d.heard, maxProxyAnswer-d.left
	if d.err == nil && h[0] == 5 && (n == 2 || n == 4 && h[2] == 1) {
		return p.refused(http.StatusProxyAuthRequired, nil, nil, wrong)
	}
	return p.failed(d, wrong)
}

// connected is a Dialer that has dialled already.
type connected struct{ net.Conn }

func (c connected) Dial(string, string) (net.Conn, error) { return c.Conn, nil }

func (c connected) DialContext(context.Context, string, string) (net.Conn, error) {
	return c.Conn, nil
}
