package wire_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

const (
	opText   = wire.OpText
	opBinary = wire.OpBinary
	opPing   = wire.OpPing
	opPong   = wire.OpPong
	opClose  = wire.OpClose
)

// anyLimit is larger than all messages here.
const anyLimit = 64 << 20

// tooLong is more than a control frame may have.
var tooLong = strings.Repeat("x", 126)

func TestReaderReadsMessagesOfEverySize(t *testing.T) {
	for _, n := range []int{
		0, 1, 2, 124, 125, 126, 127, 128, 65535, 65536, wire.Straight - 10,
		wire.InPlace - 10, wire.InPlace - 9, wire.ReadSize, 1<<20 + 1,
	} {
		s := strings.Repeat("x", n)
		for op, f := range map[wire.Op]frame{opText: text(s), opBinary: binary(s)} {
			t.Run(fmt.Sprintf("opcode %d of %d bytes between two others", op, n), func(t *testing.T) {
				check(t, anyLimit, join(text("a"), f, binary("b")), got(opText, "a"), got(op, s), got(opBinary, "b"))
			})
		}
		if n < 128 {
			continue
		}
		t.Run(fmt.Sprintf("%d bytes in fragments with a ping between", n), func(t *testing.T) {
			data := join(begin(ws.OpText, s[:n/3]), more(s[n/3:n/2]), ping("p"), last(s[n/2:]), binary("b"))
			check(t, anyLimit, data, got(opPing, "p"), got(opText, s), got(opBinary, "b"))
		})
	}
}

func TestReaderReadsMessagesThatFillItsBuffer(t *testing.T) {
	for _, gap := range []int{0, 1, 2, 3, 9, 10, 11, 17, 18, 125, 126, wire.LeastRoom} {
		t.Run(fmt.Sprintf("a frame begins %d bytes before the end of a read", gap), func(t *testing.T) {
			first, second := strings.Repeat("1", wire.InPlace-4-10), strings.Repeat("2", 300)
			pad := wire.ReadSize - gap - (len(first) + 10) - 4
			data := join(binary(first), binary(strings.Repeat("p", max(pad, 126))), text(second), ping("p"))
			check(t, anyLimit, data, got(opBinary, first), got(opBinary, strings.Repeat("p", max(pad, 126))), got(opText, second), got(opPing, "p"))
		})
	}
}

func TestReaderLeavesPayloadsAlone(t *testing.T) {
	frames := string(join(text("a"), binary("b"), ping(""), closing(1000, ""), "\xff\xff"))
	for _, n := range []int{1, 5, 20, 9000} {
		s := strings.Repeat(frames, n)
		t.Run(fmt.Sprintf("%d bytes that look like frames", len(s)), func(t *testing.T) {
			check(t, anyLimit, join(binary(s)), got(opBinary, s))
			check(t, anyLimit, join(begin(ws.OpBinary, s), more(s), last(s), text("")), got(opBinary, s+s+s), got(opText, ""))
		})
	}
}

func TestReaderFollowsTheFragmentsOfAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want []event
	}{
		"two fragments": {join(begin(ws.OpText, "ab"), last("cd")), []event{got(opText, "abcd")}},
		"five fragments with two pings and a pong between": {
			join(begin(ws.OpBinary, "1"), more("2"), ping("a"), more("3"), ping("b"), frame{op: ws.OpPong, p: "c"}, more("4"), last("5")),
			[]event{got(opPing, "a"), got(opPing, "b"), got(opPong, "c"), got(opBinary, "12345")},
		},
		"three empty fragments":               {join(begin(ws.OpText, ""), more(""), last("")), []event{got(opText, "")}},
		"an empty, a filled, an empty one":    {join(begin(ws.OpText, ""), more("x"), last("")), []event{got(opText, "x")}},
		"a fragmented one behind another":     {join(begin(ws.OpText, "a"), last("b"), begin(ws.OpBinary, "c"), last("d")), []event{got(opText, "ab"), got(opBinary, "cd")}},
		"a whole one behind a fragmented one": {join(begin(ws.OpText, "a"), last("b"), binary("c"), text("d")), []event{got(opText, "ab"), got(opBinary, "c"), got(opText, "d")}},
		"only the beginning":                  {join(begin(ws.OpText, "ab"), more("cd")), nil},
		"a Close between":                     {join(begin(ws.OpText, "ab"), closing(1000, "bye"), last("cd"), text("x")), []event{got(opClose, "\x03\xe8bye")}},
		"an empty ping between":               {join(begin(ws.OpText, "ab"), ping(""), last("cd")), []event{got(opPing, ""), got(opText, "abcd")}},
		"no message ends":                     {join(begin(ws.OpText, "ab"), "\x80"), nil},
	} {
		t.Run(name, func(t *testing.T) { check(t, anyLimit, c.data, c.want...) })
	}
}

