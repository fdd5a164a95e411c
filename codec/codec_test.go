package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/codec"
)

type Tick struct {
	Symbol string  `json:"symbol"`
	Price  float64 `json:"price"`
}

// failing is a type that JSON cannot encode.
type failing struct{ err error }

func (f failing) MarshalJSON() ([]byte, error) { return nil, f.err }

// check fails unless err is a *codec.Error with the given fields and a cause.
func check(t *testing.T, err error, op, typ, data string) {
	t.Helper()
	var e *codec.Error
	switch {
	case !errors.As(err, &e):
		t.Fatalf("error %v (%T), want a *codec.Error", err, err)
	case e.Op != op || e.Type != typ || string(e.Data) != data:
		t.Errorf("Op %q, Type %q, Data %q; want %q, %q, %q", e.Op, e.Type, e.Data, op, typ, data)
	case e.Err == nil || errors.Unwrap(err) != e.Err:
		t.Errorf("Err %v, Unwrap %v", e.Err, errors.Unwrap(err))
	}
	if want := "codec: " + op + " " + typ + ": " + e.Err.Error(); err.Error() != want || strings.Count(want, "codec:") != 1 {
		t.Errorf("text %q, want %q with one prefix", err, want)
	}
}

func TestJSONDecodesExactlyOneValue(t *testing.T) {
	for _, c := range []struct {
		name, in      string
		loose, strict bool // whether it is accepted
	}{
		{"a value", `{"symbol":"A","price":1}`, true, true},
		{"white space around it", " \t\r\n{\"symbol\":\"A\",\"price\":1} \t\r\n", true, true},
		{"a missing field is zero", `{"symbol":"A"}`, true, true},
		{"an unknown field", `{"symbol":"A","size":1}`, true, false},
		{"an unknown field, then one that is known", `{"size":1,"symbol":"A"}`, true, false},
		{"empty input", "", false, false},
		{"only white space", " \t\r\n", false, false},
		{"a second value", `{"symbol":"A"}{"symbol":"B"}`, false, false},
		{"a second value after a newline", "{\"symbol\":\"A\"}\n{}", false, false},
		{"garbage after the value", `{"symbol":"A"}x`, false, false},
		{"a bracket after the value", `{"symbol":"A"}]`, false, false},
		{"a comma after the value", `{"symbol":"A"},`, false, false},
		{"a NUL after the value", "{\"symbol\":\"A\"}\x00", false, false},
		{"a value cut short", `{"symbol":"A"`, false, false},
		{"a wrong type", `{"symbol":"A","price":"x"}`, false, false},
		{"not JSON", `hello`, false, false},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, strict %v", c.name, strict), func(t *testing.T) {
				want := c.loose
				if strict {
					want = c.strict
				}
				got, err := codec.JSON[Tick]{Strict: strict}.Decode([]byte(c.in))
				if !want {
					check(t, err, "decode", "codec_test.Tick", c.in)
					if got != (Tick{}) {
						t.Errorf("got %+v with the error, want the zero value", got)
					}
				} else if err != nil || got.Symbol != "A" {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
	}
}

func TestAnEmptyMessageIsNoEndOfFile(t *testing.T) {
	// A loop that reads until io.EOF would take it for the end of the stream.
	_, err := codec.JSON[Tick]{Strict: true}.Decode(nil)
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v, want an error that is not io.EOF", err)
	}
}

func TestJSONDecodeDoesNotAliasItsInput(t *testing.T) {
	for _, strict := range []bool{false, true} {
		src := []byte(`{"symbol":"ABC"}`)
		got, err := codec.JSON[Tick]{Strict: strict}.Decode(src)
		clear(src)
		if err != nil || got.Symbol != "ABC" {
			t.Errorf("strict %v: %+v, %v after the input was overwritten", strict, got, err)
		}
	}
}

