package heartbeat_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

func TestPolicyDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		p                 heartbeat.Policy
		interval, timeout time.Duration
		off, passive      bool
	}{
		"the zero value":      {heartbeat.Policy{}, 15 * second, 10 * second, false, false},
		"only an Interval":    {heartbeat.Policy{Interval: 3}, 3, 10 * second, false, false},
		"only a Timeout":      {heartbeat.Policy{Timeout: 3}, 15 * second, 3, false, false},
		"Off":                 {heartbeat.Off, -1, 10 * second, true, false},
		"any negative is off": {heartbeat.Policy{Interval: -time.Hour}, -time.Hour, 10 * second, true, false},
		"Expect":              {heartbeat.Policy{Probe: heartbeat.Expect(nil)}, 15 * time.Second, 10 * time.Second, false, true},
		"Passive":             {heartbeat.Policy{Probe: heartbeat.Passive}, 15 * second, 10 * second, false, true},
		"a text":              {heartbeat.Policy{Probe: heartbeat.Text("a", "b")}, 15 * second, 10 * second, false, false},
	} {
		if p := c.p.WithDefaults(); p.Interval != c.interval || p.Timeout != c.timeout || p.IsOff() != c.off || p.IsPassive() != c.passive {
			t.Errorf("%s: %v, %v, off %v, passive %v", name, p.Interval, p.Timeout, p.IsOff(), p.IsPassive())
		}
	}
}

func TestPolicyValidation(t *testing.T) {
	send, match := func(uint64) (bool, []byte) { return true, nil }, func(uint64, bool, []byte) bool { return true }
	value := func(v any) func(uint64) any { return func(uint64) any { return v } }
	answer := func(uint64, map[string]any) bool { return true }
	reply := func(bool, []byte) ([]byte, bool) { return nil, false }
	text := func() heartbeat.Probe { return heartbeat.Text("", "") }
	beat := heartbeat.Expect(func(bool, []byte) bool { return true })
	for name, c := range map[string]struct {
		p     heartbeat.Policy
		field string
	}{
		"the zero value":                 {heartbeat.Policy{}, ""},
		"Off":                            {heartbeat.Off, ""},
		"Passive":                        {heartbeat.Policy{Probe: heartbeat.Passive}, ""},
		"a negative Timeout":             {heartbeat.Policy{Timeout: -1}, "Timeout"},
		"Text":                           {heartbeat.Policy{Probe: heartbeat.Text("", "")}, ""},
		"Func":                           {heartbeat.Policy{Probe: heartbeat.Func(send, match)}, ""},
		"Func without send":              {heartbeat.Policy{Probe: heartbeat.Func(nil, match)}, "Probe"},
		"Func without match":             {heartbeat.Policy{Probe: heartbeat.Func(send, nil)}, "Probe"},
		"JSON":                           {heartbeat.Policy{Probe: heartbeat.JSON(value("x"), answer)}, ""},
		"JSON without send":              {heartbeat.Policy{Probe: heartbeat.JSON(nil, answer)}, "Probe"},
		"JSON without match":             {heartbeat.Policy{Probe: heartbeat.JSON(value("x"), nil)}, "Probe"},
		"100 Misses":                     {heartbeat.Policy{Misses: 100}, ""},
		"101 Misses":                     {heartbeat.Policy{Misses: 101}, "Misses"},
		"negative Misses":                {heartbeat.Policy{Misses: -1}, "Misses"},
		"Passive with Misses":            {heartbeat.Policy{Probe: heartbeat.Passive, Misses: 2}, "Misses"},
		"Passive with one Miss":          {heartbeat.Policy{Probe: heartbeat.Passive, Misses: 1}, ""},
		"Passive and Fixed":              {heartbeat.Policy{Probe: heartbeat.Passive, Fixed: true}, "Fixed"},
		"Expect with Jitter":             {heartbeat.Policy{Probe: beat, Jitter: true}, "Jitter"},
		"Passive and AnswersOnly":        {heartbeat.Policy{Probe: heartbeat.Passive, AnswersOnly: true}, "AnswersOnly"},
		"Expect and AnswersOnly":         {heartbeat.Policy{Probe: beat, AnswersOnly: true}, ""},
		"Expect nothing":                 {heartbeat.Policy{Probe: heartbeat.Expect(nil)}, "Probe"},
		"a ping and all of it":           {heartbeat.Policy{Fixed: true, Jitter: true, AnswersOnly: true, Misses: 3}, ""},
		"Reply":                          {heartbeat.Policy{Reply: reply}, ""},
		"Reply, Visible":                 {heartbeat.Policy{Reply: reply, Visible: true}, ""},
		"Reply under Off":                {heartbeat.Policy{Interval: -1, Reply: reply}, ""},
		"Visible without Reply":          {heartbeat.Policy{Visible: true}, "Visible"},
		"Stateful":                       {heartbeat.Policy{Probe: heartbeat.Stateful(text)}, ""},
		"Stateful without start":         {heartbeat.Policy{Probe: heartbeat.Stateful(nil)}, "Probe"},
		"Stateful of Passive":            {heartbeat.Policy{Probe: heartbeat.Stateful(func() heartbeat.Probe { return heartbeat.Passive })}, "Probe"},
		"Stateful of a half Func":        {heartbeat.Policy{Probe: heartbeat.Stateful(func() heartbeat.Probe { return heartbeat.Func(send, nil) })}, "Probe"},
		"JSON of what cannot be encoded": {heartbeat.Policy{Probe: heartbeat.JSON(value(make(chan int)), answer)}, "Probe"},
	} {
		if field, err := c.p.Validate(); field != c.field || (err != nil) != (field != "") {
			t.Errorf("%s: %q, %v; want %q", name, field, err, c.field)
		}
	}
}

