package wsclient

import (
	"context"
	"unicode/utf8"

	"github.com/steadyws/steadyws/internal/wire"
)

// Send queues a copy of m and returns nil once it is accepted: it will leave, in
// order, on this connection or a later one, unless the client ends before. If
// the queue is full it waits for room until ctx ends. Every error has
// ErrNotSent in its chain: the message has not left and will not.
//
// While a callback runs, a Send that would have to wait gives up with
// ErrQueueFull: at once if there is no connection, after WriteTimeout otherwise.
func (c *Client) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return failed("send", err, ErrNotSent)
	}
	if ctx.Err() != nil {
		return failed("send", context.Cause(ctx), ErrNotSent)
	}
	if c.q.plainErr != nil {
		return failed("send", c.q.plainErr, ErrNotSent)
	}
	if c.q.sendFrame(wire.Op(m.Type), m.Data) {
		return nil
	}
	return c.q.send(ctx, m, c.q.plain)
}

// check refuses what a strict peer would close the connection for.
func (m *Message) check() error {
	switch m.Type {
	case TextMessage:
		if !utf8.Valid(m.Data) {
			return errNotUTF8
		}
	case BinaryMessage:
	default:
		return errEmptyType
	}
	return nil
}

// SendWith sends m as Send does, with the classes of o. An *OptionError, with
// ErrNotSent, says that they contradict each other or the client's options.
func (c *Client) SendWith(ctx context.Context, m Message, o SendOptions) error {
	if err := m.check(); err != nil {
		return failed("send", err, ErrNotSent)
	}
	cl, err := c.class(&o)
	if err != nil {
		return failed("send", err, ErrNotSent)
	}
	if ctx.Err() != nil {
		return failed("send", context.Cause(ctx), ErrNotSent)
	}
	return c.q.send(ctx, m, cl)
}