func TestAppendAppends(t *testing.T) {
	// The capacity is there, so that an Append which writes from the start, or
	// returns a slice of its own, is seen.
	dst := append(make([]byte, 0, 256), "kept "...)
	for _, c := range []struct {
		name string
		run  func() ([]byte, error)
		want string
	}{
		{"JSON", func() ([]byte, error) { return codec.JSON[Tick]{}.Append(dst, Tick{"A", 1.5}) }, `kept {"symbol":"A","price":1.5}`},
		{"Text", func() ([]byte, error) { return codec.Text{}.Append(dst, "héllo") }, "kept héllo"},
		{"Text, empty", func() ([]byte, error) { return codec.Text{}.Append(dst, "") }, "kept "},
		{"Bytes", func() ([]byte, error) { return codec.Bytes{}.Append(dst, []byte{0xff, 0}) }, "kept \xff\x00"},
	} {
		if got, err := c.run(); string(got) != c.want || err != nil || &got[0] != &dst[0] {
			t.Errorf("%s: %q, %v; want %q in the same array", c.name, got, err, c.want)
		}
	}
}

func TestAFailedAppendLeavesDstAsItWas(t *testing.T) {
	dst := append(make([]byte, 0, 256), "kept"...)
	same := func(got []byte) {
		t.Helper()
		if string(got) != "kept" || &got[0] != &dst[0] || cap(got) != cap(dst) {
			t.Errorf("dst became %q", got)
		}
	}
	got, err := codec.JSON[failing]{}.Append(dst, failing{io.ErrNoProgress})
	same(got)
	check(t, err, "append", "codec_test.failing", "")
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v does not wrap its cause", err)
	}
	got, err = codec.JSON[json.RawMessage]{}.Append(dst, json.RawMessage("\"\xff\""))
	same(got)
	check(t, err, "append", "json.RawMessage", "\"\xff\"")
	got, err = codec.Text{}.Append(dst, "a\xff")
	same(got)
	check(t, err, "append", "string", "a\xff")
}

func TestTextDecodeChecksUTF8(t *testing.T) {
	for _, c := range []struct {
		name, in string
		ok       bool
	}{
		{"plain", "hello", true},
		{"empty", "", true},
		{"beyond ASCII", "κόσμε 🌍", true},
		{"a NUL", "a\x00b", true},
		{"a lone continuation", "\x80", false},
		{"cut in the middle of a character", "κόσμ\xce", false},
		{"an overlong form", "\xc0\xaf", false},
		{"a surrogate", "\xed\xa0\x80", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := []byte(c.in)
			got, err := codec.Text{}.Decode(src)
			clear(src)
			if !c.ok {
				check(t, err, "decode", "string", c.in)
				if got != "" {
					t.Errorf("got %q with the error", got)
				}
			} else if got != c.in || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, c.in)
			}
		})
	}
}

func TestBytesDecodeCopies(t *testing.T) {
	src := []byte{1, 2, 0xff}
	got, err := codec.Bytes{}.Decode(src)
	clear(src)
	if !bytes.Equal(got, []byte{1, 2, 0xff}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := (codec.Bytes{}).Decode(nil); got == nil || len(got) != 0 || err != nil {
		t.Errorf("of nothing: %#v, %v; want an empty slice that is not nil", got, err)
	}
}

func TestOnlyBytesIsBinary(t *testing.T) {
	if (codec.JSON[int]{}).Binary() || (codec.Text{}).Binary() || !(codec.Bytes{}).Binary() {
		t.Error("JSON and Text are text, Bytes is binary")
	}
}

func TestErrorKeepsACopyOfTheFirst128Bytes(t *testing.T) {
	src := bytes.Repeat([]byte{'x'}, 1000)
	_, err := codec.JSON[any]{}.Decode(src)
	src[0] = 'y'
	check(t, err, "decode", "interface {}", strings.Repeat("x", 128))
	if e := err.(*codec.Error); cap(e.Data) > 256 {
		t.Errorf("Data pins %d bytes", cap(e.Data))
	}
	_, err = codec.Text{}.Append(nil, strings.Repeat("\xff", 1000))
	check(t, err, "append", "string", strings.Repeat("\xff", 128))
}

func TestErrorTextDoesNotHoldThePayload(t *testing.T) {
	_, err := codec.Text{}.Decode([]byte("secret\xff"))
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q holds the payload", err)
	}
}
