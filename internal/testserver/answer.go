package testserver

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Answer is how an upgrade request is answered. The zero value accepts.
type Answer struct {
	Delay  time.Duration // before anything is written
	Status int           // zero or 101 accepts; everything else refuses
	Body   string        // of a refusal

	// Header replaces, key by key, what the server would write; an empty list
	// removes it: {"Sec-WebSocket-Accept": {"wrong"}}, {"Upgrade": nil}.
	Header      http.Header
	Subprotocol string // written as it is, offered or not
	Extensions  string // likewise; the script makes and reads the frames

	// Frames follow the 101 in the same write: a client's first read may
	// return them together.
	Frames []Frame

	Raw  []byte // not nil: these bytes are the whole answer, and no Handler runs
	Hold bool   // after a refusal or Raw: stay open until the client closes
	Drop bool   // after a 101: close at once instead of running the Handler
}

func (a *Answer) accepts() bool { return a.status() == http.StatusSwitchingProtocols }

func (a *Answer) status() int {
	switch {
	case a.Raw != nil:
		return 0
	case a.Status == 0:
		return http.StatusSwitchingProtocols
	}
	return a.Status
}

// switching is the 101 with its frames (RFC 6455 4.2.2).
func (a *Answer) switching(r *http.Request) []byte {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	h := http.Header{
		"Upgrade":              {"websocket"},
		"Connection":           {"Upgrade"},
		"Sec-Websocket-Accept": {base64.StdEncoding.EncodeToString(sum[:])},
	}
	if a.Subprotocol != "" {
		h.Set("Sec-Websocket-Protocol", a.Subprotocol)
	}
	if a.Extensions != "" {
		h.Set("Sec-Websocket-Extensions", a.Extensions)
	}
	return append(a.head(h), Encode(a.Frames...)...)
}

// refusal is every other answer.
func (a *Answer) refusal() []byte {
	if a.Raw != nil {
		return a.Raw
	}
	return append(a.head(http.Header{
		"Connection":     {"close"},
		"Content-Type":   {"text/plain; charset=utf-8"},
		"Content-Length": {strconv.Itoa(len(a.Body))},
	}), a.Body...)
}

// head is the status line and h, with a.Header over it.
func (a *Answer) head(h http.Header) []byte {
	for key, values := range a.Header {
		h[http.CanonicalHeaderKey(key)] = values
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status(), http.StatusText(a.status()))
	_ = h.Write(&b) // a bytes.Buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}
