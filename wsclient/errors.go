package wsclient

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const errPrefix = "wsclient: "

// sentinel is a comparable error that is also another one.
type sentinel struct {
	text string
	is   error
}

func (e *sentinel) Error() string        { return errPrefix + e.text }
func (e *sentinel) Is(target error) bool { return e.is != nil && target == e.is }

// Errors that methods return, to be tested with errors.Is.
var (
	// ErrClosed: the client has ended. It Is net.ErrClosed.
	ErrClosed error = &sentinel{"client closed", net.ErrClosed}
	// ErrNotSent is in the chain of each error of Send after which the message
	// has certainly not left and will not.
	ErrNotSent error = &sentinel{"message not sent", nil}
	// ErrQueueFull: the send queue has no room for the message.
	ErrQueueFull error = &sentinel{"send queue full", nil}
	// ErrInboxFull: under OverflowDisconnect a message came for which the inbox
	// had no room, so that the connection was ended. The client retries.
	ErrInboxFull error = &sentinel{"inbox full", nil}
	// ErrTooLarge: a message is larger than Queue.MaxBytes (from Send) or
	// MaxMessage (from the wire, which ends the client).
	ErrTooLarge error = &sentinel{"message too large", nil}
	// ErrNoConfirmation: Flush cannot know whether the peer has read what was
	// sent, since it does not echo the payload of a ping (RFC 6455 5.5.3) or
	// the heartbeat is Passive.
	ErrNoConfirmation error = &sentinel{"peer does not confirm", nil}
)

// opError is an error of one of the client's methods. Its text has the prefix
// of the package once, however deep the errors beneath it are wrapped.
type opError struct {
	op   string
	errs []error
}

// failed returns the error of operation op; nil errs are left out.
func failed(op string, errs ...error) error {
	e := &opError{op: op}
	for _, err := range errs {
		if err != nil {
			e.errs = append(e.errs, err)
		}
	}
	return e
}

func (e *opError) Error() string {
	var b strings.Builder
	b.WriteString(errPrefix + e.op)
	for _, err := range e.errs {
		b.WriteString(": ")
		b.WriteString(bare(err))
	}
	return b.String()
}

func (e *opError) Unwrap() []error { return e.errs }

// bare returns err's text without the package's prefix.
func bare(err error) string { return strings.TrimPrefix(err.Error(), errPrefix) }

// OptionError is returned by New and Dial for a url or an option that makes no
// sense; the message says what to write instead. Methods that an option rules
// out, such as Receive beside OnMessage, return it too.
type OptionError struct {
	Option string // the field's name, such as "Queue.MaxBytes", or "url"
	Err    error
}

func (e *OptionError) Error() string { return errPrefix + "option " + e.Option + ": " + bare(e.Err) }

// Unwrap returns e.Err.
func (e *OptionError) Unwrap() error { return e.Err }

// UnconfirmedError reports messages that were handed to the kernel and of
// which it is unknown whether the peer has read them, or that Flush or Shutdown
// was asked to see through and that were dropped.
type UnconfirmedError struct {
	Session  int   // the connection they were written to; 0: none
	Messages int   // how many
	Bytes    int64 // their payload
	more     *loss // nil: nothing more
}

// loss is what few of these errors say.
type loss struct {
	rejected StatusCode
	messages []Message
}

func (e *UnconfirmedError) Error() string {
	if code := e.Rejected(); code != 0 {
		return fmt.Sprintf(errPrefix+"message of %d bytes given up: the peer closed session %d over it: %v", e.Bytes, e.Session, code)
	}
	return fmt.Sprintf(errPrefix+"%d messages (%d bytes) unconfirmed in session %d", e.Messages, e.Bytes, e.Session)
}

func (e *UnconfirmedError) count(o *UnconfirmedError) {
	e.Messages += o.Messages
	e.Bytes += o.Bytes
}

// add is count with the messages, of which each error has its own.
func (e *UnconfirmedError) add(o *UnconfirmedError) {
	e.count(o)
	for _, m := range o.Lost() {
		e.keep(m.Type, m.Data)
	}
}

func (e *UnconfirmedError) keep(t MessageType, p []byte) {
	if e.more == nil {
		e.more = &loss{}
	}
	e.more.messages = append(e.more.messages, Message{Type: t, Data: bytes.Clone(p)})
}

// Lost returns the messages themselves, in the order in which they left, if
// QueueOptions.KeepUnconfirmed is set and they had left. They are the caller's.
func (e *UnconfirmedError) Lost() []Message {
	if e.more == nil {
		return nil
	}
	return e.more.messages
}

