package wsclient_test

import (
	"context"
	"net/http"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// A modelProgram is read byte by byte; behind its end there are zeros.
type modelProgram []byte

func (p *modelProgram) next() (b byte) {
	if len(*p) > 0 {
		b, *p = (*p)[0], (*p)[1:]
	}
	return b
}

// modelPick returns one of list.
func modelPick[T any](p *modelProgram, list ...T) T { return list[int(p.next())%len(list)] }

func (p *modelProgram) flag() bool { return p.next()&1 != 0 }

// options are what the first bytes say.
func (m *model) options() (o wsclient.Options) {
	p := &m.program
	o.Reconnect = reconnect.Policy{Initial: time.Millisecond, Max: 100 * time.Millisecond} // a mute and picky server ends each connection
	o.Reconnect.Classify = func(reconnect.Failure) reconnect.Verdict { return reconnect.Verdict{} }
	o.Queue.Delivery = modelPick(p, wsclient.AtMostOnce, wsclient.AtLeastOnce)
	o.Queue.KeepUnconfirmed = p.flag()
	o.Queue.Overflow = modelPick(p, wsclient.OverflowBlock, wsclient.OverflowReject, wsclient.OverflowDropOldest, wsclient.OverflowDropNewest, wsclient.OverflowDisconnect)
	o.Queue.MaxBytes = modelPick[int64](p, 4<<10, 64<<10, 1<<20, 8<<20)
	o.Queue.MaxMessages = modelPick(p, 4, 64, 4096)
	if p.flag() {
		o.Queue.LowWater, o.Queue.OnLow = o.Queue.MaxBytes/2, m.low
	}
	o.Compression = modelPick(p, wsclient.CompressionOff, wsclient.CompressionOff, wsclient.CompressionNoContext, wsclient.CompressionContext)
	o.Heartbeat = modelPick(p, heartbeat.Policy{}, heartbeat.Off, heartbeat.Policy{Interval: 300 * time.Millisecond, Timeout: 200 * time.Millisecond}, heartbeat.Policy{Interval: time.Second, Timeout: time.Second})
	o.WriteTimeout = modelPick(p, 0, time.Second)
	m.net.Buffer = modelPick(p, 512, 4<<10, 64<<10, 256<<10)
	m.net.Latency = modelPick(p, 0, 0, time.Millisecond, 20*time.Millisecond)
	if p.flag() {
		o.OnMessage = m.received
	}
	if p.flag() {
		o.OnConnect = func(ctx context.Context, conn *wsclient.Conn) error { return conn.Send(ctx, wsclient.Text("!")) }
	}
	m.early = p.next()%4 == 0
	o.NetDial, o.Prepare = m.dialLink, m.prepare
	o.OnOpen, o.OnError, o.OnClose = m.opened, m.errored, m.closed
	o.Trace = &wsclient.Trace{Dropped: m.droppedOne}
	return o
}

func (m *model) server() *testserver.Server {
	srv := server(m.serve)
	srv.OnUpgrade = func(int, *http.Request) *testserver.Answer {
		if m.opts.Compression == wsclient.CompressionOff {
			return nil
		}
		return &testserver.Answer{Extensions: "permessage-deflate; server_no_context_takeover"}
	}
	return srv
}
