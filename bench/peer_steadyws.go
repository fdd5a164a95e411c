package main

import (
	"context"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// steadyws: the project itself, with the defaults that every user has; only the
// reconnecting is off, so that a connection that ends is not replaced.
func steadyOptions(o Opts) *wsclient.Options {
	opts := &wsclient.Options{Reconnect: reconnect.Never, TLS: o.TLS, Heartbeat: heartbeat.Policy{Interval: o.Beat}}
	if o.Deflate {
		opts.Compression = wsclient.CompressionNoContext
	}
	return opts
}

type steadyBase struct{ c *wsclient.Client }

func (s *steadyBase) Send(op byte, p []byte) error {
	return s.c.Send(context.Background(), wsclient.Message{Type: wsclient.MessageType(op), Data: p})
}

func (s *steadyBase) Flush(ctx context.Context) error { return s.c.Flush(ctx) }

func (s *steadyBase) KeepAlive(time.Duration) {} // it is on by default

// Close does not wait for the goodbye: it may be called in OnMessage.
func (s *steadyBase) Close() error { return s.c.Close() }

// steadyConn receives by OnMessage.
type steadyConn struct {
	steadyBase
	given chan Handler // by Start
	h     Handler
}

func dialSteadyws(o Opts) (Conn, error) {
	s := &steadyConn{given: make(chan Handler, 1)}
	opts := steadyOptions(o)
	s.h = func(p []byte, n int) { // the first message waits for Start
		s.h = <-s.given
		s.h(p, n)
	}
	opts.OnMessage = func(m wsclient.Message) { s.h(m.Data, 1) }
	c, err := wsclient.Dial(context.Background(), o.URL(), opts)
	s.c = c
	return s, err
}

// Start hands over the handler: the client reads by itself.
func (s *steadyConn) Start(h Handler) { s.given <- h }

func (s *steadyConn) Loop(h Handler) error {
	s.Start(h)
	<-s.c.Done()
	return s.c.Err()
}

// steadyOwn gets messages from Receive, which the user may keep.
type steadyOwn struct{ steadyBase }

func dialSteadywsOwn(o Opts) (Conn, error) {
	c, err := wsclient.Dial(context.Background(), o.URL(), steadyOptions(o))
	return &steadyOwn{steadyBase{c}}, err
}

func (s *steadyOwn) Loop(h Handler) error {
	for {
		m, err := s.c.Receive(context.Background())
		if err != nil {
			return err
		}
		h(m.Data, 1)
	}
}
