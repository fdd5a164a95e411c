package wsclient

import (
	"fmt"
	"time"
)

// A Message is one WebSocket message (RFC 6455 5.6).
type Message struct {
	// Type says whether Data is UTF-8 text or binary.
	Type MessageType
	// Data is the payload. A received message's Data belongs to the caller,
	// save in OnMessage, where it is valid only during the call. A sent
	// message's Data is copied by Send and stays the caller's.
	Data []byte
	// Session numbers the connection the message came on: 1 for the first,
	// then one more for each. Where it changes between two messages, there
	// may be a gap. Send ignores it.
	Session int
	// Received is the time of the socket read that completed the message.
	// Send ignores it.
	Received time.Time
	// Dropped says where the hole is, and how large: how many messages the inbox
	// has thrown away or replaced between the message received before this one
	// (by any Receive) and this one. With the default InboxOptions it is 0, save
	// after what a Shutdown that drains has thrown away; in OnMessage and
	// OnConnect it is always 0. What was lost with a connection is not in it:
	// there Session changes. What was thrown away behind the last message is in
	// Stats.DroppedIn only. Send ignores it.
	Dropped int
}

// Text returns a text message; s must be valid UTF-8 (RFC 6455 8.1).
func Text(s string) Message { return Message{Type: TextMessage, Data: []byte(s)} }

// Binary returns a binary message whose Data is p, not a copy of it.
func Binary(p []byte) Message { return Message{Type: BinaryMessage, Data: p} }

// MessageType is the type of a data message; its values are the opcodes of
// RFC 6455 5.2.
type MessageType int

// The two types of data messages.
const (
	TextMessage   MessageType = 1
	BinaryMessage MessageType = 2
)

// String returns "text" or "binary".
func (t MessageType) String() string {
	switch t {
	case TextMessage:
		return "text"
	case BinaryMessage:
		return "binary"
	}
	return fmt.Sprintf("MessageType(%d)", int(t))
}

// ReadyState is the state of a Client, with the names and numbers of the
// browser's WebSocket.readyState. A client that lost its connection and is
// going to retry is Connecting again, which a browser's never is.
type ReadyState int

// The states of a Client.
const (
	Connecting ReadyState = 0 // no connection, or one whose OnConnect has not returned
	Open       ReadyState = 1 // connected
	Closing    ReadyState = 2 // our own Close, CloseWith or Shutdown is under way
	Closed     ReadyState = 3 // over: Done is closed
)

// String returns the state's name in the browser's constants, in lower case.
func (s ReadyState) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	case Closing:
		return "closing"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("ReadyState(%d)", int(s))
}

// StatusCode is the status code of a Close frame (RFC 6455 7.4).
type StatusCode uint16

// The registered status codes (RFC 6455 7.4.1 and the IANA registry).
const (
	StatusNormalClosure           StatusCode = 1000
	StatusGoingAway               StatusCode = 1001
	StatusProtocolError           StatusCode = 1002
	StatusUnsupportedData         StatusCode = 1003
	StatusNoStatusReceived        StatusCode = 1005 // never on the wire: a Close without a code
	StatusAbnormalClosure         StatusCode = 1006 // never on the wire: no Close came
	StatusInvalidFramePayloadData StatusCode = 1007
	StatusPolicyViolation         StatusCode = 1008
	StatusMessageTooBig           StatusCode = 1009
	StatusMandatoryExtension      StatusCode = 1010
	StatusInternalError           StatusCode = 1011
	StatusServiceRestart          StatusCode = 1012
	StatusTryAgainLater           StatusCode = 1013
	StatusBadGateway              StatusCode = 1014
	StatusTLSHandshake            StatusCode = 1015 // never on the wire
)

var statusNames = map[StatusCode]string{
	StatusNormalClosure:           "normal closure",
	StatusGoingAway:               "going away",
	StatusProtocolError:           "protocol error",
	StatusUnsupportedData:         "unsupported data",
	StatusNoStatusReceived:        "no status received",
	StatusAbnormalClosure:         "abnormal closure",
	StatusInvalidFramePayloadData: "invalid frame payload data",
	StatusPolicyViolation:         "policy violation",
	StatusMessageTooBig:           "message too big",
	StatusMandatoryExtension:      "mandatory extension",
	StatusInternalError:           "internal error",
	StatusServiceRestart:          "service restart",
	StatusTryAgainLater:           "try again later",
	StatusBadGateway:              "bad gateway",
	StatusTLSHandshake:            "TLS handshake",
}

// String returns the code with its registered name, such as "1001 (going away)".
func (c StatusCode) String() string {
	if name := statusNames[c]; name != "" {
		return fmt.Sprintf("%d (%s)", uint16(c), name)
	}
	return fmt.Sprintf("%d", uint16(c))
}