// Section 2-5 of the Autobahn list, and what it does not see.
func TestReaderFailsAtTheFirstViolation(t *testing.T) {
	cases := map[string][]byte{
		"a ping of 126 bytes":                     join(ping(tooLong)),
		"a pong of 126 bytes":                     join(frame{op: ws.OpPong, p: tooLong}),
		"a Close of 126 bytes":                    join(frame{op: ws.OpClose, p: tooLong}),
		"the two first bytes of a ping of 126":    []byte("\x89\x7e"),
		"a ping with a 64 bit length":             []byte("\x89\x7f"),
		"a ping in two fragments":                 join(begin(ws.OpPing, "a"), last("b")),
		"a pong in two fragments":                 join(begin(ws.OpPong, "a"), last("b")),
		"a Close without FIN":                     join(begin(ws.OpClose, "")),
		"a masked text":                           []byte("\x81\x81abcd\x00"),
		"a masked empty binary":                   []byte("\x82\x80"),
		"a masked ping":                           []byte("\x89\x80abcd"),
		"a masked binary of 126":                  []byte("\x82\xfe\x00\x7e"),
		"a continuation with nothing to continue": join(last("x")),
		"the same without FIN":                    join(more("x")),
		"a stray continuation after a message":    join(begin(ws.OpText, ""), last(""), last("x"))[4:],
		"a 16 bit length of 125":                  []byte("\x82\x7e\x00\x7d"),
		"a 16 bit length of 0":                    []byte("\x82\x7e\x00\x00"),
		"a 64 bit length of 65535":                []byte("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"),
		"a 64 bit length of 1":                    []byte("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01"),
		"a length with the top bit":               []byte("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"),
		"a length of 64 ones":                     []byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
		"RSV1 on a ping":                          join(frame{op: ws.OpPing, rsv: 4}),
	}
	for rsv := byte(1); rsv < 8; rsv++ {
		for _, op := range []ws.OpCode{ws.OpText, ws.OpBinary, ws.OpPing, ws.OpClose} {
			cases[fmt.Sprintf("RSV %d on opcode %d", rsv, op)] = join(frame{op: op, rsv: rsv, p: "xx"})
		}
	}
	for _, op := range []ws.OpCode{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases[fmt.Sprintf("opcode %d", op)] = join(frame{op: op, p: "x"})
		cases[fmt.Sprintf("opcode %d, empty, without FIN", op)] = join(frame{op: op, more: true})
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			check(t, anyLimit, data, fails(1002))
			// What came before is read first, what comes behind never.
			check(t, anyLimit, join(text("ok"), string(data), ping("no")), got(opText, "ok"), fails(1002))
			check(t, anyLimit, join(begin(ws.OpText, "ok"), last("!"), string(data), text("no")), got(opText, "ok!"), fails(1002))
		})
	}
}

