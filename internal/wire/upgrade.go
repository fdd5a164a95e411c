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

// maxAnswer bounds the header of the handshake's answer.
const maxAnswer = 64 << 10

// maxBody is how much of a refusal's body is kept.
const maxBody = 1 << 10

// A Request is an opening handshake (RFC 6455 4.1).
type Request struct {
	Host      string // of the Host header
	URI       string // path and query, as they go out
	Header    http.Header
	Protocols []string
}

// An Answer is an accepted handshake (RFC 6455 4.2.2).
type Answer struct {
	Header   http.Header // all of it
	Protocol string
	Early    []byte // what came behind the header: the first frames
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

var (
	errAnswerTooLarge = errors.New("the answer's header is larger than 64 KiB")
	errNoProtocol     = errors.New("the server chose no subprotocol, though some were offered")
)

// Upgrade does the opening handshake on conn, whose deadline is the caller's
// affair. Its error is a *Refusal if there was an HTTP answer.
func Upgrade(conn io.ReadWriter, req *Request) (*Answer, error) {
	a := &Answer{Header: http.Header{}}
	refusal := &Refusal{}
	d := ws.Dialer{
		Host:      req.Host,
		Protocols: req.Protocols,
		Header:    ws.HandshakeHeaderHTTP(req.Header),
		OnHeader: func(key, value []byte) error {
			a.Header.Add(string(key), string(value))
			return nil
		},
		OnStatusError: func(status int, _ []byte, resp io.Reader) { readRefusal(refusal, status, resp) },
	}
	// An opaque URL is sent as it stands: ours is the request's own path.
	u := &url.URL{Scheme: "ws", Host: req.Host, Opaque: req.URI}
	br, hs, err := d.Upgrade(&answerLimit{ReadWriter: conn, left: maxAnswer}, u)
	if br != nil {
		defer ws.PutReader(br)
		a.Early, _ = br.Peek(br.Buffered())
		a.Early = append([]byte(nil), a.Early...)
	}
	if err == nil && hs.Protocol == "" && len(req.Protocols) > 0 {
		// RFC 6455 4.1 lets the server leave it out; whoever asks for one
		// needs it, and the library does not look.
		err = errNoProtocol
	}
	switch {
	case err == nil:
		// The library keeps the fields of the handshake to itself.
		a.Header.Set("Upgrade", "websocket")
		a.Header.Set("Connection", "Upgrade")
		if a.Protocol = hs.Protocol; a.Protocol != "" {
			a.Header.Set("Sec-WebSocket-Protocol", a.Protocol)
		}
		return a, nil
	case refusal.Status != 0:
		return nil, refusal
	case isHandshakeError(err):
		return nil, &Refusal{Status: http.StatusSwitchingProtocols, Header: a.Header, Err: err}
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

// isHandshakeError reports whether err is about what the answer says, not about
// the connection it came on.
func isHandshakeError(err error) bool {
	for _, target := range []error{
		errNoProtocol, errAnswerTooLarge, ws.ErrMalformedResponse, ws.ErrHandshakeBadProtocol, ws.ErrHandshakeBadSubProtocol,
		ws.ErrHandshakeBadExtensions, ws.ErrHandshakeBadUpgrade, ws.ErrHandshakeBadConnection, ws.ErrHandshakeBadSecAccept,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// Subprotocol reports whether err is about the choice of a subprotocol.
func Subprotocol(err error) bool {
	return errors.Is(err, errNoProtocol) || errors.Is(err, ws.ErrHandshakeBadSubProtocol)
}

// answerLimit bounds what is read of an answer: the library would put together
// a header line of any length.
type answerLimit struct {
	io.ReadWriter
	left int
}

func (l *answerLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errAnswerTooLarge
	}
	n, err := l.ReadWriter.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
