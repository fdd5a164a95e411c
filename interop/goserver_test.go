package interop

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"
)

var offered = []string{"feed.v2", "feed.v1"}

// A handle upgrades and serves one connection until it ends. The connection is
// compressed as agreed; nil: not.
type handle func(rw http.ResponseWriter, r *http.Request, a *agreement, out *transcript)

// library launches a server that is a Go library and imposes those agreements.
func library(h handle, list ...agreement) func() (*instance, error) {
	return func() (*instance, error) { return serveGo(h, list) }
}

// serveGo runs a server that is a Go library on the ports of an instance.
func serveGo(h handle, list []agreement) (*instance, error) {
	id, err := identity()
	if err != nil {
		return nil, err
	}
	i := &instance{agreed: map[agreement]string{}, out: newTranscript()}
	var kills []func()
	i.kill = func() {
		for _, kill := range kills {
			kill()
		}
	}
	listen := func(a *agreement, secure *tls.Config) (addr string) {
		ln, e := net.Listen("tcp", "127.0.0.1:0")
		if e != nil {
			err = e
			return ""
		}
		addr = ln.Addr().String()
		if secure != nil {
			ln = tls.NewListener(ln, secure)
		}
		kills = append(kills, serveOn(ln, h, a, i.out))
		return addr
	}
	i.plain = listen(nil, nil)
	i.deflate = listen(&agreement{}, nil)
	i.secure = listen(&agreement{}, &tls.Config{Certificates: []tls.Certificate{id.cert}})
	for _, a := range list {
		i.agreed[a] = listen(&a, nil)
	}
	if err != nil {
		i.kill()
		return nil, err
	}
	return i, nil
}

// serveOn serves what a listener accepts. What it returns ends all of it as a
// crash does.
func serveOn(ln net.Listener, h handle, a *agreement, out *transcript) (kill func()) {
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	srv := &http.Server{
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { h(rw, r, a, out) }),
		// The server forgets the connections that are hijacked.
		ConnState: func(nc net.Conn, state http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			conns[nc] = state != http.StateClosed
		},
	}
	go srv.Serve(ln)
	return func() {
		srv.Close()
		mu.Lock()
		defer mu.Unlock()
		for nc := range conns {
			if secure, ok := nc.(*tls.Conn); ok {
				nc = secure.NetConn() // without the alert
			}
			nc.Close()
		}
	}
}

// wantedClose returns the Close that the path asks for.
func wantedClose(u *url.URL) (code int, reason string) {
	code, _ = strconv.Atoi(u.Query().Get("code"))
	return code, u.Query().Get("reason")
}

// fragments cuts a message in three.
func fragments(data []byte) [][]byte {
	third := (len(data) + 2) / 3
	return [][]byte{data[:third], data[third:min(2*third, len(data))], data[min(2*third, len(data)):]}
}

func serveCoder(rw http.ResponseWriter, r *http.Request, a *agreement, out *transcript) {
	o := &websocket.AcceptOptions{Subprotocols: offered}
	if a != nil {
		o.CompressionMode, o.CompressionThreshold = websocket.CompressionContextTakeover, max(1, a.Threshold)
		if a.ServerNoContext {
			o.CompressionMode = websocket.CompressionNoContextTakeover
		}
	}
	c, err := websocket.Accept(rw, r, o)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	ctx := r.Context()
	for {
		typ, data, err := c.Read(ctx)
		if ce, ok := errors.AsType[websocket.CloseError](err); ok {
			out.closed(r.URL.Path, int(ce.Code), ce.Reason)
		}
		switch {
		case err != nil:
			return
		case r.URL.Path == "/close":
			code, reason := wantedClose(r.URL)
			c.Close(websocket.StatusCode(code), reason)
		case r.URL.Path == "/ping":
			// The payload is the library's own; it takes no other for a pong.
			go func() {
				if c.Ping(ctx) == nil {
					c.Write(ctx, typ, append([]byte("pong "), data...))
				}
			}()
		case r.URL.Path == "/fragments":
			if w, err := c.Writer(ctx, typ); err == nil {
				for _, part := range fragments(data) {
					w.Write(part)
				}
				w.Close()
			}
		default:
			c.Write(ctx, typ, data)
		}
	}
}

