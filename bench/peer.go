package main

import (
	"context"
	"crypto/tls"
	"io"
	"slices"
	"time"
)

// Opcodes that the harness sends.
const (
	opText   = 1
	opBinary = 2
	opPing   = 9
	opPong   = 10
)

// Opts says what one connection is for, so that an adapter can be set up the
// best way for it.
type Opts struct {
	Addr    string // host:port, loopback
	Path    string // what the server is to do: /fire?..., /sink, /echo, /idle?...
	Deflate bool   // offer permessage-deflate, no context takeover in either direction
	Idle    bool   // tune for memory per connection rather than for throughput
	UTF8    bool   // validate text messages, where the peer can be told to
	TLS     *tls.Config
	Beat    time.Duration // between heartbeats, 0: the default
}

func (o Opts) URL() string {
	if o.TLS != nil {
		return "wss://" + o.Addr + o.Path
	}
	return "ws://" + o.Addr + o.Path
}

// Handler gets each received message; p is valid only during the call. n is
// the number of messages the call stands for: 1, save for the raw adapter.
type Handler func(p []byte, n int)

// Conn is one open client connection. Everything but Loop may be called from
// the handler.
type Conn interface {
	Loop(Handler) error            // reads until the connection ends
	Send(op byte, p []byte) error  // p may be reused once Send returns
	KeepAlive(every time.Duration) // starts what a user of this peer needs to ping
	Close() error                  // drops the connection, no closing handshake
}

// starter is implemented by clients that read on a goroutine of their own:
// Start only hands over the handler, and an idle connection is not charged for
// a goroutine that waits in Loop.
type starter interface{ Start(Handler) }

// start reads c in the background, the cheapest way it has.
func start(c Conn, h Handler) {
	if s, ok := c.(starter); ok {
		s.Start(h)
		return
	}
	go c.Loop(h)
}

// flusher is implemented by clients that have what they sent confirmed.
type flusher interface {
	Flush(context.Context) error
}

// bulkSender is implemented by the floors: n copies of one message in as few
// calls as possible.
type bulkSender interface {
	SendN(op byte, p []byte, n int) error
}

// Adapter describes one client library.
type Adapter struct {
	Name    string
	Role    role
	Lock    bool // concurrent Sends need a lock around them
	Deflate bool
	Only    []string // the tasks it takes part in, if not all
	Dial    func(Opts) (Conn, error)
}

// role says what an adapter is compared as.
type role int

const (
	peer    role = iota // writes each message, hands out payloads valid for the call
	owned               // a peer whose messages the user keeps
	batched             // a peer with coalescing written around it by hand
	floor               // no WebSocket client at all
	model               // the prototype of the paths that steadyws takes
	us                  // steadyws
	usOwned             // steadyws, messages that the user keeps
)

// does reports whether a takes part in t.
func (a *Adapter) does(t Task) bool {
	return (a.Deflate || !t.Deflate) && (a.Only == nil || slices.Contains(a.Only, t.Name))
}

// adapters in the order of the tables; add one more to compare it.
var adapters = []*Adapter{
	{Name: "gorilla", Role: peer, Lock: true, Deflate: true, Dial: dialGorilla},
	{Name: "gorilla-own", Role: owned, Only: []string{"recv"}, Lock: true, Deflate: true, Dial: dialGorillaOwn},
	{Name: "coder", Role: peer, Deflate: true, Dial: dialCoder},
	{Name: "gws", Role: peer, Deflate: true, Dial: dialGWS},
	{Name: "gobwas-util", Role: peer, Lock: true, Dial: dialGobwasUtil},
	{Name: "gobwas-careful", Role: peer, Lock: true, Deflate: true, Dial: dialGobwasCareful},
	{Name: "gobwas-bufio", Role: batched, Only: []string{"send", "echo"}, Dial: dialGobwasBufio},
	{Name: "raw", Role: floor, Lock: true, Dial: dialRaw},
	{Name: "raw+frames", Role: floor, Lock: true, Dial: dialRawFrames},
	{Name: "proto", Role: model, Dial: dialProto},
	{Name: "proto-own", Role: model, Only: []string{"recv"}, Dial: dialProtoOwn},
	{Name: "proto-spin", Role: model, Only: []string{"echo"}, Dial: dialProtoSpin},
	{Name: "steadyws", Role: us, Deflate: true, Dial: dialSteadyws},
	{Name: "steadyws-own", Role: usOwned, Only: []string{"recv", "timed-recv"}, Deflate: true, Dial: dialSteadywsOwn},
}

// bareTCP is raw in the cells over TLS, where raw itself is a tls.Conn.
var bareTCP = &Adapter{Name: "bare TCP", Role: floor, Lock: true, Dial: dialRaw}

func adapterByName(name string) *Adapter {
	for _, a := range append(adapters, bareTCP) {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// readAll reads r to its end into b, which is reused and grown as needed.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// pingEvery runs ping on a ticker in a goroutine of its own until it fails: what
// the documentation of each peer tells a user to write for keep-alive.
func pingEvery(every time.Duration, ping func() error) {
	go func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for range t.C {
			if ping() != nil {
				return
			}
		}
	}()
}