func TestTextProbe(t *testing.T) {
	p := heartbeat.Text("ping", "pong")
	for seq := range uint64(3) {
		if text, data := heartbeat.Send(p, seq); !text || string(data) != "ping" {
			t.Errorf("probe %d is %q, text %v", seq, data, text)
		}
	}
	_, one := heartbeat.Send(p, 1)
	one[0] = 'x'
	if _, two := heartbeat.Send(p, 2); string(two) != "ping" {
		t.Errorf("a change of one probe's bytes became %q in the next", two)
	}
	for name, c := range map[string]struct {
		text  bool
		data  string
		match bool
	}{
		"the answer":        {true, "pong", true},
		"as binary":         {false, "pong", false},
		"something more":    {true, "pong ", false},
		"something less":    {true, "pon", false},
		"nothing":           {true, "", false},
		"the probe itself":  {true, "ping", false},
		"of other case":     {true, "PONG", false},
		"another's message": {true, `{"x":1}`, false},
	} {
		if heartbeat.Match(p, 1, c.text, []byte(c.data)) != c.match {
			t.Errorf("%s: match is %v", name, !c.match)
		}
	}
}

func TestFuncProbe(t *testing.T) {
	p := heartbeat.Func(
		func(seq uint64) (bool, []byte) { return seq%2 == 0, fmt.Append(nil, seq) },
		func(seq uint64, text bool, data []byte) bool { return !text && string(data) == fmt.Sprint(seq) })
	if text, data := heartbeat.Send(p, 7); text || string(data) != "7" {
		t.Errorf("got %q, text %v", data, text)
	}
	if text, _ := heartbeat.Send(p, 8); !text {
		t.Error("probe 8 is no text")
	}
	if !heartbeat.Match(p, 7, false, []byte("7")) || heartbeat.Match(p, 8, false, []byte("7")) || heartbeat.Match(p, 7, true, []byte("7")) {
		t.Error("match does not get what was received")
	}
}

