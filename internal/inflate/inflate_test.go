package inflate_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/internal/inflate"
)

const endOfBlock = 256

// longCodes has literals of 1 to 15 bits: 'a' 1, 'b' 2, up to 'n' 14, 'o' 15, and the
// end of the block 15. Such a code is all ones, and a zero but for the last.
func longCodes() lengths {
	l := lengths{endOfBlock: 15}
	for n := 1; n <= 15; n++ {
		l['a'+n-1] = n
	}
	return l
}

// lz begins a block of 'a', 0, the end, 10, and the lengths 3, 110, and 10, 111, with
// any distances.
func lz(s *stream, distances lengths) *stream {
	return s.dynamic(lengths{'a': 1, endOfBlock: 2, 257: 3, 264: 3}, distances)
}

type testCase struct {
	name    string
	s       func(*stream) *stream // all but the end
	history string
	want    string
	refused bool
}

var cases = []testCase{
	{name: "an empty message is the end alone", s: func(s *stream) *stream { return s }},
	{name: "a stored block is copied", s: func(s *stream) *stream { return s.stored("hello") }, want: "hello"},
	{name: "empty stored blocks add nothing", s: func(s *stream) *stream { return s.stored("").stored("").stored("hi").stored("") }, want: "hi"},
	{name: "a stored block begins at a whole byte, behind a block that does not end there",
		s: func(s *stream) *stream { return s.fixed().text("abc").symbols(endOfBlock).stored("def") }, want: "abcdef"},
	{name: "a stored block whose lengths do not fit is refused", refused: true,
		s: func(s *stream) *stream { return s.bits(0, 8).bits(5, 16).bits(5, 16).bits(0, 40) }},
	{name: "a stored block that is longer than the message is refused", refused: true,
		s: func(s *stream) *stream { return s.bits(0, 8).bits(9, 16).bits(^9, 16).bits(0, 40) }},
	{name: "fixed codes: literals of 8 and of 9 bits", s: func(s *stream) *stream { return s.fixed().text("\x00\x8f\x90\xff").symbols(endOfBlock) }, want: "\x00\x8f\x90\xff"},
	{name: "fixed codes: an empty block", s: func(s *stream) *stream { return s.fixed().symbols(endOfBlock) }},
	{name: "a match repeats itself", s: func(s *stream) *stream { return s.fixed().text("ab").match(264, 0, 0, 1, 0, 0).symbols(endOfBlock) }, want: "abababababab"},
	{name: "a match one byte back repeats that byte", s: func(s *stream) *stream { return s.fixed().text("x").match(285, 0, 0, 0, 0, 0).symbols(endOfBlock) }, want: strings.Repeat("x", 259)},
	{name: "length 258 has a second name", s: func(s *stream) *stream { return s.fixed().text("x").match(284, 31, 5, 0, 0, 0).symbols(endOfBlock) }, want: strings.Repeat("x", 259)},
	{name: "the greatest distance reaches the first byte of a full history", history: "h" + strings.Repeat("-", 32767),
		s: func(s *stream) *stream { return s.fixed().match(257, 0, 0, 29, 8191, 13).symbols(endOfBlock) }, want: "h--"},
	{name: "a match begins in the history and goes on in the message", history: "abc",
		s: func(s *stream) *stream { return s.fixed().text("de").match(264, 0, 0, 4, 0, 1).symbols(endOfBlock) }, want: "de" + "abcdeabcde"},
	{name: "a match goes round the end of the history", history: "xyzabc",
		s: func(s *stream) *stream { return s.fixed().match(264, 0, 0, 2, 0, 0).symbols(endOfBlock) }, want: "abcabcabca"},
	{name: "a distance beyond the history is refused", history: "abc", refused: true,
		s: func(s *stream) *stream { return s.fixed().text("d").match(257, 0, 0, 4, 0, 1).symbols(endOfBlock) }},
	{name: "a distance without a history is refused", refused: true,
		s: func(s *stream) *stream { return s.fixed().match(257, 0, 0, 0, 0, 0).symbols(endOfBlock) }},
	{name: "a reserved type of block is refused", refused: true, s: func(s *stream) *stream { return s.bits(6, 3) }},
	{name: "a final block is refused", refused: true, s: func(s *stream) *stream { return s.bits(3, 3).text("a").symbols(endOfBlock) }},
	{name: "length symbol 286 is refused", refused: true, s: func(s *stream) *stream { return s.fixed().text("a").match(286, 0, 0, 0, 0, 0).symbols(endOfBlock) }},
	{name: "length symbol 287 is refused", refused: true, s: func(s *stream) *stream { return s.fixed().text("a").match(287, 0, 0, 0, 0, 0).symbols(endOfBlock) }},
	{name: "distance symbol 30 is refused", refused: true, s: func(s *stream) *stream { return s.fixed().text("a").match(257, 0, 0, 30, 0, 13).symbols(endOfBlock) }},
	{name: "distance symbol 31 is refused", refused: true, s: func(s *stream) *stream { return s.fixed().text("a").match(257, 0, 0, 31, 0, 13).symbols(endOfBlock) }},
	{name: "codes of all lengths up to 15 bits",
		s: func(s *stream) *stream {
			s.dynamic(longCodes(), nil)
			for n := 1; n <= 14; n++ {
				s.code(1<<n-2, n)
			}
			return s.code(1<<15-2, 15).code(1<<15-2, 15).code(1<<15-1, 15)
		}, want: "abcdefghijklmnoo"},
	{name: "distance codes of all lengths up to 15 bits", history: strings.Repeat("-", 200) + "0123456789",
		s: func(s *stream) *stream {
			d := lengths{15: 15}
			for n := 1; n <= 15; n++ {
				d[n-1] = n
			}
			lz(s, d)
			return s.code(6, 3).code(0x7ffe, 15).bits(0, 6).code(6, 3).code(0, 1).code(6, 3).code(0xfe, 8).bits(3, 2).code(2, 2)
		}, want: "---" + "---" + "012"},
	{name: "no distance code at all, where there is no match", s: func(s *stream) *stream { return lz(s, nil).code(0, 1).code(2, 2) }, want: "a"},
	{name: "no distance code at all, and a match", refused: true, s: func(s *stream) *stream { return lz(s, nil).code(0, 1).code(6, 3).code(0, 1).code(2, 2) }},
	{name: "a single distance code has one bit", s: func(s *stream) *stream { return lz(s, lengths{0: 1}).code(0, 1).code(6, 3).code(0, 1).code(2, 2) }, want: "aaaa"},
	{name: "the other bit of it is refused", refused: true, s: func(s *stream) *stream { return lz(s, lengths{0: 1}).code(0, 1).code(6, 3).code(1, 1).code(2, 2) }},
	{name: "a single distance code of two bits is refused", refused: true, s: func(s *stream) *stream { return lz(s, lengths{0: 2}).code(0, 1).code(2, 2) }},
	{name: "distance codes that leave something out are refused", refused: true, s: func(s *stream) *stream { return lz(s, lengths{0: 2, 1: 2, 2: 2}).code(0, 1).code(2, 2) }},
	{name: "distance codes that take too much are refused", refused: true, s: func(s *stream) *stream { return lz(s, lengths{0: 1, 1: 1, 2: 1}).code(0, 1).code(2, 2) }},
	{name: "a single literal code has one bit", s: func(s *stream) *stream { return s.dynamic(lengths{endOfBlock: 1}, nil).code(0, 1) }},
	{name: "the other bit of it is refused, too", refused: true, s: func(s *stream) *stream { return s.dynamic(lengths{endOfBlock: 1}, nil).code(1, 1) }},
	{name: "literal codes that leave something out are refused", refused: true, s: func(s *stream) *stream { return s.dynamic(lengths{'a': 1, endOfBlock: 2}, nil).code(2, 2) }},
	{name: "literal codes that take too much are refused", refused: true, s: func(s *stream) *stream { return s.dynamic(lengths{'a': 1, 'b': 1, endOfBlock: 2}, nil).code(2, 2) }},
	{name: "no literal code at all is refused", refused: true, s: func(s *stream) *stream { return s.dynamic(nil, nil).bits(0, 100) }},
	{name: "a block without an end is refused", refused: true, s: func(s *stream) *stream { return s.dynamic(lengths{'a': 1, 'b': 1}, nil).bits(0, 100) }},
	{name: "286 literals and 30 distances may be declared",
		s: func(s *stream) *stream {
			return s.declared(286, 30, lengths{'a': 1, endOfBlock: 1}, nil).code(0, 1).code(1, 1)
		}, want: "a"},
	{name: "287 literals may not", refused: true, s: func(s *stream) *stream { return s.declared(287, 1, lengths{'a': 1, endOfBlock: 1}, nil).code(1, 1) }},
	{name: "31 distances may not", refused: true, s: func(s *stream) *stream { return s.declared(257, 31, lengths{'a': 1, endOfBlock: 1}, nil).code(1, 1) }},
	{name: "blocks of all types in one message",
		s: func(s *stream) *stream {
			s.stored("one").fixed().text("two").symbols(endOfBlock)
			return lz(s, nil).code(0, 1).code(2, 2).stored("three").fixed().match(257, 0, 0, 4, 0, 1).symbols(endOfBlock)
		}, want: "onetwoathreethr"},
}

