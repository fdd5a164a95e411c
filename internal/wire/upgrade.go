package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gobwas/ws"
)

// maxBody is how much of a refusal's body is kept.
const maxBody = 1 << 10

// A Request is an opening handshake (RFC 6455 4.1).
type Request struct {
	Host      string // of the Host header
	URI       string // path and query, as they go out
	Header    http.Header
	Protocols []string
	Compression
}

// An Answer is an accepted handshake (RFC 6455 4.2.2).
type Answer struct {
	Agreed
	Deflate *Deflate // nil: not agreed on
	Early   []byte   // what came behind the header: the first frames; nil: nothing
}

// Agreed is what of an answer is worth keeping.
type Agreed struct {
	Protocol   string
	Extensions []string // the values of Sec-WebSocket-Extensions

	fields fields // those that are not the handshake's own
}

// Header returns all of the answer's header, put together anew.
func (a *Agreed) Header() http.Header {
	h := a.fields.header()
	// The library keeps the fields of the handshake to itself.
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	if a.Protocol != "" {
		h.Set("Sec-WebSocket-Protocol", a.Protocol)
	}
	if len(a.Extensions) > 0 {
		h["Sec-Websocket-Extensions"] = slices.Clone(a.Extensions)
	}
	return h
}

// fields are those of a header as text, a line for each: few ask for the map that
// it would be.
type fields []byte

func (f fields) append(key, value []byte) fields {
	f = append(append(f, key...), ':')
	return append(append(f, value...), '\n')
}

func (f fields) header() http.Header {
	h := http.Header{}
	for line := range strings.Lines(string(f)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		h.Add(key, value)
	}
	return h
}

// A Refusal is the error of a handshake that was answered, but not accepted.
type Refusal struct {
	Status int         // 101: the answer was wrong in itself
	Header http.Header // as far as it was read; may be nil
	Body   []byte      // at most 1 KiB
	Err    error       // nil if the status says it all
}

func (r *Refusal) Error() string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return fmt.Sprintf("unexpected HTTP status %d", r.Status)
}

// Unwrap returns r.Err.
func (r *Refusal) Unwrap() error { return r.Err }

var errNoProtocol = errors.New("the server chose no subprotocol, though some were offered")

// Upgrade does the opening handshake on conn, whose deadline is the caller's
// affair. Its error is a *Refusal if there was an HTTP answer.
func Upgrade(conn io.ReadWriter, req *Request) (Answer, error) {
	x := newExchange(conn, req)
	defer x.free()
	// There is no reader to give back: the library reads no further than the
	// header.
	_, hs, err := x.dialer.Upgrade(x, &x.url)
	if err == nil && hs.Protocol == "" && len(req.Protocols) > 0 {
		// RFC 6455 4.1 lets the server leave it out; whoever asks for one
		// needs it, and the library does not look.
		err = errNoProtocol
	}
	var deflate *Deflate
	if err == nil {
		deflate, err = parseExtensions(x.extensions, req.Compression)
	}
	switch {
	case err == nil:
		a := Answer{Agreed: Agreed{Protocol: hs.Protocol, Extensions: x.extensions}, Deflate: deflate, Early: x.early()}
		if len(x.fields) > 0 {
			a.fields = slices.Clone(x.fields)
		}
		return a, nil
	case x.refusal != nil:
		return Answer{}, x.refusal
	case x.err == nil || !errors.Is(err, x.err):
		return Answer{}, &Refusal{Status: http.StatusSwitchingProtocols, Header: x.fields.header(), Err: err}
	case err == io.EOF:
		return Answer{}, io.ErrUnexpectedEOF
	}
	return Answer{}, err
}

// readRefusal reads an answer that is not 101.
func readRefusal(status int, resp io.Reader) *Refusal {
	r := &Refusal{Status: status}
	answer, err := http.ReadResponse(bufio.NewReader(resp), &http.Request{Method: http.MethodGet})
	if err != nil {
		return r // the status is what counts
	}
	defer answer.Body.Close()
	r.Header = answer.Header
	r.Body, _ = io.ReadAll(io.LimitReader(answer.Body, maxBody))
	return r
}

// Subprotocol reports whether err is about the choice of a subprotocol.
func Subprotocol(err error) bool {
	return errors.Is(err, errNoProtocol) || errors.Is(err, ws.ErrHandshakeBadSubProtocol)
}
