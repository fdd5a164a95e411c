// Package codec turns values into WebSocket payload bytes and back.
//
// It knows nothing of sockets, clients or time: a codec is a pure function in
// each direction, safe for use by many goroutines at once. Every error is an
// [*Error]: it concerns one item, never the connection.
package codec

// A Codec appends and decodes values of one type.
//
// The three of this package are stateless. An implementation of your own must
// be safe for concurrent use, for sending and receiving run at the same time.
type Codec[T any] interface {
	// Append appends the encoding of v to dst and returns the longer slice. On
	// an error it returns dst with its length and content unchanged (what lies
	// between its length and its capacity may have been used as scratch).
	Append(dst []byte, v T) ([]byte, error)

	// Decode reads one value from the payload of one whole message. The value
	// must not alias src, which the caller uses again after the call.
	Decode(src []byte) (T, error)

	// Binary says which type a message made by Append has: binary (RFC 6455
	// section 5.6, opcode 2) if true, else text, which must then be UTF-8.
	Binary() bool
}