// src is the message of a case.
func (c *testCase) src() []byte { return c.s(&stream{}).empty() }

func TestBlocks(t *testing.T) {
	d := inflate.New()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for room := range 40 { // however the message is cut by what room there is
				p, ok := agrees(t, d, c.src(), []byte(c.history), 1000, room)
				if ok == c.refused || ok && string(p) != c.want {
					t.Fatalf("taken is %v: %q, want %q", ok, p, c.want)
				}
			}
			agrees(t, d, c.src(), []byte(c.history), 1000, 1000)
		})
	}
}

// Codes of any shape decode, each symbol of them; the deepest fill all there is for
// tables.
func TestCodesOfAnyShape(t *testing.T) {
	d := inflate.New()
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		some := func(most, always int) []int {
			list := rnd.Perm(most)[:max(2, rnd.IntN(most+1))]
			if !slices.Contains(list, always) {
				list[rnd.IntN(len(list))] = always
			}
			return list
		}
		lits, dists := random(rnd, some(286, endOfBlock), seed%2 == 0), random(rnd, some(30, 0), seed%3 == 0)
		s, litCodes, distCodes := (&stream{}).dynamic(lits, dists), lits.codes(), dists.codes()
		for v, code := range litCodes {
			if v == endOfBlock {
				continue
			}
			s.code(code, lits[v])
			if v > endOfBlock {
				s.bits(rnd.IntN(32), lengthExtra(v))
				for w := range distCodes {
					s.code(distCodes[w], dists[w]).bits(rnd.IntN(1<<13), max(0, w/2-1))
					break
				}
			}
		}
		s.code(litCodes[endOfBlock], lits[endOfBlock])
		if _, ok := agrees(t, d, s.empty(), document(rnd, 32<<10), 100_000, 70_000); !ok {
			t.Fatalf("seed %d is refused", seed)
		}
	}
}

