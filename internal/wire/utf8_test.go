package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

var invalidTexts = []string{
	"\x80", "\xbf", "\x80\xbf\x80", "\xc0 ", "\xe0 ", "\xf0 ", "\xf8 ", "\xfc ", "\xc3", "\xe0\xa0", "\xf0\x90\x80", "\xfe", "\xff", "\xfe\xfe\xff\xff",
	"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf",
	"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xaf\xbf", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80",
	"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
}

var validTexts = []string{
	"\x00", "\u0080", "\u07ff", "\u0800", "\uffff", "\ufffe", "\ufffd", "\U00010000", "\U0010ffff", "\ud7ff", "\ue000", "\u007f",
	"Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!", "\u03ba\u1f79\u03c3\u03bc\u03b5",
}

// some is the texts alone, and a few of them behind so many other bytes.
func some(texts []string, pad int) (few []string) {
	for i, s := range texts {
		if pad == 0 || (i+pad)%7 == 6 {
			few = append(few, s)
		}
	}
	return few
}

// Section 6 of the Autobahn list.
func TestReaderAcceptsOnlyUTF8(t *testing.T) {
	for _, pad := range []int{0, 7, 31, 62, 130, 5000} {
		before, behind := strings.Repeat("x", pad), strings.Repeat("y", pad/2)
		for _, s := range some(validTexts, pad) {
			whole := before + s + behind
			t.Run(fmt.Sprintf("%q in %d bytes", s, len(whole)), func(t *testing.T) {
				check(t, anyLimit, join(text(whole), ping("")), got(opText, whole), got(opPing, ""))
				for i := 1; i < len(s); i++ { // between the bytes of a rune
					cut := pad + i
					check(t, anyLimit, join(begin(ws.OpText, whole[:cut]), ping(""), last(whole[cut:])), got(opPing, ""), got(opText, whole))
				}
			})
		}
		for _, s := range some(invalidTexts, pad) {
			whole := before + s + behind
			t.Run(fmt.Sprintf("%q in %d bytes", s, len(whole)), func(t *testing.T) {
				check(t, anyLimit, join(text(whole)), fails(1007))
				check(t, anyLimit, join(text("a text before"), text(whole)), got(opText, "a text before"), fails(1007))
				check(t, anyLimit, join(text("a"), begin(ws.OpText, whole), last("")), got(opText, "a"), fails(1007))
				check(t, anyLimit, join(begin(ws.OpText, whole[:pad]), last(whole[pad:])), fails(1007))
				check(t, anyLimit, join(binary(whole)), got(opBinary, whole))
				check(t, anyLimit, join(begin(ws.OpBinary, whole), last("")), got(opBinary, whole))
			})
		}
	}
	t.Run("only the text under way counts", func(t *testing.T) {
		check(t, anyLimit, join(begin(ws.OpText, "\xc3"), ping("\xff"), last("\xa4"), binary("\xff"), text("\u00e4")),
			got(opPing, "\xff"), got(opText, "\u00e4"), got(opBinary, "\xff"), got(opText, "\u00e4"))
	})
}

// badAt is how many bytes of s a strict reader needs to see that it is not
// UTF-8; 0: it is, or may become so.
func badAt(s string) int {
	for n := 1; n <= len(s); n++ {
		ok := utf8.ValidString(s[:n])
		for _, tail := range []string{"\x80", "\xa0", "\x90", "\x80\x80", "\xa0\x80", "\x90\x80", "\x80\x80\x80", "\x90\x80\x80"} {
			ok = ok || utf8.ValidString(s[:n]+tail)
		}
		if !ok {
			return n
		}
	}
	return 0
}

// Autobahn 6.4: inside a frame and a fragment that are still arriving.
func TestReaderFailsAtTheFirstBadByteOfAText(t *testing.T) {
	for _, pad := range []int{0, 3, 120, 130, 65_530, 65_540, 130_000, 300_000} {
		for _, s := range some(invalidTexts, pad) {
			n := badAt(s)
			if n == 0 {
				continue // it fails at the end of the message
			}
			whole := strings.Repeat("x", pad) + s
			for name, head := range map[string][]byte{
				"in a frame":            join(frame{op: ws.OpText, declared: int64(len(whole) + 1000), p: whole}),
				"in the last fragment":  join(begin(ws.OpText, "\u00e4"), frame{op: ws.OpContinuation, declared: int64(len(whole) + 9), p: whole}),
				"in the first fragment": join(frame{op: ws.OpText, more: true, declared: int64(len(whole) + 9), p: whole}),
			} {
				for _, rest := range []bool{false, true} {
					t.Run(fmt.Sprintf("%q behind %d bytes %s, resting %v", s, pad, name, rest), func(t *testing.T) {
						r := wire.NewReader(anyLimit, nil)
						defer r.Close()
						good := len(head) - len(s) + n - 1
						if events := feed(t, r, head[:good]); events != nil {
							t.Fatalf("before the bad byte: %v", events)
						}
						if rest {
							r.Rest()
						}
						if events := feed(t, r, head[good:good+1]); !slices.Equal(events, []event{fails(1007)}) {
							t.Fatalf("at the bad byte: %v", events)
						}
					})
				}
			}
		}
	}
}
