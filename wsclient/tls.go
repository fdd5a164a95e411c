package wsclient

import (
	"context"
	"crypto/tls"
	"time"
)

// tls returns the configuration of all connections, whose sessions are resumed by
// the next: a reconnect costs a round trip less, and the server a signature. It is
// made for the first that needs it.
func (c *Client) tls() *tls.Config {
	if c.secure != nil {
		return c.secure
	}
	cfg := c.opts.TLS // a copy
	if cfg == nil {
		cfg = &tls.Config{}
	}
	c.secure = cfg
	// A resumed connection is not shown to VerifyPeerCertificate: whoever has
	// one wants it asked, and may choose otherwise with a cache of their own.
	if cfg.ClientSessionCache == nil && cfg.VerifyPeerCertificate == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return cfg
}

// tlsConfig returns the configuration of a connection to host.
func tlsConfig(base *tls.Config, host string) *tls.Config {
	cfg := base.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.NextProtos = []string{"http/1.1"} // a server must not choose h2 for an upgrade
	if cfg.ServerName == "" {
		cfg.ServerName = withoutZone(host) // a dot behind it crypto/tls leaves out (RFC 6066 3)
	}
	return cfg
}

// proxyTLS returns the configuration of a connection to a proxy: whom base
// trusts, and how. Who we are to the server (certificates), and what is said of
// its certificate alone (ServerName, callbacks, InsecureSkipVerify), is not for
// the proxy, which gets a password.
func proxyTLS(base *tls.Config, host string) *tls.Config {
	return tlsConfig(&tls.Config{
		RootCAs: base.RootCAs, Time: base.Time, Rand: base.Rand, KeyLogWriter: base.KeyLogWriter,
		MinVersion: base.MinVersion, MaxVersion: base.MaxVersion,
		CipherSuites: base.CipherSuites, CurvePreferences: base.CurvePreferences,
		ClientSessionCache: base.ClientSessionCache, SessionTicketsDisabled: base.SessionTicketsDisabled,
	}, host)
}

// startTLS does a TLS handshake over what there is of the connection.
func (d *dialed) startTLS(ctx context.Context, base time.Time, cfg *tls.Config) error {
	under := &pulseConn{Conn: d.nc, base: base}
	if d.pulse == nil { // else this is TLS in TLS, and the lower one hears more
		d.pulse = under
	}
	secure := tls.Client(under, cfg)
	d.nc = secure
	return secure.HandshakeContext(ctx)
}
