package codec_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/steadyws/steadyws/codec"
)

func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "null", "1 2", `{"a":[1,2.5,"x",null,true]}`, "{}]", "\"\xff\"", `"\ud800"`, " [] ", "1e999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		was := string(src)
		v, err := codec.JSON[any]{}.Decode(src)
		// What is valid may still not fit: a number too large for a float64.
		tooLarge, _ := errors.AsType[*json.UnmarshalTypeError](err)
		if valid := json.Valid(src); valid != (err == nil || tooLarge != nil) {
			t.Fatalf("%q: %v, but valid is %v", src, err, valid)
		}
		strict, strictErr := codec.JSON[any]{Strict: true}.Decode(src)
		if (err == nil) != (strictErr == nil) || !reflect.DeepEqual(v, strict) {
			t.Fatalf("%q: %v, %v; strict %v, %v", src, v, err, strict, strictErr)
		}
		if string(src) != was {
			t.Fatal("Decode changed its input")
		}
		if err != nil {
			return
		}
		p, err := codec.JSON[any]{}.Append([]byte("x"), v)
		if err != nil || p[0] != 'x' || !utf8.Valid(p) {
			t.Fatalf("append %v: %q, %v", v, p, err)
		}
		again, err := codec.JSON[any]{Strict: true}.Decode(p[1:])
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("%v became %v, %v", v, again, err)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "hello", "κόσμε", "\xff", "a\xc0\xaf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := codec.Text{}.Append([]byte("x"), s)
		if (err == nil) != utf8.ValidString(s) {
			t.Fatalf("append %q: %v", s, err)
		}
		got, decodeErr := codec.Text{}.Decode([]byte(s))
		if (decodeErr == nil) != (err == nil) {
			t.Fatalf("%q: append %v, decode %v", s, err, decodeErr)
		}
		if err != nil {
			if string(p) != "x" || got != "" {
				t.Fatalf("%q: %q, %q with an error", s, p, got)
			}
			return
		}
		if string(p) != "x"+s || got != s {
			t.Fatalf("%q became %q, %q", s, p, got)
		}
	})
}
