package wsclient_test

import (
	"fmt"
	"os"
	"slices"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// Sections 9 and 10: size and number. All of it takes half a second. The race
// detector makes that ten, so under it an eighth has to do, unless
// STEADYWS_CONFORMANCE is "full".
func sized(n int) int {
	if raceEnabled && os.Getenv("STEADYWS_CONFORMANCE") != "full" {
		return n / 8
	}
	return n
}

// thinned are all cases, or, where all of it is too much, a seventh of them.
func thinned(cases []wireCase) (some []wireCase) {
	for i, c := range cases {
		if i%7 == 0 || sized(8) == 8 {
			some = append(some, c)
		}
	}
	return some
}

func limitCases() (cases []wireCase) {
	kinds := []struct {
		op   ws.OpCode
		name string
		fill func(int) []byte
	}{{ws.OpText, "text", filler}, {ws.OpBinary, "binary", noise}}
	for k, kind := range kinds {
		whole := func(n int) testserver.Frame {
			return testserver.Frame{Fin: true, Op: kind.op, Payload: kind.fill(n)}
		}
		add := func(group, i int, name string, steps []wireStep, want ...testserver.Frame) {
			c := clean(fmt.Sprintf("9.%d.%d", group+k, i+1), kind.name+" "+name, steps, want...)
			c.only = asListed
			cases = append(cases, c)
		}
		for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			f := whole(sized(n))
			add(1, i, fmt.Sprintf("of %d KiB", n>>10), each(f), f)
		}
		fragmentSize := 64
		for i := range 9 {
			f := whole(sized(4 << 20))
			add(3, i, fmt.Sprintf("of 4 MiB in fragments of %d", fragmentSize), []wireStep{{frames: fragmented(kind.op, f.Payload, fragmentSize)}}, f)
			fragmentSize *= 4
		}
		for i := range 6 {
			f, size := whole(sized(1<<20)), 64<<i
			var steps []wireStep
			for b := range slices.Chunk(testserver.Encode(f), size) {
				steps = append(steps, wireStep{raw: b, pause: tick})
			}
			add(5, i, fmt.Sprintf("of 1 MiB in chops of %d", size), steps, f)
		}
		for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
			var steps []wireStep
			trips := slices.Repeat([]testserver.Frame{whole(n)}, sized(1000))
			for i, f := range trips {
				steps = append(steps, wireStep{frames: []testserver.Frame{f}, await: i}) // the echo of the one before
			}
			add(7, i, fmt.Sprintf("round trips of %d octets", n), steps, trips...)
		}
	}
	f := testserver.TextFrame(string(filler(65536)))
	return append(cases, clean("10.1.1", "text of 65536 octets in fragments of 1300", each(fragmented(ws.OpText, f.Payload, 1300)...), f))
}
