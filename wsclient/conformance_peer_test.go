package wsclient_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// A take is one run of a case: the script, and what was heard of the client.
type take struct {
	*wireCase
	way   string
	start time.Time
	due   time.Duration // when the last octet that the Close needs was written
	heard []heard
	inf   *inflater     // nil: nothing is compressed
	broke error         // what of the client's does not inflate
	count chan struct{} // a token for each
	known int           // tokens that were taken
	gone  chan struct{} // closed when the client has ended its side
}

// heard is a message or a control frame of the client.
type heard struct {
	testserver.Frame
	at   time.Duration
	size int // of its payload on the wire
}

// run plays the case in one way and says what was wrong.
func (c *wireCase) run(t *testing.T, way string) (wrong []string) {
	if c.prepare != nil {
		c = c.prepare(way)
	}
	k := &take{wireCase: c, way: way, inf: c.inflater()}
	srv := server(k.serve)
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	srv.OnUpgrade = func(_ int, r *http.Request) *testserver.Answer {
		a := &testserver.Answer{Extensions: c.answer()}
		if way == behind {
			for _, s := range c.steps {
				a.Frames = append(a.Frames, s.frames...)
			}
		}
		if err := c.offered(r.Header); err != nil {
			complain("%v", err)
		}
		return a
	}
	bubble(t, srv, func(w *world) {
		k.start, k.count, k.gone = w.start, make(chan struct{}, len(c.want)+1), make(chan struct{})
		if len(c.octets()) > 1<<18 { // fewer turns
			w.net.Buffer = 1 << 20
		}
		var events []wsclient.CloseEvent
		o := patient()
		o.OnClose = func(e wsclient.CloseEvent) { events = append(events, e) }
		o.Compression, o.MaxMessage = c.offer, cmp.Or(c.limit, o.MaxMessage)
		if client := w.echo(o); client.Extensions() != c.answer() {
			complain("Extensions: %q, want %q", client.Extensions(), c.answer())
		}
		srv.Close() // waits for the script
		k.judge(events, complain)
	})
	for _, v := range srv.Violations() {
		complain("violation: %s", v)
	}
	return wrong
}

// echo runs a client that sends every message back, to its end.
func (w *world) echo(o wsclient.Options) *wsclient.Client {
	ready := make(chan *wsclient.Client, 1)
	var c *wsclient.Client
	o.OnMessage = func(m wsclient.Message) {
		if c == nil {
			c = <-ready
		}
		if err := c.Send(w.ctx, m); err != nil {
			w.Errorf("Send: %v", err)
		}
	}
	client := w.open(o)
	ready <- client
	<-client.Done()
	return client
}

// patient are the options of a client that says nothing of itself: no probes, no
// second connection.
func patient() wsclient.Options {
	return wsclient.Options{
		Heartbeat: heartbeat.Off, Reconnect: reconnect.Never, MaxMessage: 32 << 20,
		Queue: wsclient.QueueOptions{MaxBytes: 64 << 20},
	}
}

// serve is the server's part: it plays the script and listens to the end.
func (k *take) serve(p *testserver.Peer) {
	guard := time.AfterFunc(10*time.Second, func() { _ = p.FIN() }) // of a client that says too little
	defer guard.Stop()
	played := make(chan struct{})
	go func() {
		defer close(played)
		k.play(p)
	}()
	var m testserver.Frame // under way: RFC 6455 5.4 lets the client send fragments
	for {
		f, err := p.Read()
		if err != nil {
			break
		}
		switch {
		case f.Op == ws.OpContinuation:
			m.Payload, m.Fin = append(m.Payload, f.Payload...), f.Fin
			f = m
		case !f.Op.IsControl():
			m = f
		}
		if f.Fin {
			k.heard = append(k.heard, k.hear(f))
			select {
			case k.count <- struct{}{}:
			default: // more than there should be
			}
		}
	}
	close(k.gone)
	<-played
}

