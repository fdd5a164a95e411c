package wsclient

import (
	"context"
	"iter"

	"github.com/steadyws/steadyws/codec"
)

// A Stream is a Client with typed messages: In is what comes, Out what goes. It
// is for use by many goroutines.
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
	return s.in.Decode(m.Data)
}

// Values iterates over the decoded messages as Client.Messages does. A
// *codec.Error concerns one item: the loop may go on.
func (s *Stream[In, Out]) Values(ctx context.Context) iter.Seq2[In, error] {
	return func(yield func(In, error) bool) {
		for m, err := range s.c.Messages(ctx) {
			var v In
			if err == nil {
				v, err = s.in.Decode(m.Data)
			}
			if !yield(v, err) {
				return
			}
		}
	}
}
