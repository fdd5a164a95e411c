package wsclient

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"reflect"

	"github.com/steadyws/steadyws/codec"
)

// A Stream is a Client with typed messages: In is what comes, Out what goes. It
// is for use by many goroutines. It shows no Session and no Dropped: who has to
// know of holes receives from the Client.
type Stream[In, Out any] struct {
	c   *Client
	in  codec.Codec[In]
	out codec.Codec[Out]
}

// NewStream returns a Stream over c, which stays usable by itself.
func NewStream[In, Out any](c *Client, in codec.Codec[In], out codec.Codec[Out]) *Stream[In, Out] {
	return &Stream[In, Out]{c, in, out}
}

// Send encodes v and sends it as Client.Send does. A *codec.Error means that v
// could not be encoded; it comes with ErrNotSent.
func (s *Stream[In, Out]) Send(ctx context.Context, v Out) error {
	p, err := s.out.Append(nil, v)
	if err != nil {
		return failed("send", err, ErrNotSent)
	}
	m := Message{Type: TextMessage, Data: p}
	if s.out.Binary() {
		m.Type = BinaryMessage
	}
	return s.c.Send(ctx, m)
}

// Receive waits for the next message and decodes it, whether it is text or
// binary. A *codec.Error concerns this one message only.
func (s *Stream[In, Out]) Receive(ctx context.Context) (v In, err error) {
	m, err := s.c.Receive(ctx)
	if err != nil {
		return v, err
	}
	return s.decode(m.Data)
}

// Values iterates over the decoded messages as Client.Messages does. A
// *codec.Error concerns one item, and the loop goes on unless its body breaks it;
// any other error is the end.
func (s *Stream[In, Out]) Values(ctx context.Context) iter.Seq2[In, error] {
	return func(yield func(In, error) bool) {
		for m, err := range s.c.Messages(ctx) {
			var v In
			if err == nil {
				v, err = s.decode(m.Data)
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// decode makes every error a *codec.Error, whatever a user's codec returns: it
// would be taken for the end otherwise.
func (s *Stream[In, Out]) decode(p []byte) (In, error) {
	v, err := s.in.Decode(p)
	if err == nil {
		return v, nil
	}
	if _, ok := errors.AsType[*codec.Error](err); !ok {
		const most = 128 // as the package codec has it
		err = &codec.Error{Op: "decode", Type: reflect.TypeFor[In]().String(), Data: bytes.Clone(p[:min(len(p), most)]), Err: err}
	}
	return v, err
}