// hear takes a message or control frame.
func (k *take) hear(f testserver.Frame) heard {
	size := len(f.Payload)
	if f.Rsv != 0 && k.inf != nil && k.broke == nil {
		if f.Payload, k.broke = k.inf.message(f.Payload); k.broke != nil {
			k.broke = fmt.Errorf("the client's message %d does not inflate: %w", len(k.heard)+1, k.broke)
		}
	}
	return heard{f, time.Since(k.start), size}
}

// play writes the script. A write that fails has come too late.
func (k *take) play(p *testserver.Peer) {
	steps, needs := k.in(k.way)
	sent := 0
	for _, s := range steps {
		k.wait(s.await)
		if s.pause > 0 {
			select {
			case <-time.After(s.pause):
			case <-k.gone:
				return
			}
		}
		if needs == 0 || sent < needs {
			k.due = time.Since(k.start)
		}
		b := s.octets()
		if sent += len(b); p.WriteRaw(b) != nil {
			return
		}
	}
	if k.farewell {
		k.wait(len(k.want))
		_ = p.SendClose(ws.StatusNormalClosure, "")
	}
}

// wait waits until n frames were heard.
func (k *take) wait(n int) {
	for ; k.known < n; k.known++ {
		select {
		case <-k.count:
		case <-k.gone:
			return
		}
	}
}

// judge compares what was heard.
func (k *take) judge(events []wsclient.CloseEvent, complain func(string, ...any)) {
	if k.broke != nil {
		complain("%v", k.broke)
		return
	}
	said := len(k.want)
	if missing := said + 1 - len(k.heard); missing > 0 && missing <= k.may {
		said -= missing
	}
	want := append(slices.Clone(k.want[:said]), testserver.CloseFrame(k.code, ""))
	same := func(h heard, f testserver.Frame) bool {
		if h.Op == ws.OpClose { // a reason is welcome
			h.Payload = h.Payload[:min(2, len(h.Payload))]
		}
		return h.Op == f.Op && bytes.Equal(h.Payload, f.Payload)
	}
	if !slices.EqualFunc(k.heard, want, same) {
		var due []heard
		for _, f := range want {
			due = append(due, heard{Frame: f, at: k.due})
		}
		complain("the client says %s\nwant %s", show(k.heard), show(due))
		return
	}
	// What is compressed shows its faults late.
	if at := k.heard[len(k.heard)-1].at; at > k.due || at < k.due && k.inf == nil {
		complain("the Close came at %v, want %v", at, k.due)
	}
	if len(events) != 1 {
		complain("%d close events: %+v", len(events), events)
		return
	}
	e := events[0]
	violation, failed := errors.AsType[*wsclient.ProtocolError](e.Err)
	right := e.WasClean
	if k.fails {
		right = !e.WasClean && failed && violation.Code == wsclient.StatusCode(k.code)
	} else if k.errIs != nil {
		right = !e.WasClean && errors.Is(e.Err, k.errIs)
	}
	if !right {
		complain("the close event is %+v", e)
	}
	if k.also != nil {
		if err := k.also(k.way, k.heard); err != nil {
			complain("%v", err)
		}
	}
}

// show is what was heard, for a message.
func show(all []heard) string {
	var b strings.Builder
	for i, h := range all {
		if i == 3 && len(all) > 6 {
			fmt.Fprintf(&b, "... %d more ... ", len(all)-5)
		}
		if i < 3 || i >= len(all)-2 || len(all) <= 6 {
			fmt.Fprintf(&b, "[%s of %d %.40q at %v] ", opName(h.Op), len(h.Payload), h.Payload, h.at)
		}
	}
	return b.String()
}

func opName(op ws.OpCode) string {
	if s := map[ws.OpCode]string{ws.OpText: "text", ws.OpBinary: "binary", ws.OpClose: "Close", ws.OpPing: "ping", ws.OpPong: "pong"}[op]; s != "" {
		return s
	}
	return fmt.Sprintf("opcode %d", op)
}
