package codec_test

import (
	"errors"
	"fmt"

	"github.com/steadyws/steadyws/codec"
)

func ExampleJSON() {
	type trade struct {
		Symbol string  `json:"symbol"`
		Price  float64 `json:"price"`
	}
	trades := codec.JSON[trade]{}

	payload, err := trades.Append(nil, trade{"BTC-USD", 64250.5})
	fmt.Println(string(payload), err)

	got, err := trades.Decode([]byte(`{"symbol":"ETH-USD","price":3120.25,"venue":"x"}`))
	fmt.Println(got.Symbol, got.Price, err)

	// One bad message says nothing about the next.
	_, err = trades.Decode([]byte(`{"symbol":`))
	var bad *codec.Error
	if errors.As(err, &bad) {
		fmt.Printf("cannot %s %q\n", bad.Op, bad.Data)
	}

	_, err = codec.JSON[trade]{Strict: true}.Decode([]byte(`{"symbol":"ETH-USD","venue":"x"}`))
	fmt.Println(err)

	// Output:
	// {"symbol":"BTC-USD","price":64250.5} <nil>
	// ETH-USD 3120.25 <nil>
	// cannot decode "{\"symbol\":"
	// codec: decode codec_test.trade: json: unknown field "venue"
}