// lengthExtra is how many extra bits a length has (RFC 1951 3.2.5).
func lengthExtra(v int) int {
	if v < 265 || v == 285 {
		return 0
	}
	return (v - 261) / 4
}

func TestLimitIsExact(t *testing.T) {
	d := inflate.New()
	for _, c := range cases {
		for _, limit := range []int{len(c.want) - 1, len(c.want), len(c.want) + 1} {
			if c.refused || limit < 0 {
				continue
			}
			if p, ok := agrees(t, d, c.src(), []byte(c.history), limit, limit); ok != (limit >= len(c.want)) {
				t.Errorf("%s: taken is %v with a limit of %d for %d; %q", c.name, ok, limit, len(c.want), p)
			}
		}
	}
}

// A message that is cut anywhere is refused, unless what is left is one by itself.
func TestMessagesThatAreCut(t *testing.T) {
	d := inflate.New()
	list := map[string][]byte{"prose": newDeflater(6).message(document(rand.New(rand.NewPCG(1, 1)), 700)), "more": newDeflater(1).message(document(rand.New(rand.NewPCG(1, 2)), 3000))}
	for _, c := range cases {
		list[c.name] = c.src()
	}
	for name, z := range list {
		t.Run(name, func(t *testing.T) {
			for n := range len(z) * 8 {
				cut := bytes.Clone(z[:(n+7)/8])
				if n%8 > 0 {
					cut[n/8] &= 1<<(n%8) - 1
				}
				agrees(t, d, cut, nil, 5000, 5000)
			}
		})
	}
}

