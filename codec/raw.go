package codec

import (
	"unicode/utf8"
)

// Text is the codec of plain text messages. Both directions refuse what is not
// UTF-8: a strict peer would end the connection with 1007 (RFC 6455 section
// 8.1). The zero value is ready for use; empty text is valid.
type Text struct{}

var _ Codec[string] = Text{}

// Append appends the bytes of v. If v is not UTF-8 it returns dst and an
// [*Error].
func (Text) Append(dst []byte, v string) ([]byte, error) {
	if !utf8.ValidString(v) {
		// Cut before the conversion, so that a bad string of megabytes is not
		// copied for its first 128 bytes.
		return dst, newError[string]("append", []byte(v[:min(len(v), maxErrorData)]), errNotUTF8)
	}
	return append(dst, v...), nil
}

// Decode returns src as a string. If src is not UTF-8 it returns "" and an
// [*Error]. It does not ask whether src came in a text or a binary message.
func (Text) Decode(src []byte) (string, error) {
	if !utf8.Valid(src) {
		return "", newError[string]("decode", src, errNotUTF8)
	}
	return string(src), nil
}

// Binary returns false.
func (Text) Binary() bool { return false }

// Bytes is the codec of opaque binary messages. It never fails. The zero value
// is ready for use.
type Bytes struct{}

var _ Codec[[]byte] = Bytes{}

// Append appends the bytes of v, which stays the caller's. The error is nil.
func (Bytes) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }

// Decode returns a copy of src, which belongs to the caller: it never aliases
// src. The copy of no bytes is empty, not nil. The error is nil.
func (Bytes) Decode(src []byte) ([]byte, error) {
	return append(make([]byte, 0, len(src)), src...), nil
}

// Binary returns true.
func (Bytes) Binary() bool { return true }
