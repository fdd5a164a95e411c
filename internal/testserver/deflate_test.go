package testserver_test

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

func TestDeflaterMakesMessages(t *testing.T) {
	long := "none of it again: " + strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 8)
	for _, context := range []bool{true, false} {
		d := &testserver.Deflater{Context: context, Level: 6}
		var stream []byte // of deflate
		want, sizes := "", []int{}
		for _, m := range []string{"", "Hello", long, long, ""} {
			f := d.Frame(ws.OpText, []byte(m))
			if !f.Fin || f.Rsv != 4 || f.Op != ws.OpText {
				t.Errorf("the frame is %+v", f)
			}
			if sizes = append(sizes, len(f.Payload)); !context {
				stream, want = nil, ""
			}
			stream, want = append(append(stream, f.Payload...), "\x00\x00\xff\xff"...), want+m
			all, _ := io.ReadAll(flate.NewReader(bytes.NewReader(stream))) // of which there is no end
			if string(all) != want {
				t.Errorf("context %v: %q, want %q", context, all, want)
			}
		}
		if sizes[0] != 1 || sizes[4] != 1 || (sizes[3] < sizes[2]) != context {
			t.Errorf("context %v: messages of %d octets", context, sizes)
		}
	}
}
