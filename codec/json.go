package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// JSON is the codec of one JSON value per message, by encoding/json and its
// rules (struct tags, Marshaler, Unmarshaler). It is sent as text and decoded
// from text and binary messages alike.
//
// Empty input (or white space alone) is an error; so is anything but white
// space after the value, strict or not: a message is one value. The zero value
// is ready for use.
type JSON[T any] struct {
	// Strict makes an object field that T does not have an error. False: such
	// fields are ignored, so that a feed may grow new ones.
	Strict bool
}

var _ Codec[any] = JSON[any]{}

// Append appends the JSON of v, with no newline after it. HTML characters are
// escaped, as json.Marshal does. If v cannot be encoded, or if a Marshaler or a
// json.RawMessage in it makes bytes that are not UTF-8, it returns dst and an
// [*Error].
func (j JSON[T]) Append(dst []byte, v T) ([]byte, error) {
	// Marshal, not an Encoder over dst: an Encoder adds a newline and costs an
	// allocation more, and Marshal's scratch buffer is pooled.
	p, err := json.Marshal(v)
	if err != nil {
		return dst, newError[T]("append", nil, err)
	}
	if !utf8.Valid(p) {
		return dst, newError[T]("append", p, errNotUTF8)
	}
	return append(dst, p...), nil
}

// Decode reads src, which must be exactly one JSON value. On an error it
// returns the zero T, never one half filled, and an [*Error].
func (j JSON[T]) Decode(src []byte) (T, error) {
	var v T
	if err := j.decode(src, &v); err != nil {
		var zero T
		return zero, newError[T]("decode", src, err)
	}
	return v, nil
}

func (j JSON[T]) decode(src []byte, v *T) error {
	if len(bytes.TrimLeft(src, " \t\r\n")) == 0 {
		// encoding/json calls this "unexpected end of JSON input" or EOF,
		// which reads as if the connection had ended.
		return errEmpty
	}
	if !j.Strict {
		return json.Unmarshal(src, v)
	}
	// Only a Decoder can refuse unknown fields, but it reads a stream: what is
	// after the first value must be looked for.
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errTrailing
	}
	return nil
}

// Binary returns false.
func (j JSON[T]) Binary() bool { return false }

var (
	errEmpty    = errors.New("empty message, want a JSON value")
	errTrailing = errors.New("data after the JSON value")
)
