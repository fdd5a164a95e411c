package wire_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/internal/wire"
)

const pmd = "permessage-deflate"

// negotiate does a handshake that is answered with these extension fields.
func negotiate(c wire.Compression, extensions ...string) (wire.Answer, string, error) {
	var more strings.Builder
	for _, f := range extensions {
		more.WriteString("Sec-WebSocket-Extensions: " + f + "\r\n")
	}
	s := &server{answer: status + fields + more.String() + goodbye}
	a, err := wire.Upgrade(s, &wire.Request{Host: "h", URI: "/", Header: http.Header{}, Compression: c})
	_, offer, _ := strings.Cut(s.request.String(), "Sec-WebSocket-Extensions: ")
	offer, _, _ = strings.Cut(offer, "\r\n")
	return a, offer, err
}

func TestOffersOfCompression(t *testing.T) {
	for c, want := range map[wire.Compression]string{
		wire.CompressionOff:       "",
		wire.CompressionNoContext: "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
		wire.CompressionContext:   "permessage-deflate; client_max_window_bits",
	} {
		a, offer, err := negotiate(c)
		if err != nil || a.Deflate != nil || offer != want {
			t.Errorf("offer %q, agreement %+v, %v; want %q and none", offer, a.Deflate, err, want)
		}
	}
}

func TestLegalAnswersToAnOfferOfCompression(t *testing.T) {
	for name, c := range map[string]struct {
		c      wire.Compression
		fields []string
		want   wire.Deflate
	}{
		"context, as offered":                       {wire.CompressionContext, []string{pmd}, wire.Deflate{ServerBits: 15, ClientBits: 15}},
		"context, no context for us":                {wire.CompressionContext, []string{pmd + "; client_no_context_takeover"}, wire.Deflate{ClientNoContext: true, ServerBits: 15, ClientBits: 15}},
		"context, the server does without, unasked": {wire.CompressionContext, []string{pmd + ";server_no_context_takeover"}, wire.Deflate{ServerNoContext: true, ServerBits: 15, ClientBits: 15}},
		"the hint is left out":                      {wire.CompressionNoContext, []string{pmd + "; server_no_context_takeover"}, wire.Deflate{true, true, 15, 15}},
		"both":                                      {wire.CompressionNoContext, []string{pmd + "; server_no_context_takeover; client_no_context_takeover"}, wire.Deflate{true, true, 15, 15}},
		"windows, quoted too":                       {wire.CompressionContext, []string{pmd + "; server_max_window_bits=\"8\" ; client_max_window_bits=9"}, wire.Deflate{ServerBits: 8, ClientBits: 9}},
		"the server's window unasked":               {wire.CompressionContext, []string{pmd + "; server_max_window_bits=10"}, wire.Deflate{ServerBits: 10, ClientBits: 15}},
		"an empty field besides":                    {wire.CompressionContext, []string{"", pmd}, wire.Deflate{ServerBits: 15, ClientBits: 15}},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, err := negotiate(c.c, c.fields...)
			if err != nil || a.Deflate == nil || *a.Deflate != c.want {
				t.Fatalf("got %+v, %v; want %+v", a, err, c.want)
			}
			if got := a.Header().Get("Sec-WebSocket-Extensions"); !strings.HasPrefix(got, pmd) {
				t.Errorf("the answer's header says %q", got)
			}
		})
	}
}

// gobwas/ws v1.5.0 takes parameters twice, and its wsflate a
// client_max_window_bits without a value.
func TestIllegalAnswersToAnOfferOfCompression(t *testing.T) {
	for _, answer := range []string{
		pmd + "; unknown", pmd + "; unknown=1", pmd + "; Server_No_Context_Takeover",
		pmd + "; server_no_context_takeover; server_no_context_takeover", pmd + "; client_max_window_bits=9; client_max_window_bits=9",
		pmd + "; client_max_window_bits", pmd + "; server_max_window_bits", pmd + "; server_max_window_bits=",
		pmd + "; server_max_window_bits=7", pmd + "; server_max_window_bits=16", pmd + "; server_max_window_bits=08", pmd + "; client_max_window_bits=+9",
		pmd + "; client_max_window_bits=99999999999999999999", pmd + "; client_max_window_bits=x",
		pmd + "; server_no_context_takeover=true", pmd + "; client_no_context_takeover=1",
		pmd + ", " + pmd, pmd + ", x-other", "x-other", "x-other, " + pmd, "x-webkit-deflate-frame", "Permessage-Deflate",
		pmd + "; ;", "; " + pmd, pmd + " " + pmd, "=", pmd + "; " + strings.Repeat("x", 5000),
	} {
		a, _, err := negotiate(wire.CompressionContext, answer)
		var r *wire.Refusal
		if !isNothing(a) || !errors.As(err, &r) || r.Status != 101 || r.Err == nil {
			t.Errorf("%.60q: %+v, %v; want a *Refusal", answer, a, err)
		}
	}
	for name, c := range map[string]struct {
		c      wire.Compression
		fields []string
		is     error
	}{
		"twice, in two fields":                           {wire.CompressionContext, []string{pmd, pmd}, nil},
		"nothing was offered":                            {wire.CompressionOff, []string{pmd}, wire.ErrExtension},
		"the server keeps its context against the offer": {wire.CompressionNoContext, []string{pmd}, nil},
		"only ours is without":                           {wire.CompressionNoContext, []string{pmd + "; client_no_context_takeover"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, err := negotiate(c.c, c.fields...)
			var r *wire.Refusal
			if !isNothing(a) || !errors.As(err, &r) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%+v, %v; want a *Refusal", a, err)
			}
		})
	}
}