func serveGorilla(rw http.ResponseWriter, r *http.Request, a *agreement, out *transcript) {
	u := &gorilla.Upgrader{Subprotocols: offered, EnableCompression: a != nil}
	if r.URL.Path == "/fragments" {
		u.WriteBufferSize = 1 << 10 // so much makes a fragment
	}
	c, err := u.Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	if r.URL.Path == "/ping" {
		c.SetPongHandler(func(data string) error {
			return c.WriteMessage(gorilla.TextMessage, []byte("pong "+data))
		})
	}
	for {
		typ, data, err := c.ReadMessage()
		if ce, ok := errors.AsType[*gorilla.CloseError](err); ok {
			out.closed(r.URL.Path, ce.Code, ce.Text)
		}
		switch {
		case err != nil:
			return
		case a != nil:
			c.EnableWriteCompression(len(data) >= a.Threshold)
		}
		switch r.URL.Path {
		case "/close":
			code, reason := wantedClose(r.URL)
			c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason))
		case "/ping":
			c.WriteMessage(gorilla.PingMessage, data)
		case "/fragments":
			if w, err := c.NextWriter(typ); err == nil {
				for _, part := range fragments(data) {
					w.Write(part)
					c.WriteControl(gorilla.PingMessage, nil, time.Time{})
				}
				w.Close()
			}
		default:
			c.WriteMessage(typ, data)
		}
	}
}

// A gwsHandler is the library's own handler, whose OnPing answers with an empty
// pong, with our OnMessage, OnPong and OnClose.
type gwsHandler struct {
	gws.BuiltinEventHandler
	url *url.URL
	out *transcript
}

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	switch h.url.Path {
	case "/close":
		code, reason := wantedClose(h.url)
		c.WriteClose(uint16(code), []byte(reason))
	case "/ping":
		c.WritePing(m.Bytes())
	case "/fragments":
		c.WriteFile(m.Opcode, bytes.NewReader(m.Bytes()))
	default:
		c.WriteMessage(m.Opcode, m.Bytes())
	}
}

func (h *gwsHandler) OnPong(c *gws.Conn, payload []byte) {
	c.WriteString("pong " + string(payload))
}

func (h *gwsHandler) OnClose(_ *gws.Conn, err error) {
	if ce, ok := errors.AsType[*gws.CloseError](err); ok {
		h.out.closed(h.url.Path, int(ce.Code), string(ce.Reason))
	}
}

func serveGWS(rw http.ResponseWriter, r *http.Request, a *agreement, out *transcript) {
	o := &gws.ServerOption{ReadMaxPayloadSize: 64 << 20, WriteMaxPayloadSize: 64 << 20, CheckUtf8Enabled: true}
	// Once it has subprotocols it refuses clients that offer none.
	if r.Header.Get("Sec-WebSocket-Protocol") != "" {
		o.SubProtocols = offered
	}
	if a != nil {
		// With contexts and without widths it answers client_max_window_bits=12
		// to clients that did not offer it, which RFC 7692 7.1.2.2 forbids.
		o.PermessageDeflate = gws.PermessageDeflate{Enabled: true, Threshold: max(1, a.Threshold), PoolSize: 1,
			ServerContextTakeover: !a.ServerNoContext, ClientContextTakeover: !a.ClientNoContext,
			ServerMaxWindowBits: cmp.Or(a.ServerBits, 15), ClientMaxWindowBits: cmp.Or(a.ClientBits, 15)}
	}
	c, err := gws.NewUpgrader(&gwsHandler{url: r.URL, out: out}, o).Upgrade(rw, r)
	if err != nil {
		return
	}
	c.ReadLoop()
}