func TestReaderFailsAtAViolationInsideAMessage(t *testing.T) {
	for name, data := range map[string][]byte{
		"a new text inside a message":          join(begin(ws.OpText, "a"), text("b")),
		"a new binary inside a message":        join(begin(ws.OpText, "a"), binary("b")),
		"a new empty binary inside a message":  join(begin(ws.OpText, "a"), binary("")),
		"a new text inside a binary":           join(begin(ws.OpBinary, "a"), text("b")),
		"a new binary inside a binary":         join(begin(ws.OpBinary, "a"), more("b"), binary("c")),
		"a new text inside a text of no bytes": join(begin(ws.OpText, ""), text("b")),
		"both fragments with an opcode":        join(begin(ws.OpText, "a"), begin(ws.OpText, "b")),
		"the same in a message of no bytes":    join(begin(ws.OpBinary, ""), begin(ws.OpBinary, "")),
		"RSV1 on a continuation":               join(begin(ws.OpText, "a"), frame{op: ws.OpContinuation, rsv: 4}),
		"a masked continuation":                join(begin(ws.OpText, "a"), frame{op: ws.OpContinuation, masked: true}),
		"a long text inside a message":         join(begin(ws.OpText, "a"), text(tooLong)),
		"a continuation longer than it must":   join(begin(ws.OpText, "a"), "\x80\x7e\x00\x01b"),
		"a reserved opcode inside a message":   join(begin(ws.OpText, "a"), frame{op: 3}),
		"a fragmented control frame inside it": join(begin(ws.OpText, "a"), begin(ws.OpPing, "")),
	} {
		t.Run(name, func(t *testing.T) {
			check(t, anyLimit, data, fails(1002))
			check(t, anyLimit, join(binary("ok"), string(data), text("no")), got(opBinary, "ok"), fails(1002))
		})
	}
}

func TestReaderIgnoresWhatFollowsAClose(t *testing.T) {
	for name, behind := range map[string][]byte{
		"nothing": nil, "a Close": join(closing(1001, "")), "a ping": join(ping("")), "a text": join(text("x")),
		"garbage": []byte("\xff\xff\xff\xff"), "a megabyte": join(binary(strings.Repeat("x", 1<<20))),
	} {
		t.Run(name, func(t *testing.T) {
			check(t, anyLimit, join(text("a"), closing(1000, ""), string(behind)), got(opText, "a"), got(opClose, "\x03\xe8"))
		})
	}
}

func TestReaderLimitsMessages(t *testing.T) {
	s := func(n int) string { return strings.Repeat("x", n) }
	for _, limit := range []int{0, 1, 2, 10, 124, 125, 126, 65535, 65536, 130_000} {
		for name, c := range map[string]struct {
			data []byte
			want []event
		}{
			"a binary of the limit":        {join(binary(s(limit))), []event{got(opBinary, s(limit))}},
			"a text of the limit":          {join(text(s(limit))), []event{got(opText, s(limit))}},
			"a binary of one byte more":    {join(binary(s(limit + 1))), []event{fails(1009)}},
			"a text of one byte more":      {join(text(s(limit + 1))), []event{fails(1009)}},
			"a first fragment of one more": {join(begin(ws.OpText, s(limit+1))), []event{fails(1009)}},
			"fragments up to the limit":    {join(begin(ws.OpText, s(limit/2)), more(""), last(s(limit-limit/2))), []event{got(opText, s(limit))}},
			"fragments of one byte more":   {join(begin(ws.OpText, s(limit/2)), more(s(limit-limit/2)), last("x")), []event{fails(1009)}},
			"again after a long message":   {join(begin(ws.OpText, s(limit)), last(""), begin(ws.OpText, s(limit)), last("")), []event{got(opText, s(limit)), got(opText, s(limit))}},
			"a ping is no message":         {join(ping(s(125))), []event{got(opPing, s(125))}},
			"nor is it part of one":        {join(begin(ws.OpText, s(limit)), ping(s(125)), last("")), []event{got(opPing, s(125)), got(opText, s(limit))}},
		} {
			t.Run(fmt.Sprintf("%s, limit %d", name, limit), func(t *testing.T) { check(t, int64(limit), c.data, c.want...) })
		}
	}
	t.Run("a header that declares too much is enough", func(t *testing.T) {
		check(t, 100, join(frame{op: ws.OpBinary, declared: 1 << 40}), fails(1009))
		check(t, math.MaxInt64-1, join(frame{op: ws.OpBinary, declared: math.MaxInt64}), fails(1009))
		check(t, 100, join(begin(ws.OpText, "a"), frame{op: ws.OpContinuation, declared: math.MaxInt64}), fails(1009))
	})
	t.Run("no limit is no limit", func(t *testing.T) {
		check(t, math.MaxInt64, join(frame{op: ws.OpBinary, declared: math.MaxInt64, p: s(300_000)}))
		check(t, math.MaxInt64, join(begin(ws.OpText, "a"), frame{op: ws.OpContinuation, declared: math.MaxInt64 - 1, p: s(300_000)}))
	})
}
