package wire_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/internal/wire"
)

// TestCopyOfARead: what was parsed in place can be copied as it came, and parsed again,
// save for what was hidden.
func TestCopyOfARead(t *testing.T) {
	var frames []any
	var want []string
	for i, n := range []int{0, 1, 125, 126, 3000, 65535, 20} {
		s := strings.Repeat(string(rune('a'+i)), n)
		f := binary(s)
		if i%2 == 0 {
			f = text(s)
		}
		frames = append(frames, ping("p"), f)
		want = append(want, s)
	}
	read := join(frames...)
	r := wire.NewReader(anyLimit, nil)
	copied := bytes.Clone(read)
	for len(read) > 0 {
		n := copy(r.Buffer(), read)
		r.Advance(n)
		read = read[n:]
	}
	hidden := 0
	for op, p, err := r.Next(); op != 0; op, p, err = r.Next() {
		if err != nil {
			t.Fatal(err)
		}
		if op == opPing {
			continue
		}
		in, end, ok := r.Place()
		if !ok || !bytes.Equal(in[end-len(p):end], p) {
			t.Fatalf("a message of %d bytes is not where it is said to be", len(p))
		}
		if hidden++; hidden == 3 {
			wire.Hide(copied[end-len(p)-wire.ServerHeader(len(p)):])
		}
	}
	at := 0
	for i, s := range want {
		if i == 2 { // the third
			continue
		}
		var op wire.Op
		var p []byte
		if op, p, at = wire.NextMessage(copied, at); string(p) != s || op != opText+wire.Op(i%2) {
			t.Errorf("message %d: opcode %d, %d bytes, want %d", i, op, len(p), len(s))
		}
	}
	if at != len(copied) {
		t.Errorf("%d bytes are left", len(copied)-at)
	}
}

// TestStoredFrames of ours get other keys, and keep their payloads.
func TestStoredFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 4096, 65535, 65536} {
		payload := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
		const key = 0x12345678
		frame := wire.AppendFrame(nil, opBinary, payload, key)
		if op, header, size := wire.Own(frame); op != opBinary || header+size != len(frame) || size != n {
			t.Errorf("%d bytes: opcode %d, %d and %d bytes", n, op, header, size)
		}
		wire.Remask(frame, ^uint32(key))
		if !bytes.Equal(frame, wire.AppendFrame(nil, opBinary, payload, ^uint32(key))) {
			t.Errorf("%d bytes: another key makes another frame of them", n)
		}
		if got := wire.Unmask([]byte("x"), frame); string(got) != "x"+string(payload) {
			t.Errorf("%d bytes: unmasked they are others", n)
		}
	}
}
