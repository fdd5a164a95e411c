package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

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
	Header   http.Header // all of it
	Protocol string
	Deflate  *Deflate // nil: not agreed on
	Early    []byte   // what came behind the header: the first frames
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
func Upgrade(conn io.ReadWriter, req *Request) (*Answer, error) {
	a := &Answer{Header: http.Header{}}
	refusal := &Refusal{}
	header := req.Header
	if offer := req.offer(); offer != "" {
		if header = header.Clone(); header == nil {
			header = http.Header{}
		}
		header["Sec-WebSocket-Extensions"] = []string{offer}
	}
	d := ws.Dialer{
		Host:      req.Host,
		Protocols: req.Protocols,
		Header:    ws.HandshakeHeaderHTTP(header),
		OnHeader: func(key, value []byte) error {
			a.Header.Add(string(key), string(value))
			return nil
		},
		OnStatusError: func(status int, _ []byte, resp io.Reader) { readRefusal(refusal, status, resp) },
	}
	// An opaque URL is sent as it stands: ours is the request's own path.
	u := &url.URL{Scheme: "ws", Host: req.Host, Opaque: req.URI}
	x := newExchange(conn)
	// There is no reader to give back: the library reads no further than the
	// header.
	_, hs, err := d.Upgrade(x, u)
	if err == nil && hs.Protocol == "" && len(req.Protocols) > 0 {
		// RFC 6455 4.1 lets the server leave it out; whoever asks for one
		// needs it, and the library does not look.
		err = errNoProtocol
	}
	if err == nil {
		a.Deflate, err = parseExtensions(x.extensions, req.Compression)
	}
	switch {
	case err == nil:
		// The library keeps the fields of the handshake to itself.
		a.Header.Set("Upgrade", "websocket")
		a.Header.Set("Connection", "Upgrade")
		if a.Protocol = hs.Protocol; a.Protocol != "" {
			a.Header.Set("Sec-WebSocket-Protocol", a.Protocol)
		}
		if len(x.extensions) > 0 {
			a.Header["Sec-Websocket-Extensions"] = x.extensions
		}
		a.Early = x.early()
		return a, nil
	case refusal.Status != 0:
		return nil, refusal
	case x.err == nil || !errors.Is(err, x.err):
		return nil, &Refusal{Status: http.StatusSwitchingProtocols, Header: a.Header, Err: err}
	case err == io.EOF:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}

// readRefusal reads an answer that is not 101.
func readRefusal(r *Refusal, status int, resp io.Reader) {
	r.Status = status
	answer, err := http.ReadResponse(bufio.NewReader(resp), &http.Request{Method: http.MethodGet})
	if err != nil {
		return // the status is what counts
	}
	defer answer.Body.Close()
	r.Header = answer.Header
	r.Body, _ = io.ReadAll(io.LimitReader(answer.Body, maxBody))
}

// Subprotocol reports whether err is about the choice of a subprotocol.
func Subprotocol(err error) bool {
	return errors.Is(err, errNoProtocol) || errors.Is(err, ws.ErrHandshakeBadSubProtocol)
}