func TestCodesOfLengths(t *testing.T) {
	// The code of 1 is 0, of 18 10, of 16 110 and of 17 111.
	one := func(s *stream) *stream { return s.code(0, 1) }
	many := func(s *stream, n int) *stream { return s.code(2, 2).bits(n-11, 7) }
	few := func(s *stream, n int) *stream { return s.code(7, 3).bits(n-3, 3) }
	again := func(s *stream, n int) *stream { return s.code(6, 3).bits(n-3, 2) }
	for name, c := range map[string]struct {
		distances int
		lengths   func(s *stream) *stream
		ok        bool
	}{
		"a literal, the end and a distance":            {1, func(s *stream) *stream { return one(one(one(many(many(s, 138), 117)))) }, true},
		"short runs of zeros, and long ones":           {1, func(s *stream) *stream { return one(one(one(few(few(many(many(s, 138), 104), 3), 10)))) }, true},
		"a repetition goes on with the distances":      {2, func(s *stream) *stream { return again(one(many(many(s, 138), 117)), 3) }, true},
		"a run of zeros goes on with them: no end":     {9, func(s *stream) *stream { return many(one(one(many(many(s, 138), 115))), 11) }, false},
		"a repetition of nothing":                      {1, func(s *stream) *stream { return again(s, 3).bits(0, 300) }, false},
		"a repetition beyond the last":                 {1, func(s *stream) *stream { return again(one(many(many(s, 138), 117)), 3) }, false},
		"zeros beyond the last":                        {1, func(s *stream) *stream { return many(many(s, 138), 138) }, false},
		"a few zeros beyond the last":                  {1, func(s *stream) *stream { return few(one(one(many(many(s, 138), 117))), 3) }, false},
		"exactly as many zeros as there are distances": {3, func(s *stream) *stream { return few(one(one(many(many(s, 138), 117))), 3) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := (&stream{}).bits(0, 1).bits(2, 2).bits(0, 5).bits(c.distances-1, 5).bits(14, 4)
			for _, v := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1} {
				s.bits(map[int]int{1: 1, 18: 2, 16: 3, 17: 3}[v], 3)
			}
			z := c.lengths(s).code(0, 1).code(0, 1).code(1, 1).empty()
			if p, ok := agrees(t, inflate.New(), z, nil, 100, 100); ok != c.ok || ok && string(p) != "\xff\xff" {
				t.Errorf("taken is %v: %q", ok, p)
			}
		})
	}
}

// A Decoder that has failed, or was filled in the middle, takes the next message.
func TestDecoderBeginsAnew(t *testing.T) {
	d := inflate.New()
	for range 2 {
		for _, c := range cases {
			agrees(t, d, c.src(), []byte(c.history), 1000, 10)
			agrees(t, d, c.src(), []byte(c.history), 2, 1)
		}
	}
}
