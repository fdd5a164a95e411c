package wsclient_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// Section 6: text is UTF-8 (RFC 6455 8.1, RFC 3629), after the categories of
// Markus Kuhn's decoder test. The sequences are computed.

// greek is κόσμε with the oxia, which is its own code point: 11 octets.
const greek = "κ\u1f79σμε"

// sequence is v in n octets in the scheme of RFC 2279, which went up to six. Most
// of what it can write is not UTF-8 any more, or never was.
func sequence(v uint32, n int) []byte {
	if n == 1 {
		return []byte{byte(v)}
	}
	p := make([]byte, n)
	for i := n - 1; i > 0; i-- {
		p[i] = 0x80 | byte(v&0x3f)
		v >>= 6
	}
	p[0] = byte(uint(0xff00)>>n) | byte(v)
	return p
}

// last is the largest value of n octets, and one more is the first of n+1.
func last(n int) uint32 { return 1<<[]int{0, 7, 11, 16, 21, 26, 31}[n] - 1 }

// surrogates are UTF-16's, which UTF-8 must not have.
func surrogates(values ...uint32) (p []byte) {
	for _, v := range values {
		p = append(p, sequence(v, 3)...)
	}
	return p
}

// validText is a text that is echoed.
func validText(id, name string, p []byte) wireCase { return message(id, name, ws.OpText, p) }

// invalidText is one that fails with 1007 at its first bad octet, while the frame
// is still arriving.
func invalidText(id, name string, p []byte) wireCase {
	f := testserver.Frame{Fin: true, Op: ws.OpText, Payload: p}
	return wireCase{
		id: id, name: name, steps: each(f), fails: true, code: ws.StatusInvalidFramePayloadData,
		needs: len(testserver.Encode(f)) - len(p) + firstBad(p), op: ws.OpText, payload: p,
	}
}

// firstBad is how many octets of p show that it is not UTF-8: those after which
// no way to go on makes it valid. If it is only cut, that is all of it.
func firstBad(p []byte) int {
	for n := 1; n < len(p); n++ {
		goesOn := utf8.Valid(p[:n])
		for _, second := range []byte{0x80, 0x90, 0xa0} { // one of them fits behind any start
			for _, rest := range [][]byte{{second}, {second, 0x80}, {second, 0x80, 0x80}, {0x80}} {
				goesOn = goesOn || utf8.Valid(slices.Concat(p[:n], rest))
			}
		}
		if !goesOn {
			return n
		}
	}
	return len(p)
}

// group numbers cases.
func group(id string, cases ...wireCase) []wireCase {
	for i := range cases {
		cases[i].id = fmt.Sprintf("%s.%d", id, i+1)
	}
	return cases
}

func validTextCases() (cases []wireCase) {
	const text, more = ws.OpText, ws.OpContinuation
	valid := func(name string, p []byte) wireCase { return validText("", name, p) }
	add := func(id string, c ...wireCase) { cases = append(cases, group(id, c...)...) }
	add("6.1",
		valid("empty text", nil),
		clean("", "three empty fragments", each(part(text, false, ""), part(more, false, ""), part(more, true, "")), testserver.TextFrame("")),
		clean("", "empty, filled, empty", each(part(text, false, ""), part(more, false, "middle"), part(more, true, "")), testserver.TextFrame("middle")))

	const mixed = "Grüße an κόσμος: 水 costs 3 €, 𝄞 nothing"
	runes := []rune(mixed)
	between := each(part(text, false, string(runes[:8])), part(more, true, string(runes[8:])))
	within := strings.Index(mixed, "ό") + 1
	inside := each(part(text, false, mixed[:within]), part(more, true, mixed[within:]))
	add("6.2",
		valid("several bytes per rune", []byte(mixed)),
		clean("", "two fragments, between runes", between, testserver.TextFrame(mixed)),
		clean("", "two fragments, within a rune", inside, testserver.TextFrame(mixed)),
		clean("", "fragments of one octet", each(fragmented(text, []byte(greek), 1)...), testserver.TextFrame(greek)))

	var sequences, prefixes []wireCase
	for _, s := range []string{greek, "äöüß", "日本語のテキスト", "𐍈𝒳😀", "Здравствуйте, ¿qué tal? שלום"} {
		sequences = append(sequences, valid(s, []byte(s)))
	}
	for n := 1; n <= len(greek); n++ {
		name, p := fmt.Sprintf("%d octets of a Greek word", n), []byte(greek[:n])
		if slices.Contains([]int{2, 5, 7, 9, 11}, n) {
			prefixes = append(prefixes, valid(name, p))
		} else {
			prefixes = append(prefixes, invalidText("", name, p))
		}
	}
	add("6.5", sequences...)
	add("6.6", prefixes...)
	add("6.7", valid("first of 1 octet", sequence(0, 1)), valid("first of 2", sequence(last(1)+1, 2)),
		valid("first of 3", sequence(last(2)+1, 3)), valid("first of 4", sequence(last(3)+1, 4)))
	add("6.9", valid("last of 1 octet", sequence(last(1), 1)), valid("last of 2", sequence(last(2), 2)),
		valid("last of 3", sequence(last(3), 3)), valid("last of 4", sequence(utf8.MaxRune, 4)))
	var nonCharacters, specials []wireCase
	for plane := range uint32(17) {
		for _, v := range []uint32{plane<<16 | 0xfffe, plane<<16 | 0xffff} {
			n := 3
			if plane > 0 {
				n = 4
			}
			nonCharacters = append(nonCharacters, valid(fmt.Sprintf("non-character U+%04X", v), sequence(v, n)))
		}
	}
	for v := uint32(0xfff9); v <= 0xffff; v++ {
		specials = append(specials, valid(fmt.Sprintf("special U+%04X", v), sequence(v, 3)))
	}
	add("6.22", nonCharacters...)
	add("6.23", specials...)
	return cases
}

