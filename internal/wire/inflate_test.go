package wire_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// These tests compress with the standard library, the Reader inflates with
// another.

var (
	contexts   = &wire.Deflate{ServerBits: 15, ClientBits: 15}
	noContexts = &wire.Deflate{ServerNoContext: true, ClientNoContext: true, ServerBits: 15, ClientBits: 15}
)

// A deflater compresses messages as a server does (RFC 7692 7.2.1).
type deflater struct {
	b       bytes.Buffer
	w       *flate.Writer
	context bool
}

func newDeflater(level int, context bool) *deflater {
	d := &deflater{context: context}
	d.w, _ = flate.NewWriter(&d.b, level)
	return d
}

func (d *deflater) message(s string) string {
	if d.b.Reset(); !d.context {
		d.w.Reset(&d.b)
	}
	d.w.Write([]byte(s))
	d.w.Flush()
	return strings.TrimSuffix(d.b.String(), "\x00\x00\xff\xff")
}

// final compresses s in a stream that ends (BFINAL).
func final(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

const rsv1 = 4

func packed(op ws.OpCode, z string) frame { return frame{op: op, rsv: rsv1, p: z} }

// inThree is a compressed message in three fragments with a ping between.
func inThree(op ws.OpCode, z string) []byte {
	a, b := len(z)/3, len(z)/2
	return join(frame{op: op, rsv: rsv1, more: true, p: z[:a]}, ping("p"), more(z[a:b]), last(z[b:]))
}

func prose(n int) string {
	var b strings.Builder
	rnd := rand.New(rand.NewPCG(1, 2))
	for b.Len() < n {
		fmt.Fprintf(&b, `{"symbol":"%c%c-USD","price":%d.%02d,"sch\u00f6n":true},`, 'A'+rnd.IntN(26), 'A'+rnd.IntN(26), rnd.IntN(10000), rnd.IntN(100))
	}
	return strings.ToValidUTF8(b.String()[:n], "?")
}

func noise(n int) string {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return string(b)
}

func TestReaderInflates(t *testing.T) {
	for _, n := range []int{0, 1, 5, 127, 128, 1000, 32 << 10, 70_000, 200_000, 1 << 20} {
		for name, fill := range map[string]func(int) string{"prose": prose, "noise": noise} {
			t.Run(fmt.Sprintf("%d bytes of %s", n, name), func(t *testing.T) {
				op, wireOp := ws.OpText, opText
				if name == "noise" {
					op, wireOp = ws.OpBinary, opBinary
				}
				s := fill(n)
				d := newDeflater(6, true)
				first, second, third := d.message(s), d.message(s), d.message("x"+s)
				data := join(packed(op, first), text("plain"), string(inThree(op, second)), packed(op, third))
				checkPacked(t, anyLimit, contexts, data, got(wireOp, s), got(opText, "plain"), got(opPing, "p"), got(wireOp, s), got(wireOp, "x"+s))
				d = newDeflater(1, false)
				data = join(packed(op, d.message(s)), binary("\x00\x00\xff\xff"), string(inThree(op, d.message(s))))
				checkPacked(t, anyLimit, noContexts, data, got(wireOp, s), got(opBinary, "\x00\x00\xff\xff"), got(opPing, "p"), got(wireOp, s))
			})
		}
	}
}

func TestReaderInflatesWhatEncodersMake(t *testing.T) {
	long := prose(100_000)
	for name, c := range map[string]struct {
		z    string
		want string
	}{
		"an empty message in one octet":             {"\x00", ""},
		"fixed codes":                               {newDeflater(1, false).message("hello"), "hello"},
		"Huffman codes only":                        {newDeflater(flate.HuffmanOnly, false).message(long), long},
		"stored blocks":                             {newDeflater(0, false).message(long), long},
		"a final block, and the octet behind it":    {final("hello") + "\x00", "hello"},
		"a final block, and nothing behind it":      {final("hello"), "hello"},
		"a final block that is the flush itself":    {"\xf2\x48\xcd\xc9\xc9\x07\x04", "Hello"},
		"a final block inside":                      {final("hel") + newDeflater(6, false).message("lo"), "hello"},
		"a final block inside a long one":           {final(long) + newDeflater(6, false).message(long), long + long},
		"final blocks, and more that refers back":   {final("abcdefgh") + final("ijk") + refersBack(11, 8), "abcdefghijkabcdefgh"},
		"RFC 7692 7.2.3.1":                          {"\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		"RFC 7692 7.2.3.3, no compression":          {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"},
		"RFC 7692 7.2.3.4, BFINAL set to 1":         {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"},
		"RFC 7692 7.2.3.5, two blocks in one":       {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"},
		"empty stored blocks without end, a little": {strings.Repeat("\x00\x00\x00\xff\xff", 5000) + "\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			data := join(packed(ws.OpText, c.z), text("next"))
			checkPacked(t, anyLimit, contexts, data, got(opText, c.want), got(opText, "next"))
			data = join(string(inThree(ws.OpText, c.z)), text("next"))
			checkPacked(t, anyLimit, noContexts, data, got(opPing, "p"), got(opText, c.want), got(opText, "next"))
		})
	}
}

func TestOrdinaryMessagesNeedNoLibrary(t *testing.T) {
	for name, agreed := range map[string]*wire.Deflate{"context": contexts, "no context": noContexts} {
		t.Run(name, func(t *testing.T) {
			for level := flate.HuffmanOnly; level <= 9; level++ {
				d := newDeflater(level, agreed == contexts)
				n := wire.Again(func() {
					for _, n := range []int{0, 1, 100, 1000, 5000, 20_000} {
						s := prose(n)
						data := join(packed(ws.OpText, d.message(s)), string(inThree(ws.OpText, d.message(s))))
						checkPacked(t, 20_000, agreed, data, got(opText, s), got(opPing, "p"), got(opText, s))
						d = newDeflater(level, agreed == contexts)
					}
				})
				if n > 0 {
					t.Errorf("level %d: the library was asked", level)
				}
			}
		})
	}
	if n := wire.Again(func() {
		checkPacked(t, anyLimit, contexts, join(packed(ws.OpText, final("hello"))), got(opText, "hello"))
	}); n == 0 {
		t.Error("the library was not asked for a final block")
	}
}

// refersBack is a message that copies n bytes from distance bytes back, in a
// block with fixed codes.
func refersBack(distance, n int) string {
	var b bytes.Buffer
	w, _ := flate.NewWriterDict(&b, 9, []byte(strings.Repeat("\xff", 10) + "abcdefghijk")[21-distance:])
	w.Write([]byte("abcdefghijk"[:n]))
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

func TestReaderFailsOnInvalidCompressedData(t *testing.T) {
	whole := newDeflater(6, false).message(prose(100_000))
	for name, z := range map[string]string{
		"nothing":                                  "",
		"garbage":                                  "\xff\xff\xff\xff",
		"a reserved block type":                    "\x06",
		"a stored block of a wrong length":         "\x00\x05\x00\x00\x00hello",
		"a stored block that is cut":               "\x00\x05\x00\xfa\xffhel",
		"a block that is cut":                      whole[:len(whole)/2],
		"a block that is cut early":                whole[:40],
		"a reference to before the beginning":      refersBack(11, 8),
		"more final blocks than make sense":        strings.Repeat(final("a"), 300),
		"a long message that breaks in its middle": whole[:len(whole)-100] + strings.Repeat("\xff", 200),
		"garbage behind a final block":             final("hello") + "\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			checkPacked(t, anyLimit, contexts, join(packed(ws.OpBinary, z), text("next")), fails(1007))
			checkPacked(t, anyLimit, contexts, join(string(inThree(ws.OpBinary, z)), text("next")), got(opPing, "p"), fails(1007))
		})
	}
	t.Run("text that is not UTF-8", func(t *testing.T) {
		for _, s := range []string{"\xff", "\xce", prose(1000) + "\xed\xa0\x80", prose(500_000) + "\xce"} {
			z := newDeflater(6, false).message(s)
			checkPacked(t, anyLimit, noContexts, join(packed(ws.OpText, z), text("next")), fails(1007))
			checkPacked(t, anyLimit, noContexts, join(string(inThree(ws.OpText, z)), text("next")), got(opPing, "p"), fails(1007))
		}
	})
	t.Run("a reference across messages that were to be without context", func(t *testing.T) {
		d := newDeflater(6, true)
		data := join(packed(ws.OpText, d.message("hello hello hello")), packed(ws.OpText, d.message("hello hello hello")))
		checkPacked(t, anyLimit, noContexts, data, got(opText, "hello hello hello"), fails(1007))
	})
	t.Run("a reference beyond the agreed window", func(t *testing.T) {
		s := noise(600)
		d := newDeflater(6, true)
		data := join(packed(ws.OpBinary, d.message(s)), packed(ws.OpBinary, d.message(s[:100])))
		small := &wire.Deflate{ServerBits: 9, ClientBits: 15}
		checkPacked(t, anyLimit, contexts, data, got(opBinary, s), got(opBinary, s[:100]))
		checkPacked(t, anyLimit, small, data, got(opBinary, s), fails(1007))
	})
}

func TestReaderFindsRSV1WhereItMustNotBe(t *testing.T) {
	for name, data := range map[string][]byte{
		"on a ping":                            join(frame{op: ws.OpPing, rsv: rsv1, p: "x"}),
		"on a pong":                            join(frame{op: ws.OpPong, rsv: rsv1}),
		"on a Close":                           join(frame{op: ws.OpClose, rsv: rsv1}),
		"on a continuation":                    join(frame{op: ws.OpText, rsv: rsv1, more: true, p: "\x00"}, frame{op: ws.OpContinuation, rsv: rsv1}),
		"on a continuation of a plain message": join(begin(ws.OpText, "a"), frame{op: ws.OpContinuation, rsv: rsv1}),
		"with RSV2":                            join(frame{op: ws.OpText, rsv: rsv1 | 2}),
		"with RSV3":                            join(frame{op: ws.OpText, rsv: rsv1 | 1}),
		"on an unknown opcode":                 join(frame{op: 3, rsv: rsv1}),
		"on a second beginning":                join(begin(ws.OpText, "a"), packed(ws.OpText, "\x00")),
	} {
		t.Run(name, func(t *testing.T) { checkPacked(t, anyLimit, contexts, data, fails(1002)) })
	}
	t.Run("without the extension", func(t *testing.T) {
		check(t, anyLimit, join(packed(ws.OpText, "\x00")), fails(1002))
	})
}

func TestReaderLimitsInflatedMessages(t *testing.T) {
	const limit = 100_000
	zeros := strings.Repeat("\x00", 4<<20)
	for name, c := range map[string]struct {
		s    string
		fits bool
	}{
		"the limit":                        {prose(limit), true},
		"the limit, incompressible":        {noise(limit), true},
		"one more":                         {prose(limit + 1), false},
		"one more, incompressible":         {noise(limit + 1), false},
		"a bomb":                           {zeros, false},
		"a bomb behind what does not look": {noise(50_000) + zeros, false},
	} {
		t.Run(name, func(t *testing.T) {
			want := fails(1009)
			if c.fits {
				want = got(opBinary, c.s)
			}
			z := newDeflater(6, false).message(c.s)
			checkPacked(t, limit, noContexts, join(packed(ws.OpBinary, z)), want)
			events := []event{got(opPing, "p"), want}
			checkPacked(t, limit, noContexts, inThree(ws.OpBinary, z), events...)
		})
	}
	t.Run("no limit at all", func(t *testing.T) {
		s := prose(1 << 20)
		checkPacked(t, math.MaxInt64, noContexts, join(packed(ws.OpText, newDeflater(6, false).message(s))), got(opText, s))
	})
}

// The memory of a message in the making is that of its inflated bytes, up to the
// limit, and a window: compressed bytes are not kept besides.
func TestReaderInflatesWithinItsMemory(t *testing.T) {
	const limit = 2 << 20
	for name, s := range map[string]string{
		"incompressible": noise(limit),
		"a bomb":         strings.Repeat("\x00", 4*limit),
		"a bomb, late":   noise(limit/2) + strings.Repeat("\x00", limit),
	} {
		z := newDeflater(6, false).message(s)
		for _, fragments := range []int{1, 7, 500} {
			t.Run(fmt.Sprintf("%s in %d frames", name, fragments), func(t *testing.T) {
				data := inFragments(z, fragments)
				r := wire.NewReader(limit, nil)
				r.Inflate(noContexts)
				defer r.Close()
				for at := 0; at < len(data); {
					n := copy(r.Buffer(), data[at:])
					r.Advance(n)
					at += n
					op, p, err := r.Next()
					if in, msg := r.Held(); in > wire.ReadSize || msg > limit+64<<10 || r.Packed() > 64<<10 {
						t.Fatalf("%d bytes for reads, %d for a message and %d of what is not inflated are held after %d", in, msg, r.Packed(), at)
					}
					if int64(len(p)) > limit {
						t.Fatalf("a message of %d bytes", len(p))
					}
					if err != nil || op != 0 {
						return
					}
				}
				t.Fatal("no end")
			})
		}
	}
}

func inFragments(z string, n int) (data []byte) {
	for i := range n {
		f := frame{op: ws.OpContinuation, more: i < n-1, p: z[i*len(z)/n : (i+1)*len(z)/n]}
		if i == 0 {
			f.op, f.rsv = ws.OpBinary, rsv1
		}
		data = append(data, f.bytes()...)
	}
	return data
}

func TestReaderRestsWithoutADecoder(t *testing.T) {
	d := newDeflater(6, true)
	r := wire.NewReader(anyLimit, nil)
	r.Inflate(contexts)
	feed(t, r, join(packed(ws.OpText, d.message("hello"))))
	r.Rest()
	held(t, "after a small message", r, 0, 0)
	if n := r.Remembered(); n > 64 {
		t.Errorf("%d bytes are remembered of 5", n)
	}
	for range 100 {
		feed(t, r, join(packed(ws.OpText, d.message(prose(10_000)))))
	}
	r.Rest()
	held(t, "after 1 MB", r, 0, 0)
	if n := r.Remembered(); n > 48<<10 {
		t.Errorf("%d bytes are remembered; the window has 32 KiB", n)
	}
	feed(t, r, join(frame{op: ws.OpText, rsv: rsv1, more: true, p: d.message(prose(500))}))
	r.Rest()
	held(t, "with a fragment", r, 0, 512)
	r.Close()
	held(t, "closed", r, 0, 0)

	r = wire.NewReader(anyLimit, nil)
	r.Inflate(noContexts)
	feed(t, r, join(packed(ws.OpText, newDeflater(6, false).message(prose(10_000)))))
	if n := r.Remembered(); n != 0 {
		t.Errorf("%d bytes are remembered without context", n)
	}
}

// A message that is inflated as it arrives ends with its Reader.
func TestReaderCloseEndsWhatIsBeingInflated(t *testing.T) {
	before := runtime.NumGoroutine() // of other tests some may be ending
	z := newDeflater(6, false).message(noise(200_000))
	for range 10 {
		r := wire.NewReader(anyLimit, nil)
		r.Inflate(noContexts)
		feed(t, r, join(packed(ws.OpBinary, z))[:150_000])
		if !r.Inflating() {
			t.Fatal("it is not inflated as it arrives")
		}
		r.Close()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

// checkPacked is check for a connection that agreed on d.
func checkPacked(t *testing.T, limit int64, d *wire.Deflate, data []byte, want ...event) {
	t.Helper()
	checkReader(t, limit, d, data, want)
}
