package wsclient

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// A Client is a WebSocket that comes back. It is for use by many goroutines. It
// lives until Close, CloseWith or Shutdown, or until a failure that is not worth
// a retry; one that is dropped without leaks.
type Client struct {
	opts      *Options // our own copy, with the defaults filled in
	endpoints []endpoint

	q  queue
	in *inbox // nil beside OnMessage

	current  atomic.Pointer[connection] // the current or last one
	stopping atomic.Pointer[ending]     // our own end
	again    bell                       // Reconnect while waiting, or our own end

	state       atomic.Int32
	environment bool // Options.Proxy is the default
	over        bool // done is closed, or would be; c.mu guards it

	attempts atomic.Int64 // failed ones of the losing streak; 0 while open
	sessions atomic.Int64 // connections that were open
	dials    atomic.Uint64
	nextAt   atomic.Int64 // when the next attempt begins, in nanoseconds since base; 0: none waits

	messagesIn, bytesIn atomic.Uint64

	mu      sync.Mutex
	opening chan struct{} // closed at the next open, or the end; nil: nobody waits
	opens   int           // how often it has opened
	done    chan struct{} // see Done; nil: nobody has asked
	dialing *bound        // the attempt that is under way; nil: none is
	last    error         // of the last attempt or connection
	err     error         // why the client has ended

	timer *time.Timer // see tick; nil: it was not needed yet

	// Owned by the run goroutine.
	streak *reconnect.Streak // nil: nothing has failed
	slow   *stopwatch        // nil: nobody asks
	secure *tls.Config       // see tls; nil: no connection has needed it
}

// New validates url and opts and returns at once; the client connects in the
// background, as a browser's WebSocket does. Its error is an *OptionError. opts
// may be nil.
func New(url string, opts *Options) (*Client, error) {
	c, err := newClient(url, opts)
	if err != nil {
		return nil, err
	}
	go c.run()
	return c, nil
}

// newClient returns a client that does not run yet.
func newClient(url string, opts *Options) (*Client, error) {
	list, err := parseEndpoints(url, opts)
	if err != nil {
		return nil, err
	}
	o, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	c := &Client{
		opts: o, endpoints: list, environment: opts == nil || opts.Proxy == nil}
	c.q.configure(c)
	if o.OnMessage == nil {
		c.in = &inbox{}
		c.in.init(o.Inbox)
	}
	c.watch()
	return c, nil
}

// Dial is New, then WaitOpen. ctx bounds only this call; if it ends before the
// first connection is open, or the client does, the client is closed and the
// error wraps the cause and the last attempt's error.
func Dial(ctx context.Context, url string, opts *Options) (*Client, error) {
	c, err := newClient(url, opts)
	if err != nil {
		return nil, err
	}
	next := c.next()
	go c.run()
	if err := next.await(ctx, "dial"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// WaitOpen waits until the client is Open, or was at some moment since the call.
// Attempts that fail are retried until ctx ends; its error then wraps the last
// one's. If the client ends, the error Is ErrClosed.
func (c *Client) WaitOpen(ctx context.Context) error {
	next := c.next()
	if c.ReadyState() == Open {
		return nil
	}
	return next.await(ctx, "wait for open")
}

// Receive waits for the next message; its Data belongs to the caller. It hands
// out what the inbox still holds after the client has ended, and then an error
// that Is ErrClosed. With OnMessage set it is an *OptionError.
func (c *Client) Receive(ctx context.Context) (Message, error) {
	var m Message
	if c.opts.OnMessage != nil {
		return m, errReceives
	}
	if err := c.in.receive(ctx, &m); err != nil {
		return m, failed("receive", err)
	}
	return m, nil
}

var errReceives = option("OnMessage", "is set and gets every message; leave it nil to use Receive and Messages")

// Messages iterates over the messages as Receive returns them. A reconnect does
// not end the loop, nor does breaking out of it close the client. It ends
// silently after our own Close; any other end, and ctx's, it yields as an error,
// once.
func (c *Client) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := c.Receive(ctx)
			if err == nil {
				if !yield(m, nil) {
					return
				}
				continue
			}
			if !c.closedByUs(err) {
				yield(Message{}, err)
			}
			return
		}
	}
}

// closedByUs reports whether err tells of our own Close.
func (c *Client) closedByUs(err error) bool {
	return errors.Is(err, ErrClosed) && c.stopping.Load() != nil && errors.Is(c.Err(), ErrClosed)
}

// Reconnect ends the current connection with 1000 and connects again: at once
// if it had lasted Reconnect.Stable, else after the backoff. While the client
// waits, it cuts the wait short, as far as Reconnect.Limiter lets it; while it
// connects, there is nothing to do. The reason goes to the peer, cut to 123 bytes.
// It does not block.
func (c *Client) Reconnect(reason string) {
	if c.stopping.Load() != nil {
		return
	}
	k := c.current.Load()
	if k != nil && k.ended.Load() == nil && c.ReadyState() == Open {
		reason = strings.ToValidUTF8(reason, "\uFFFD")
		k.end(&ending{manner: requested, err: &CloseError{Code: StatusNormalClosure, Reason: reason}, code: StatusNormalClosure, reason: reason, limit: bothClosed})
		return
	}
	c.again.ring()
}

// ReadyState returns the state of the client.
func (c *Client) ReadyState() ReadyState { return ReadyState(c.state.Load()) }

// Done is closed when the client has ended and its last goroutine with it.
func (c *Client) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		if c.done = make(chan struct{}); c.over {
			close(c.done)
		}
	}
	return c.done
}

// Err returns nil while the client lives, then ErrClosed if Close, CloseWith or
// Shutdown ended it, otherwise the cause.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// count adds to what was received.
func (c *Client) count(messages, bytes uint64) {
	if messages > 0 {
		c.messagesIn.Add(messages)
		c.bytesIn.Add(bytes)
	}
}
