package wsclient_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// What a server may answer to an offer (RFC 7692 7.1), and what it must not.

// agreedCases are legal answers; both sides then talk as it was agreed. Extensions
// says the answer, in each run.
func agreedCases() (cases []wireCase) {
	const context, noContext = wsclient.CompressionContext, wsclient.CompressionNoContext
	all := []compression{
		{offer: context}, {offer: context, declined: true}, {offer: noContext, declined: true},
		// server_no_context_takeover was not asked for, client_no_context_takeover
		// is the server's to ask.
		{offer: context, serverNoContext: true}, {offer: context, clientNoContext: true}, {offer: context, serverNoContext: true, clientNoContext: true},
		// client_no_context_takeover was a hint, which may be left out.
		{offer: noContext}, {offer: noContext, clientNoContext: true},
		{offer: noContext, clientNoContext: true, serverBits: 10, clientBits: 11},
	}
	for bits := 8; bits <= 15; bits++ {
		all = append(all, compression{offer: context, serverBits: bits}, compression{offer: context, clientBits: bits},
			compression{offer: context, serverBits: bits, clientBits: 23 - bits, clientNoContext: bits%2 == 0, serverNoContext: bits%3 == 0},
			compression{offer: noContext, serverBits: bits}, compression{offer: noContext, clientBits: bits})
	}
	for _, text := range []string{
		`permessage-deflate; client_max_window_bits="9"; server_max_window_bits="9"`, // RFC 6455 9.1
		"permessage-deflate;server_max_window_bits=9;client_max_window_bits=9",
		"permessage-deflate ; server_max_window_bits=9 ; client_max_window_bits=9",
		"permessage-deflate; server_max_window_bits = 9; client_max_window_bits =9",
		"permessage-deflate;\tserver_max_window_bits=9;\tclient_max_window_bits=9", // a tab is white space, too
	} {
		all = append(all, compression{offer: context, serverBits: 9, clientBits: 9, text: text})
	}
	kind := content{all: jsonText()}
	for _, c := range all {
		made := clean("", fmt.Sprintf("offer %d, answer %q", c.offer, c.answer()), nil)
		made.compression = c
		var window []byte
		for i, n := range []int{1000, 30, 3000, 127, 128, 3000, 511, 512, sized(70_000), 1000, 600} {
			m := kind.message(i%4, n)
			f := testserver.BinaryFrame(m)
			if c.answer() != "" && i != 5 {
				f = packed(ws.OpBinary, c.lz(window, m))
			}
			if f.Rsv != 0 && c.serverContext() {
				window = append(window, m...)
			}
			made.steps = append(made.steps, wireStep{frames: []testserver.Frame{f}})
			made.want = append(made.want, testserver.BinaryFrame(m))
		}
		if c.answer() != "" {
			made.also = func(_ string, got []heard) error { return compresses(got, c.least()) }
		}
		cases = append(cases, made)
	}
	return cases
}

// lz compresses a message as the server has said that it would.
func (c *compression) lz(window, m []byte) []byte {
	bits := 15
	if c.serverBits > 0 {
		bits = c.serverBits
	}
	return new(blocks).lz(window[max(0, len(window)-1<<bits):], m, bits).message()
}

func TestConformanceUnseenAgreements(t *testing.T) {
	for _, c := range thinned(agreedCases()) {
		t.Run(c.name, func(t *testing.T) {
			for _, way := range []string{asListed, glued, behind} {
				t.Run(way, func(t *testing.T) { c.check(t, way) })
			}
		})
	}
}

