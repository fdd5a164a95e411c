package wsclient_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// What the messages of sections 12 and 13 are made of: the list's five kinds, in
// contents of our own. They are the same in each run.

// A content is so much of one kind that messages of 128 KiB differ.
type content struct {
	name string
	op   ws.OpCode
	all  []byte
}

const contentSize = 320 << 10

func contents() []content {
	return []content{
		{"JSON", ws.OpText, jsonText()},
		{"bitmap", ws.OpBinary, bitmap()},
		{"German prose", ws.OpBinary, germanProse()},
		{"HTML", ws.OpText, htmlText()},
		{"PDF", ws.OpBinary, pdf()},
	}
}

// message is the n-th of size octets, of text of size characters.
func (c content) message(n, size int) []byte {
	if c.op != ws.OpText {
		at := n * chop % (len(c.all) - size)
		return c.all[at : at+size]
	}
	at := n * chop % (len(c.all) / 4)
	for !utf8.RuneStart(c.all[at]) {
		at++
	}
	end := at
	for range size {
		_, width := utf8.DecodeRune(c.all[end:])
		end += width
	}
	return c.all[at:end:end]
}

// written is what write writes until it is enough.
func written(write func(b *bytes.Buffer, r *rand.Rand)) []byte {
	var b bytes.Buffer
	for r := rand.New(rand.NewPCG(7692, 1951)); b.Len() < contentSize; {
		write(&b, r)
	}
	return b.Bytes()
}

func pick(r *rand.Rand, words string) string {
	all := strings.Fields(words)
	return all[r.IntN(len(all))]
}

func jsonText() []byte {
	return written(func(b *bytes.Buffer, r *rand.Rand) {
		fmt.Fprintf(b, `{"id":%d,"symbol":%q,"side":%q,"price":"%d.%02d","size":%d,"note":%q,"tags":["%s","%s"]},`+"\n",
			b.Len(), pick(r, "BTC-EUR ETH-EUR SOL-EUR ADA-EUR"), pick(r, "buy sell"), 100+r.IntN(900), r.IntN(100), 1+r.IntN(50),
			pick(r, "größer κόσμε naïve 𝄞 plain none"), pick(r, "spot margin limit"), pick(r, "maker taker"))
	})
}

// bitmap is lines of 64 pixels in three octets: areas, and edges that wander.
func bitmap() []byte {
	line := 0
	return append([]byte("BM6\x00\x0c\x00\x00\x00\x00\x006\x00\x00\x00(\x00\x00\x00"), written(func(b *bytes.Buffer, r *rand.Rand) {
		edge := 16 + (line>>3)%32 + r.IntN(2)
		for x := range 64 {
			if x < edge {
				b.Write([]byte{0xff, 0xfe, byte(line >> 6)})
			} else {
				b.Write([]byte{0x10, byte(x), 0x80})
			}
		}
		line++
	})...)
}

// germanProse is in ISO 8859-1, and so not UTF-8.
func germanProse() []byte {
	return written(func(b *bytes.Buffer, r *rand.Rand) {
		sentence := fmt.Sprintf("Der %s %s %s über die %s %s; so %s es ihm schön.\r\n",
			pick(r, "müde alte späte frühe junge große"), pick(r, "Wanderer Schüler Müller Träumer König Bote"),
			pick(r, "ging sah lief blickte zog schlüpfte"), pick(r, "stille weiße öde dunkle lange kühle"),
			pick(r, "Brücke Straße Höhe Wüste Wiese Düne Halde"), pick(r, "schien klang war blieb wäre dünkte"))
		for _, v := range sentence {
			b.WriteByte(byte(v))
		}
	})
}

func htmlText() []byte {
	return written(func(b *bytes.Buffer, r *rand.Rand) {
		n := r.IntN(1000)
		fmt.Fprintf(b, "<div class=%q id=\"row-%d\">\n  <a href=\"/wiki/%s/%d\" title=\"%s – Übersicht\">%s</a> <em>%s</em>\n</div>\n",
			pick(r, "odd even first last"), b.Len(), pick(r, "Sockets Frames Masken"), n,
			pick(r, "Öffnen Schließen Übertragen"), pick(r, "lesen schreiben prüfen"), pick(r, "neu alt")) // not well formed where it is cut
	})
}

// pdf is text between streams that are compressed already.
func pdf() []byte {
	object := 0
	return append([]byte("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), written(func(b *bytes.Buffer, r *rand.Rand) {
		object++
		fmt.Fprintf(b, "%d 0 obj\n<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %d 842] /Resources << /Font << /F1 7 0 R >> >> >>\nendobj\n", object, object/8+1, 500+r.IntN(96))
		object++
		fmt.Fprintf(b, "%d 0 obj\n<< /Length 200 /Filter /FlateDecode >>\nstream\n", object)
		for range 200 {
			b.WriteByte(byte(r.Uint32()))
		}
		b.WriteString("\nendstream\nendobj\n")
	})...)
}
