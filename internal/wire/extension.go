package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gobwas/httphead"
)

// A Compression is what the client offers.
type Compression int

// The offers.
const (
	CompressionOff       Compression = iota
	CompressionNoContext             // neither side refers to earlier messages
	CompressionContext               // both sides may
)

// The names of RFC 7692 7.
const (
	deflateName     = "permessage-deflate"
	serverNoContext = "server_no_context_takeover"
	clientNoContext = "client_no_context_takeover"
	serverMaxBits   = "server_max_window_bits"
	clientMaxBits   = "client_max_window_bits"
)

// offer returns the Sec-WebSocket-Extensions of a request; "": none. The server
// may always ask for a smaller window of ours.
func (c Compression) offer() string {
	switch c {
	case CompressionNoContext:
		return deflateName + "; " + serverNoContext + "; " + clientNoContext + "; " + clientMaxBits
	case CompressionContext:
		return deflateName + "; " + clientMaxBits
	}
	return ""
}

// A Deflate is an agreement on permessage-deflate (RFC 7692 7.1).
type Deflate struct {
	ServerNoContext, ClientNoContext bool // messages do not refer to those before them
	ServerBits, ClientBits           int  // of the window: 8 to 15
}

var errExtension = errors.New("the server chose an extension that was not offered")

// parseExtensions reads the Sec-WebSocket-Extensions fields of an answer to c's
// offer; nil: the server declined it. It is strict where RFC 7692 is (the
// connection must be failed for an invalid answer, 7.1), and lenient where the
// offer only hinted: client_no_context_takeover may be left out.
//
// The library's own look at the answer takes whatever parameters come, twice
// too, and its wsflate takes a client_max_window_bits without a value.
func parseExtensions(fields []string, c Compression) (*Deflate, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	if c == CompressionOff {
		return nil, errExtension
	}
	d := &Deflate{ServerBits: maxBits, ClientBits: maxBits}
	seen := map[string]bool{}
	var err error
	ok := httphead.ScanOptions([]byte(strings.Join(fields, ",")), func(index int, name, param, value []byte) httphead.Control {
		switch {
		case string(name) != deflateName:
			err = errExtension
		case index > 0:
			err = errors.New("the server chose " + deflateName + " twice")
		case param == nil:
		case seen[string(param)]:
			err = fmt.Errorf("%s says %s twice", deflateName, param)
		default:
			seen[string(param)] = true
			err = d.set(string(param), value)
		}
		if err != nil {
			return httphead.ControlBreak
		}
		return httphead.ControlContinue
	})
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errors.New("malformed Sec-WebSocket-Extensions")
	case c == CompressionNoContext && !d.ServerNoContext: // RFC 7692 7.1.1.1
		return nil, fmt.Errorf("the server accepts %s without the %s that was asked for", deflateName, serverNoContext)
	}
	// We may always compress each message by itself (RFC 7692 7.1.1.2).
	d.ClientNoContext = d.ClientNoContext || c == CompressionNoContext
	return d, nil
}

// set takes one parameter of the answer; value is nil if it has none.
func (d *Deflate) set(param string, value []byte) error {
	bits := 0
	switch param {
	case serverMaxBits, clientMaxBits:
		// Decimal without leading zeros (RFC 7692 7.1.2.1, 7.1.2.2).
		n, err := strconv.Atoi(string(value))
		if err != nil || n < minBits || n > maxBits || strconv.Itoa(n) != string(value) {
			return fmt.Errorf("%s has %s=%q", deflateName, param, value)
		}
		bits = n
	case serverNoContext, clientNoContext:
		if len(value) > 0 {
			return fmt.Errorf("%s has %s=%q", deflateName, param, value)
		}
	}
	switch param {
	case serverMaxBits:
		d.ServerBits = bits
	case clientMaxBits:
		d.ClientBits = bits
	case serverNoContext:
		d.ServerNoContext = true
	case clientNoContext:
		d.ClientNoContext = true
	default:
		return fmt.Errorf("%s has the unknown parameter %q", deflateName, param)
	}
	return nil
}