// Rejected returns the Close code with which the peer has closed over the one
// message that is reported, or 0: 1003, 1007, 1008 or 1009 while no other was
// unconfirmed. AtLeastOnce would send it again for ever.
func (e *UnconfirmedError) Rejected() StatusCode {
	if e.more == nil {
		return 0
	}
	return e.more.rejected
}

// HandshakeError reports that the server, or a proxy before it, did not accept
// the opening handshake (RFC 6455 4.2.2).
type HandshakeError struct {
	Status     int           // of the HTTP answer; 101 if the answer was wrong in itself; 407 also if a SOCKS proxy refuses user and password; 0: none came
	Header     http.Header   // of the answer; may be nil
	Body       []byte        // the answer's first 1 KiB
	RetryAfter time.Duration // what the Retry-After header asks for, from now; 0: nothing
	Proxy      string        // the proxy whose answer it is, as scheme://host:port; "": the server's
	Err        error         // what was wrong; nil if the status says it
}

func (e *HandshakeError) Error() string {
	var b strings.Builder
	b.WriteString(errPrefix + "handshake")
	who := "the server"
	if e.Proxy != "" {
		who = "the proxy " + e.Proxy
	}
	switch e.Status {
	case 0, http.StatusSwitchingProtocols:
		if e.Proxy != "" {
			b.WriteString(": " + who)
		}
	default:
		fmt.Fprintf(&b, ": %s answered %d", who, e.Status)
		if text := http.StatusText(e.Status); text != "" {
			b.WriteString(" " + text)
		}
	}
	if e.Err != nil {
		b.WriteString(": " + bare(e.Err))
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// CloseError reports that the connection ended with a Close frame.
type CloseError struct {
	Code   StatusCode // StatusNoStatusReceived if the frame had none
	Reason string
	Remote bool // the peer's Close; otherwise ours
}

func (e *CloseError) Error() string {
	by := "by us"
	if e.Remote {
		by = "by the peer"
	}
	if e.Reason == "" {
		return fmt.Sprintf(errPrefix+"connection closed %s: %v", by, e.Code)
	}
	return fmt.Sprintf(errPrefix+"connection closed %s: %v: %q", by, e.Code, e.Reason)
}

// ProtocolError reports that the peer broke RFC 6455, so that we failed the
// connection (RFC 6455 7.1.7). The client retries.
type ProtocolError struct {
	Code StatusCode // what we told the peer
	Err  error      // the rule it broke
}

func (e *ProtocolError) Error() string { return errPrefix + "protocol error: " + bare(e.Err) }

// Unwrap returns e.Err.
func (e *ProtocolError) Unwrap() error { return e.Err }

// GaveUpError reports that a losing streak reached Reconnect.MaxAttempts or
// Reconnect.MaxElapsed.
type GaveUpError struct {
	Attempts int           // failed attempts of the streak
	Elapsed  time.Duration // since the streak began
	Err      error         // of the last attempt
}

func (e *GaveUpError) Error() string {
	return fmt.Sprintf(errPrefix+"gave up after %d attempts in %v: %s", e.Attempts, e.Elapsed, bare(e.Err))
}

// Unwrap returns e.Err.
func (e *GaveUpError) Unwrap() error { return e.Err }

// timeoutError is an error whose Timeout is true, as the net package has them.
type timeoutError struct {
	text  string
	limit time.Duration // part of the text; 0: not
}

func (e *timeoutError) Error() string {
	if e.limit == 0 {
		return errPrefix + e.text
	}
	return errPrefix + e.text + " took longer than " + e.limit.String()
}

func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

var errWriteTimeout error = &timeoutError{text: "timed out: the peer takes no bytes"}

// option returns an *OptionError with a formatted cause.
func option(name, format string, args ...any) error {
	return &OptionError{Option: name, Err: fmt.Errorf(format, args...)}
}

var errEmptyType = errors.New("message type is neither TextMessage nor BinaryMessage")
var errNotUTF8 = errors.New("text message is not valid UTF-8")

// ended is what methods return after the end: it Is ErrClosed and wraps Err.
func (c *Client) ended() error { return endedError(c.Err()) }

func endedError(cause error) error {
	if cause == nil || errors.Is(cause, ErrClosed) {
		return ErrClosed
	}
	return &terminated{cause}
}

// terminated is the error of a client that ended by itself.
type terminated struct{ cause error }

func (e *terminated) Error() string   { return ErrClosed.Error() + ": " + bare(e.cause) }
func (e *terminated) Unwrap() []error { return []error{ErrClosed, e.cause} }
