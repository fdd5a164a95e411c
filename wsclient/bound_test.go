package wsclient

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A bound says what the standard library's contexts would, to those beneath it too.
func TestABoundIsAContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound(context.WithValue(t.Context(), lapsKey{}, "value"))
		below, cancel := context.WithCancel(b)
		defer cancel()
		if _, ok := b.Deadline(); ok || b.Err() != nil || b.Value(lapsKey{}) != "value" {
			t.Errorf("before: a deadline %v, %v, %v", ok, b.Err(), b.Value(lapsKey{}))
		}
		b.within(time.Second)
		limit, ok := below.Deadline()
		if !ok || time.Until(limit) != time.Second {
			t.Errorf("the deadline is %v, %v", limit, ok)
		}
		b.tick() // of a timer that was set for something else
		if b.Err() != nil {
			t.Fatalf("it ends too early: %v", b.Err())
		}
		<-time.After(time.Second)
		b.tick()
		<-below.Done()
		late, ok := errors.AsType[*timeoutError](context.Cause(below))
		if b.Err() != context.DeadlineExceeded || !ok || late.limit != time.Second || context.Cause(b) != error(late) {
			t.Errorf("after: %v, because of %v; beneath %v", b.Err(), context.Cause(b), context.Cause(below))
		}
		if b.end(ErrClosed); context.Cause(b) != error(late) {
			t.Errorf("another end counts: %v", context.Cause(b))
		}
	})
}

// The end of an attempt releases the calls on its connection, as long as that is the
// attempt's.
func TestABoundGuardsAConnection(t *testing.T) {
	for name, test := range map[string]struct {
		during func(b *bound, nc net.Conn)
		spared bool
	}{
		"it ends under way":     {func(b *bound, nc net.Conn) { b.guard(nc); b.end(ErrClosed) }, false},
		"it had ended before":   {func(b *bound, nc net.Conn) { b.end(ErrClosed); b.guard(nc) }, false},
		"it does not end":       {func(b *bound, nc net.Conn) { b.guard(nc) }, true},
		"it ends after another": {func(b *bound, nc net.Conn) { b.end(ErrClosed); b.guard(nc); b.end(errLost) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nc, peer := net.Pipe()
				defer peer.Close()
				defer nc.Close()
				b := newBound(t.Context())
				test.during(b, nc)
				spared := b.spare()
				if spared != test.spared || !spared && (b.Err() != context.Canceled || context.Cause(b) != ErrClosed) {
					t.Errorf("spared %v; %v, because of %v", spared, b.Err(), context.Cause(b))
				}
				b.end(errLost) // what is no longer its own it leaves alone
				go peer.Write([]byte("x"))
				_, err := nc.Read(make([]byte, 1))
				if spared && err != nil || !spared && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a read says %v", err)
				}
			})
		})
	}
}