// Fields that are as good as none, or as one.
func TestConformanceUnseenExtensionFields(t *testing.T) {
	for name, test := range map[string]struct{ lines, want string }{
		"none":          {"X: y", ""},
		"empty":         {"Sec-WebSocket-Extensions: ", ""},
		"one and empty": {"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: ", "permessage-deflate"},
		"other case":    {"SEC-websocket-EXTENSIONS: permessage-deflate", "permessage-deflate"},
	} {
		t.Run(name, func(t *testing.T) {
			o := patient()
			o.Compression = wsclient.CompressionContext
			seen := "never open"
			handshakeWith(t, o, extra(test.lines), false, func(w *world, e wsclient.CloseEvent, _ []byte) {
				w.expect("open")
				seen = w.clients[0].Extensions()
				if !errors.Is(e.Err, io.ErrUnexpectedEOF) { // as the server says no more
					t.Errorf("%+v", e)
				}
			})
			if seen != test.want {
				t.Errorf("Extensions: %q, want %q", seen, test.want)
			}
		})
	}
}

func TestConformanceUnseenAnswersToOffersRefused(t *testing.T) {
	const name = "permessage-deflate"
	answers := map[string]string{
		"another extension":                "x-webkit-deflate-frame",
		"another one behind it":            name + ", x",
		"another one before it":            "x; y=1, " + name,
		"twice":                            name + ", " + name,
		"twice in two lines":               name + "\r\nSec-WebSocket-Extensions: " + name,
		"twice, as alternatives":           name + "; server_max_window_bits=10, " + name,
		"an unknown parameter":             name + "; x",
		"an unknown parameter with value":  name + "; server_max_window_bits=10; x=1",
		"a parameter of another case":      name + "; Server_No_Context_Takeover",
		"a parameter that is nearly right": name + "; server_max_window_bit=10",
		"no separator":                     name + " server_no_context_takeover",
		"a parameter without a name":       name + "; =10",
		"an open quote":                    name + `; server_max_window_bits="10`,
		"nothing but a separator":          ";",
		"a parameter and no extension":     "; server_no_context_takeover",
	}
	for _, flag := range []string{"server_no_context_takeover", "client_no_context_takeover"} {
		answers[flag+" twice"] = name + "; " + flag + "; " + flag
		for _, value := range []string{`=true`, `=1`, `="1"`, `=""`, `=`} {
			answers[flag+value] = name + "; " + flag + value
		}
	}
	for _, bits := range []string{"server_max_window_bits", "client_max_window_bits"} {
		answers[bits+" twice"] = name + "; " + bits + "=10; " + bits + "=10"
		answers[bits+" twice, differing"] = name + "; " + bits + "=10; " + bits + "=11"
		for _, value := range []string{"", "=", `=""`, "=0", "=7", "=16", "=08", "=010", "=+9", "=-9", "=9.0", "=0x9", "=nine", `=" 9"`, `="9 "`, "=9 9", "=4294967305", "=18446744073709551625", "=99999999999999999999999"} {
			answers[bits+value] = name + "; " + bits + value
		}
	}
	for _, offer := range []wsclient.Compression{wsclient.CompressionNoContext, wsclient.CompressionContext} {
		for what, answer := range answers {
			if offer == wsclient.CompressionNoContext {
				answer += "; server_no_context_takeover" // it is not for want of it
			}
			t.Run(fmt.Sprintf("offer %d, %s", offer, what), func(t *testing.T) { refuses(t, offer, answer) })
		}
	}
	// It was asked for, and the client has no memory for it (RFC 7692 7.1.1.1).
	for _, answer := range []string{name, name + "; client_no_context_takeover", name + "; server_max_window_bits=8; client_max_window_bits=8"} {
		t.Run("no server_no_context_takeover, "+answer, func(t *testing.T) { refuses(t, wsclient.CompressionNoContext, answer) })
	}
	// Nothing was offered.
	for _, answer := range []string{name, name + "; server_no_context_takeover; client_no_context_takeover", "x"} {
		t.Run("no offer, "+answer, func(t *testing.T) { refuses(t, wsclient.CompressionOff, answer) })
	}
}

// refuses wants a client that refuses the answer.
func refuses(t *testing.T, offer wsclient.Compression, answer string) {
	o := patient()
	o.Compression = offer
	handshakeWith(t, o, extra("Sec-WebSocket-Extensions: "+answer), false, refused(0))
}
