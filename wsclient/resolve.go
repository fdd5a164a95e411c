package wsclient

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/steadyws/steadyws/heartbeat"
)

// environmentProxy is a variable for the tests only.
var environmentProxy = http.ProxyFromEnvironment

var netDial = (&net.Dialer{}).DialContext

// resolve returns a copy of o with the defaults filled in, or an *OptionError.
func (o *Options) resolve() (*Options, error) {
	r := &Options{}
	if o != nil {
		*r = *o
	}
	r.Header = r.Header.Clone()
	r.Subprotocols, r.Endpoints = slices.Clone(r.Subprotocols), slices.Clone(r.Endpoints)
	r.TLS = r.TLS.Clone()
	if r.Trace != nil {
		t := *r.Trace
		r.Trace = &t
	}
	if r.Proxy == nil {
		r.Proxy = environmentProxy
	}
	if r.NetDial == nil {
		r.NetDial = netDial
	}
	r.DialTimeout = cmp.Or(r.DialTimeout, 10*time.Second)
	r.ConnectTimeout = cmp.Or(r.ConnectTimeout, 30*time.Second)
	r.WriteTimeout = cmp.Or(r.WriteTimeout, 10*time.Second)
	r.CloseTimeout = cmp.Or(r.CloseTimeout, 5*time.Second)
	r.MaxMessage = cmp.Or(r.MaxMessage, 16<<20)
	r.Queue.MaxBytes = cmp.Or(r.Queue.MaxBytes, 1<<20)
	r.Queue.MaxMessages = cmp.Or(r.Queue.MaxMessages, 4096)
	r.Inbox.MaxBytes = cmp.Or(r.Inbox.MaxBytes, 4<<20)
	r.Inbox.MaxMessages = cmp.Or(r.Inbox.MaxMessages, 4096)
	r.Heartbeat = r.Heartbeat.WithDefaults()
	return r, r.check()
}

// check refuses what makes no sense, and what this version cannot do: nothing
// is silently ignored.
func (o *Options) check() error {
	if err := checkHeader(o.Header); err != nil {
		return err
	}
	for i, p := range o.Subprotocols {
		if !httpguts.ValidHeaderFieldName(p) { // both are tokens (RFC 6455 4.1)
			return option("Subprotocols", "%q is not a token", p)
		}
		if slices.Contains(o.Subprotocols[:i], p) {
			return option("Subprotocols", "%q stands there twice", p)
		}
	}
	if o.Compression < CompressionOff || o.Compression > CompressionContext {
		return option("Compression", "%d is none of its constants", o.Compression)
	}
	for _, bound := range [...]struct {
		name string
		n    int64
	}{
		{"MaxMessage", o.MaxMessage}, {"Queue.MaxBytes", o.Queue.MaxBytes}, {"Queue.MaxMessages", int64(o.Queue.MaxMessages)},
		{"Inbox.MaxBytes", o.Inbox.MaxBytes}, {"Inbox.MaxMessages", int64(o.Inbox.MaxMessages)}, {"Queue.LowWater", o.Queue.LowWater},
	} {
		if bound.n < 0 {
			return option(bound.name, "negative; there is no unbounded: write how much memory you can spare")
		}
	}
	if o.Redirects < 0 {
		return option("Redirects", "negative; 0 follows none")
	}
	if err := o.checkInbox(); err != nil {
		return err
	}
	if o.Trace != nil && o.Trace.SlowAfter < 0 {
		return option("Trace.SlowAfter", "negative; leave SlowMessage nil to hear of none")
	}
	if err := checkHeartbeat(o.Heartbeat); err != nil {
		return err
	}
	if err := o.checkStale(); err != nil {
		return err
	}
	if err := o.Queue.check(o.Heartbeat); err != nil {
		return err
	}
	if err := o.Rate.check(); err != nil {
		return err
	}
	if field, err := o.Reconnect.Validate(); err != nil {
		return &OptionError{"Reconnect." + field, err}
	}
	return nil
}

// checkInbox refuses policies that do not concern an inbox, or nobody's.
func (o *Options) checkInbox() error {
	const noInbox = "there is no inbox beside OnMessage; leave one of them out"
	switch v := o.Inbox.Overflow; {
	case v == OverflowReject:
		return option("Inbox.Overflow", "OverflowReject: the peer cannot be told; write OverflowDropNewest or OverflowDisconnect")
	case v < OverflowBlock || v > OverflowDisconnect:
		return option("Inbox.Overflow", "%d is none of its constants", v)
	case v != OverflowBlock && o.OnMessage != nil:
		return option("Inbox.Overflow", noInbox)
	case o.Inbox.Key != nil && o.OnMessage != nil:
		return option("Inbox.Key", noInbox)
	}
	return nil
}

// check refuses a send queue that makes no sense.
func (o *QueueOptions) check(h heartbeat.Policy) error {
	switch {
	case o.Overflow < OverflowBlock || o.Overflow > OverflowDisconnect:
		return option("Queue.Overflow", "%d is none of its constants", o.Overflow)
	case o.Delivery < 0 || o.Delivery > AtLeastOnce:
		return option("Queue.Delivery", "%d is neither AtMostOnce nor AtLeastOnce", o.Delivery)
	case o.Delivery == AtLeastOnce && h.IsPassive() && o.Ack == nil:
		return option("Queue.Delivery", "AtLeastOnce needs confirmation, and a Passive heartbeat sends no pings; write another Probe, or Queue.Ack")
	case o.KeepUnconfirmed && h.IsPassive() && o.Ack == nil:
		return option("Queue.KeepUnconfirmed", "needs confirmation, and a Passive heartbeat sends no pings; write another Probe, or Queue.Ack")
	case o.LowWater > 0 && o.OnLow == nil:
		return option("Queue.LowWater", "means nothing without Queue.OnLow")
	case o.OnLow != nil && o.LowWater >= o.MaxBytes:
		return option("Queue.LowWater", "%d is not below Queue.MaxBytes, so that OnLow would never run", o.LowWater)
	}
	return nil
}

func checkHeartbeat(p heartbeat.Policy) error {
	if field, err := p.Validate(); err != nil {
		return &OptionError{"Heartbeat." + field, err}
	}
	return nil
}

// hopHeaders belong to the connection and the handshake, not to the user
// (RFC 9110 7.6.1, RFC 6455 4.1).
var hopHeaders = []string{
	"Connection", "Content-Length", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

func checkHeader(h http.Header) error {
	for name, values := range h {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return option("Header", "%q is not a field name", name)
		case slices.Contains(hopHeaders, canonical), strings.HasPrefix(canonical, "Sec-Websocket-"):
			return option("Header", "%s is the handshake's own; leave it out", canonical)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return &OptionError{"Header", errors.New(canonical + " has a control character in its value")}
			}
		}
	}
	return nil
}
