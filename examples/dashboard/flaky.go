package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/steadyws/steadyws/codec"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

const acknowledgeEvery = 100 * time.Millisecond

var symbols = []string{"BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD"}

// flaky is the built-in feed on loopback TCP, with a fault at each button.
type flaky struct {
	server testserver.Server
	outage time.Duration
}

func startFlaky(outage time.Duration) (*flaky, error) {
	feed := &testserver.Feed{PerSecond: 50, Symbols: symbols}
	f := &flaky{outage: outage}
	f.server.Handler = feed.Serve
	return f, f.server.Start(nil)
}

// A fault is one button.
type fault struct {
	Name string `json:"name"`
	What string `json:"what"`
	do   func()
}

// faults are in the order of the buttons; a nil flaky has none.
func (f *flaky) faults() []fault {
	if f == nil {
		return []fault{}
	}
	return []fault{
		{"freeze", "the TCP connection stays open and no byte moves", f.freeze},
		{"rst", "TCP reset", f.server.CutRST},
		{"fin", "TCP closed without a Close frame", f.server.CutFIN},
		{"drop", fmt.Sprintf("cut; each new connection is accepted and dropped for %v", f.outage),
			func() { f.server.DropFor(f.outage) }},
		{"refuse", fmt.Sprintf("cut; each new connection is answered 503 for %v", f.outage),
			func() { f.server.RefuseFor(f.outage, http.StatusServiceUnavailable, nil) }},
	}
}

// freeze freezes the newest connection. Older ones are those of earlier presses,
// which the client has left: frozen, they would never learn of it.
func (f *flaky) freeze() {
	peers := f.server.Peers()
	for i, p := range peers {
		if i < len(peers)-1 {
			p.FIN()
		} else {
			p.Freeze()
		}
	}
}

// request is what the client says to the flaky server: it subscribes on each
// connection, and acknowledges what it has seen.
type request struct {
	Op      string   `json:"op"`
	Symbols []string `json:"symbols,omitempty"`
	Seq     uint64   `json:"seq,omitempty"`
}

func (r request) message() wsclient.Message {
	p, err := codec.JSON[request]{}.Append(nil, r)
	if err != nil {
		panic(err) // strings and integers: there is nothing to refuse
	}
	return wsclient.Message{Type: wsclient.TextMessage, Data: p}
}

// subscribe is OnConnect: it goes out first on every connection.
func subscribe(ctx context.Context, conn *wsclient.Conn) error {
	return conn.Send(ctx, request{Op: "subscribe", Symbols: symbols}.message())
}

// acknowledge keeps sending, so that an outage shows in bufferedAmount.
func (d *dashboard) acknowledge(ctx context.Context) {
	ticker := time.NewTicker(acknowledgeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		ack := request{Op: "ack", Seq: d.model.lastSeq()}
		if err := d.client.Send(ctx, ack.message()); errors.Is(err, wsclient.ErrClosed) {
			return
		}
	}
}
