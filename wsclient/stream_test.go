package wsclient_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/steadyws/steadyws/codec"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// numbers is a codec of a user's own, with errors of its own.
type numbers struct{ codec.Text }

func (numbers) Append(dst []byte, v int) ([]byte, error) {
	return strconv.AppendInt(dst, int64(v), 10), nil
}
func (numbers) Decode(p []byte) (int, error) { return strconv.Atoi(string(p)) }

func TestAnyCodecsErrorConcernsOneItem(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("1"), testserver.TextFrame("two"), testserver.TextFrame("3"), testserver.TextFrame("four"), testserver.TextFrame("5"))
		p.SendClose(1008, "")
		testserver.Sink(p)
	}), func(w *world) {
		s := wsclient.NewStream(w.dial(wsclient.Options{}), numbers{}, numbers{})
		note := func(v int, err error) {
			if e, ok := errors.AsType[*codec.Error](err); ok {
				w.note("%s %s %q, syntax %v", e.Op, e.Type, e.Data, errors.Is(err, strconv.ErrSyntax))
			} else if err != nil {
				w.note("closed %v", errors.Is(err, wsclient.ErrClosed))
			} else {
				w.note("%d", v)
			}
		}
		for range 2 {
			note(s.Receive(w.ctx))
		}
		for v, err := range s.Values(w.ctx) {
			note(v, err)
		}
		w.expect("1", `decode int "two", syntax true`, "3", `decode int "four", syntax true`, "5", "closed true")
	})
}
