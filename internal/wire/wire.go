// Package wire turns bytes into WebSocket messages and back (RFC 6455): the
// opening handshake, frames, masks, limits. It does no I/O of its own save the
// handshake's, starts nothing and waits for nothing: a Reader is given the bytes
// that were read, an Append function makes the bytes to be written.
//
// It is the only room that knows gobwas/ws, and it uses that library's
// handshake, header checks and masking. It stays away from its wsutil helpers:
// they obey process-wide settings, write pongs past any queue, and answer an
// invalid Close with an unmasked frame.
package wire

import (
	"fmt"

	"github.com/gobwas/ws"
)

// Op is the opcode of a frame, or of a message (RFC 6455 5.2).
type Op byte

// The opcodes.
const (
	OpContinuation Op = 0
	OpText         Op = 1
	OpBinary       Op = 2
	OpClose        Op = 8
	OpPing         Op = 9
	OpPong         Op = 10
)

// MaxControlPayload is the largest payload of a control frame (RFC 6455 5.5).
const MaxControlPayload = ws.MaxControlFramePayloadSize

// Close codes that this package fails a connection with (RFC 6455 7.4.1).
const (
	codeProtocolError = 1002
	codeNoStatus      = 1005
	codeInvalidData   = 1007
	codeTooBig        = 1009
)

// Error is a violation by the peer. The connection must be failed with Code
// (RFC 6455 7.1.7).
type Error struct {
	Code uint16
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// TooBig reports whether a message was larger than the Reader's limit.
func (e *Error) TooBig() bool { return e.Code == codeTooBig }

func tooBig(limit int64) *Error {
	return violation(codeTooBig, "message larger than %d bytes", limit)
}

func violation(code uint16, format string, args ...any) *Error {
	return &Error{code, fmt.Errorf(format, args...)}
}