func invalidTextCases() (cases []wireCase) {
	invalid := func(name string, p []byte) wireCase { return invalidText("", name, p) }
	add := func(id string, c ...wireCase) { cases = append(cases, group(id, c...)...) }
	surrogate := slices.Concat([]byte(greek), surrogates(0xd800), []byte("edited"))
	split := invalid("surrogate in fragments of one octet", surrogate)
	split.only = inParts
	add("6.3", invalid("surrogate", surrogate), split)
	add("6.4", arrivingCases()...)
	add("6.8", invalid("first of 5 octets", sequence(last(4)+1, 5)), invalid("first of 6", sequence(last(5)+1, 6)))
	add("6.10", invalid("last of 4 octets", sequence(last(4), 4)), invalid("last of 5", sequence(last(5), 5)), invalid("last of 6", sequence(last(6), 6)))
	add("6.11", validText("", "before the surrogates", sequence(0xd7ff, 3)), validText("", "behind them", sequence(0xe000, 3)),
		validText("", "U+FFFD", sequence(0xfffd, 3)), validText("", "U+10FFFF", sequence(0x10ffff, 4)), invalid("U+110000", sequence(0x110000, 4)))

	continuations := make([]byte, 64)
	for i := range continuations {
		continuations[i] = 0x80 | byte(i)
	}
	lone := []wireCase{invalid("the first continuation octet", []byte{0x80}), invalid("the last", []byte{0xbf})}
	for n := 2; n <= 6; n++ {
		lone = append(lone, invalid(fmt.Sprintf("%d of them", n), bytes.Repeat([]byte{0x80, 0xbf}, 3)[:n]))
	}
	add("6.12", append(lone, invalid("all 64", continuations))...)

	var starts, cut, slashes, largest, nuls []wireCase
	var allCut []byte
	for n := 2; n <= 6; n++ {
		var p []byte
		for i := range 1 << max(7-n, 1) { // 0xFE and 0xFF would be the next
			p = append(p, sequence(0, n)[0]+byte(i), ' ')
		}
		of := fmt.Sprintf(" of %d octets", n)
		starts = append(starts, invalid("lone starts"+of, p))
		slashes = append(slashes, invalid("slash"+of, sequence('/', n)))
		largest = append(largest, invalid("largest overlong"+of, sequence(last(n-1), n)))
		nuls = append(nuls, invalid("NUL"+of, sequence(0, n)))
	}
	for _, value := range []func(int) uint32{func(int) uint32 { return 0 }, last} {
		for n := 2; n <= 6; n++ {
			p := sequence(value(n), n)[:n-1]
			cut = append(cut, invalid(fmt.Sprintf("U+%04X of %d octets without the last", value(n), n), p))
			allCut = append(allCut, p...)
		}
	}
	add("6.13", starts...)
	add("6.14", cut...)
	add("6.15", invalid("those ten", allCut))
	add("6.16", invalid("0xFE", []byte{0xfe}), invalid("0xFF", []byte{0xff}), invalid("both", []byte{0xfe, 0xfe, 0xff, 0xff}))
	add("6.17", slashes...)
	add("6.18", largest...)
	add("6.19", nuls...)
	return append(cases, surrogateCases()...)
}

// surrogateCases are of the code points that only UTF-16 has, alone and in pairs
// (RFC 3629 3).
func surrogateCases() []wireCase {
	high, low := []uint32{0xd800, 0xdb7f, 0xdb80, 0xdbff}, []uint32{0xdc00, 0xdf80, 0xdfff}
	var singles, pairs []wireCase
	for _, v := range slices.Concat(high, low) {
		singles = append(singles, invalidText("", fmt.Sprintf("surrogate %04X", v), surrogates(v)))
	}
	for _, h := range high {
		for _, l := range []uint32{0xdc00, 0xdfff} {
			pairs = append(pairs, invalidText("", fmt.Sprintf("surrogates %04X %04X", h, l), surrogates(h, l)))
		}
	}
	return append(group("6.20", singles...), group("6.21", pairs...)...)
}

// arrivingCases send a valid part, an invalid one a second later, and the rest
// after another: the Close leaves at the second of the invalid part, be it that
// of a message (1, 2) or that of a single frame (3, 4). In 2 and 4 the parts cut
// the bad sequence, and what is bad about it is in the second.
func arrivingCases() (cases []wireCase) {
	tooLarge := sequence(0x110000, 4) // at its second octet
	text := slices.Concat([]byte(greek), tooLarge, []byte("edited"))
	for _, whole := range []bool{false, true} {
		for _, cuts := range [][2]int{{len(greek), len(greek) + 4}, {len(greek) + 1, len(greek) + 2}} {
			c := invalidText("", "", text)
			parts := [][]byte{text[:cuts[0]], text[cuts[0]:cuts[1]], text[cuts[1]:]}
			if whole {
				frame := c.octets()
				header := len(frame) - len(text)
				parts[0] = frame[:header+len(parts[0])]
				c.name = "an invalid part of a frame"
			} else {
				c.name = "an invalid fragment"
				// 2 octets of header in each of the two fragments.
				c.needs += 2
				c.payload = nil
			}
			c.steps = nil
			for i, p := range parts {
				s := wireStep{raw: p}
				if !whole {
					s = wireStep{frames: []testserver.Frame{{Fin: i == 2, Op: ws.OpContinuation, Payload: p}}}
				}
				if i == 0 && !whole {
					s.frames[0].Op = ws.OpText
				}
				if i > 0 {
					s.pause = time.Second
				}
				c.steps = append(c.steps, s)
			}
			cases = append(cases, c)
		}
	}
	return cases
}
