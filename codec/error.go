package codec

import (
	"bytes"
	"errors"
	"reflect"
)

// maxErrorData is how much of a bad payload an Error keeps: enough to see what
// came, too little to pin a message of megabytes in a log.
const maxErrorData = 128

// errNotUTF8 is the cause when text is not UTF-8.
var errNotUTF8 = errors.New("text is not valid UTF-8 (RFC 6455 section 8.1)")

// Error says that one value could not be encoded or one payload not decoded.
// The connection is not affected.
type Error struct {
	Op   string // "append" or "decode"
	Type string // the Go type of the value, such as "main.Tick"
	Data []byte // a copy of the first bytes of the payload, at most 128; nil where there is none yet
	Err  error  // the cause, never nil
}

// Error returns "codec: <operation> <type>: <cause>". Data is left out: it may
// hold what should not be in a log.
func (e *Error) Error() string {
	return "codec: " + e.Op + " " + e.Type + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// newError builds the Error for values of type T and payload data.
func newError[T any](op string, data []byte, err error) *Error {
	return &Error{
		Op: op,
		// TypeFor, not %T of a value: T may be an interface, whose zero value
		// has no dynamic type to print.
		Type: reflect.TypeFor[T]().String(),
		Data: bytes.Clone(data[:min(len(data), maxErrorData)]),
		Err:  err,
	}
}
