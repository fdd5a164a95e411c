package testserver

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxPayload is more than any test sends; a longer frame is a broken header.
const maxPayload = 1 << 28

// conformance watches one client for violations of RFC 6455. It is lenient:
// the script goes on, and the test looks at Server.Violations in the end.
type conformance struct {
	fragmented bool    // a data message has begun and not ended
	closed     bool    // a Close was seen
	mask       [4]byte // of the last frame
	masks      int     // frames seen with a payload
}

// header checks a header that took n bytes on the wire.
func (c *conformance) header(h ws.Header, n int, compressed bool) (found []string) {
	state := ws.StateServerSide
	if c.fragmented {
		state = state.Set(ws.StateFragmented)
	}
	if compressed && !h.OpCode.IsControl() && h.OpCode != ws.OpContinuation {
		h.Rsv &^= ws.Rsv(true, false, false) // RFC 7692 6: RSV1, on the first frame
	}
	if err := ws.CheckHeader(h, state); err != nil {
		found = append(found, err.Error())
	}
	if n > ws.HeaderSize(h) {
		found = append(found, "the payload length is not in its shortest form (5.2)")
	}
	if c.closed {
		found = append(found, "a frame after the Close frame (5.5.1)")
	}
	if h.Masked && h.Length > 0 {
		// 5.3: a fresh key, unpredictable. Two equal in a row are no accident.
		if c.masks > 0 && h.Mask == c.mask {
			found = append(found, "the masking key of the frame before (5.3)")
		}
		c.mask = h.Mask
		c.masks++
	}
	if h.OpCode.IsData() || h.OpCode == ws.OpContinuation {
		c.fragmented = !h.Fin
	}
	return found
}

// message checks a whole message.
func (c *conformance) message(m Frame) []string {
	if m.Op == ws.OpText && m.Rsv == 0 && !utf8.Valid(m.Payload) {
		return []string{"a text message that is not UTF-8 (8.1)"}
	}
	return nil
}

// close checks the payload of a Close (5.5.1, 7.4).
func (c *conformance) close(payload []byte) []string {
	c.closed = true
	if len(payload) == 0 {
		return nil
	}
	if len(payload) == 1 {
		return []string{"a Close with half a status code (5.5.1)"}
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if code >= 1012 && code <= 1014 {
		code = ws.StatusInternalServerError // IANA has them, gobwas/ws v1.5.0 does not
	}
	if err := ws.CheckCloseFrameData(code, reason); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// checkRequest returns what is wrong with an upgrade request (4.1, 4.2.1).
func checkRequest(r *http.Request) (found []string) {
	require := func(ok bool, what string) {
		if !ok {
			found = append(found, what)
		}
	}
	require(r.Method == http.MethodGet, "the method is not GET")
	require(r.ProtoAtLeast(1, 1), "HTTP older than 1.1")
	require(r.Host != "", "no Host")
	require(strings.HasPrefix(r.RequestURI, "/"), "the request target is not a path")
	require(hasToken(r.Header, "Upgrade", "websocket"), "no Upgrade: websocket")
	require(hasToken(r.Header, "Connection", "upgrade"), "no Connection: Upgrade")
	require(single(r.Header, "Sec-Websocket-Version") == "13", "Sec-WebSocket-Version is not 13")
	nonce, err := base64.StdEncoding.DecodeString(single(r.Header, "Sec-Websocket-Key"))
	require(err == nil && len(nonce) == 16, "Sec-WebSocket-Key is not one nonce of 16 bytes")
	require(r.ContentLength == 0 && len(r.TransferEncoding) == 0, "a body")
	return found
}

// single returns the value of a header that must not come twice, else "".
func single(h http.Header, key string) string {
	if v := h[key]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// hasToken looks for token in a comma-separated header.
func hasToken(h http.Header, key, token string) bool {
	for _, line := range h[key] {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
