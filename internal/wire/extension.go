package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
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
	var d *Deflate
	for extension := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		name, params, some := strings.Cut(extension, ";")
		switch name = strings.TrimSpace(name); {
		case name == "" && !some: // an empty element of a list (RFC 9110 5.6.1)
			continue
		case c == CompressionOff || name != deflateName:
			return nil, errExtension
		case d != nil:
			return nil, errors.New("the server chose " + deflateName + " twice")
		}
		d = &Deflate{ServerBits: maxBits, ClientBits: maxBits}
		if some {
			if err := d.parse(params); err != nil {
				return nil, fmt.Errorf("%s: %w", deflateName, err)
			}
		}
	}
	if d == nil {
		return nil, nil
	}
	if c == CompressionNoContext {
		if !d.ServerNoContext { // RFC 7692 7.1.1.1
			return nil, fmt.Errorf("the server accepts %s without the %s that was asked for", deflateName, serverNoContext)
		}
		d.ClientNoContext = true // to compress each message by itself is our own affair (7.1.1.2)
	}
	return d, nil
}

// parse reads the parameters of an answer.
func (d *Deflate) parse(params string) error {
	seen := map[string]bool{}
	for param := range strings.SplitSeq(params, ";") {
		name, value, some := strings.Cut(param, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		ok := false
		switch name {
		case serverMaxBits:
			d.ServerBits, ok = parseBits(value)
		case clientMaxBits:
			d.ClientBits, ok = parseBits(value)
		case serverNoContext:
			d.ServerNoContext, ok = true, !some
		case clientNoContext:
			d.ClientNoContext, ok = true, !some
		}
		if !ok || seen[name] {
			return fmt.Errorf("the parameter %q is wrong, unknown or there twice", strings.TrimSpace(param))
		}
		seen[name] = true
	}
	return nil
}

// parseBits reads the size of a window: a decimal without leading zeros (RFC 7692
// 7.1.2), which may stand in quotes (RFC 6455 9.1).
func parseBits(value string) (bits int, ok bool) {
	if n := len(value) - 1; n > 0 && value[0] == '"' && value[n] == '"' {
		value = value[1:n]
	}
	bits, err := strconv.Atoi(value)
	return bits, err == nil && bits >= minBits && bits <= maxBits && strconv.Itoa(bits) == value
}