func TestJSONProbe(t *testing.T) {
	asked := 0
	p := heartbeat.JSON(
		func(id uint64) any { return map[string]any{"op": "ping", "id": id} },
		func(id uint64, answer map[string]any) bool {
			asked++
			return answer["id"] == float64(id)
		})
	if text, data := heartbeat.Send(p, 3); !text || string(data) != `{"id":3,"op":"ping"}` {
		t.Errorf("probe 3 is %q, text %v", data, text)
	}
	for name, c := range map[string]struct {
		data  string
		asked bool // it is an object
		match bool
	}{
		"the answer":                  {`{"id":3,"op":"pong"}`, true, true},
		"with space around":           {" \t\r\n{ \"id\" : 3 } \n", true, true},
		"another's answer":            {`{"id":4}`, true, false},
		"an id of another type":       {`{"id":"3"}`, true, false},
		"an id that is an object":     {`{"id":{}}`, true, false},
		"no id":                       {`{}`, true, false},
		"null":                        {`null`, false, false},
		"an array":                    {`[{"id":3}]`, false, false},
		"a number":                    {`3`, false, false},
		"a string":                    {`"{}"`, false, false},
		"nothing":                     {"", false, false},
		"no JSON":                     {"pong", false, false},
		"half an object":              {`{"id":3`, false, false},
		"two objects":                 {`{"id":3}{"id":3}`, false, false},
		"an object and something":     {`{"id":3} x`, false, false},
		"an object that begins wrong": {`{id:3}`, false, false},
		"binary noise":                {"{\x00\xff", false, false},
	} {
		for _, text := range []bool{true, false} {
			asked = 0
			if got := heartbeat.Match(p, 3, text, []byte(c.data)); got != c.match || (asked == 1) != c.asked {
				t.Errorf("%s, text %v: match is %v, asked %d times", name, text, got, asked)
			}
		}
	}
	late := heartbeat.JSON(func(id uint64) any {
		if id == 2 {
			return func() {}
		}
		return id
	}, func(uint64, map[string]any) bool { return false })
	if field, err := (heartbeat.Policy{Probe: late}).Validate(); err != nil {
		t.Errorf("%s: %v", field, err)
	}
	defer func() {
		if s := fmt.Sprint(recover()); !strings.Contains(s, "JSON probe 2") {
			t.Errorf("a value that cannot be encoded: %s", s)
		}
	}()
	heartbeat.Send(late, 2)
}

func TestPingPayload(t *testing.T) {
	p := heartbeat.AppendPayload([]byte("x"), 0x01020304, 0xa0b0c0d0)
	if !bytes.Equal(p, []byte("x\x01\x02\x03\x04\xa0\xb0\xc0\xd0")) || len(p)-1 != heartbeat.PayloadSize {
		t.Fatalf("got %x", p)
	}
	p = p[1:]
	if seq, ok := heartbeat.ParsePayload(p, 0x01020304); !ok || seq != 0xa0b0c0d0 {
		t.Errorf("read as %x, %v", seq, ok)
	}
	for name, c := range map[string][]byte{
		"nothing": nil, "too short": p[:7], "too long": append(p[:8:8], 0), "only the tag": p[:4], "another's": append([]byte{9}, p[1:]...),
	} {
		if seq, ok := heartbeat.ParsePayload(c, 0x01020304); ok || seq != 0 {
			t.Errorf("%s: read as %d", name, seq)
		}
	}
	for _, seq := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
		if got, ok := heartbeat.ParsePayload(heartbeat.AppendPayload(nil, 0, seq), 0); !ok || got != seq {
			t.Errorf("%d is read as %d, %v", seq, got, ok)
		}
	}
}

// RFC 6298 2.2 and 2.3, with its alpha 1/8 and beta 1/4.
func TestRTTIsSmoothedAsTCPDoesIt(t *testing.T) {
	const ms = time.Millisecond
	var r heartbeat.RTT
	for i, c := range []struct{ add, smoothed, variance time.Duration }{
		{100 * ms, 100 * ms, 50 * ms},
		{100 * ms, 100 * ms, 37500 * time.Microsecond},
		{180 * ms, 110 * ms, 48125 * time.Microsecond},
		{30 * ms, 100 * ms, 56093750},
		{0, 87500 * time.Microsecond, 67070312},
	} {
		r.Add(c.add)
		if r.Last != c.add || r.Smoothed != c.smoothed || r.Var != c.variance {
			t.Fatalf("measurement %d: %+v; want %v, %v, %v", i, r, c.add, c.smoothed, c.variance)
		}
	}
	for range 200 {
		r.Add(40 * ms)
	}
	if r.Smoothed.Round(ms) != 40*ms || r.Var.Round(ms) != 0 {
		t.Errorf("200 times 40 ms: %+v", r)
	}
}
