package interop

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/wsclient"
)

// An agreement is what a server imposes by permessage-deflate: the parameters
// of RFC 7692 7.1. What is zero it leaves as it is.
type agreement struct {
	ServerNoContext bool `json:"server_no_context_takeover,omitempty"`
	ClientNoContext bool `json:"client_no_context_takeover,omitempty"`
	ServerBits      int  `json:"server_max_window_bits,omitempty"`
	ClientBits      int  `json:"client_max_window_bits,omitempty"`
	// Threshold is no parameter: the server compresses nothing that is
	// smaller. Those of node and gws heed it only without a context.
	Threshold int `json:"threshold"`
}

// threshold is that of the servers which impose an agreement.
const threshold = 64

// leftAlone is the agreement of servers that impose nothing.
var leftAlone = agreement{Threshold: threshold}

// noContext is the only agreement that gorilla knows.
var noContext = agreement{ServerNoContext: true, ClientNoContext: true, Threshold: threshold}

// agreements has every window, a large one always on the side across from a small one.
// leastBits is the smallest window for which the server can compress.
func agreements(leastBits int) []agreement {
	list := []agreement{
		leftAlone,
		noContext,
		{ServerNoContext: true, Threshold: threshold},
		{ClientNoContext: true, Threshold: threshold},
		{ServerNoContext: true, ClientNoContext: true, ServerBits: 11, ClientBits: 10, Threshold: threshold},
	}
	for bits := 8; bits <= 15; bits++ {
		list = append(list, agreement{ServerBits: max(leastBits, 8+15-bits), ClientBits: bits, Threshold: threshold})
	}
	return list
}

// String is the agreement as a server says it.
func (a agreement) String() string {
	s := "permessage-deflate"
	for _, p := range []struct {
		name string
		set  bool
	}{{"server_no_context_takeover", a.ServerNoContext}, {"client_no_context_takeover", a.ClientNoContext}} {
		if p.set {
			s += "; " + p.name
		}
	}
	for _, p := range []struct {
		name string
		bits int
	}{{"server_max_window_bits", a.ServerBits}, {"client_max_window_bits", a.ClientBits}} {
		if p.bits > 0 {
			s += fmt.Sprintf("; %s=%d", p.name, p.bits)
		}
	}
	return s
}

// arguments are the agreements for a server that is a script.
func arguments(list []agreement) (args []string) {
	for _, a := range list {
		p, err := json.Marshal(a)
		if err != nil {
			panic(err)
		}
		args = append(args, string(p))
	}
	return args
}

// agreed is what a client and its server have agreed on; windows are never zero.
func (c *client) agreed(t *testing.T, mode wsclient.Compression) agreement {
	t.Helper()
	answer := c.Extensions()
	if !strings.HasPrefix(answer, "permessage-deflate") {
		t.Fatalf("the extensions are %q", answer)
	}
	// What we offered holds for us, said or not (RFC 7692 7.1.1.2).
	a := agreement{ClientNoContext: mode == wsclient.CompressionNoContext, ServerBits: 15, ClientBits: 15, Threshold: threshold}
	for param := range strings.SplitSeq(answer, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		bits, _ := strconv.Atoi(value)
		switch name {
		case "server_no_context_takeover":
			a.ServerNoContext = true
		case "client_no_context_takeover":
			a.ClientNoContext = true
		case "server_max_window_bits":
			a.ServerBits = bits
		case "client_max_window_bits":
			a.ClientBits = bits
		}
	}
	return a
}
