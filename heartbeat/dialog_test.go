package heartbeat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/heartbeat"
)

// numbered is a probe whose answers carry its number.
var numbered = heartbeat.Func(
	func(seq uint64) (bool, []byte) { return true, fmt.Append(nil, seq) },
	func(seq uint64, _ bool, data []byte) bool { return string(data) == fmt.Sprint(seq) })

func TestDialog(t *testing.T) {
	beat := func(_ bool, data []byte) bool { return string(data) == "beat" }
	for name, c := range map[string]struct {
		p    heartbeat.Probe
		play string // messages: ">" makes the next probe, all else is received
		want string
	}{
		"nothing is an answer before the first probe":       {heartbeat.Text("ping", "pong"), "pong", "deaf"},
		"an answer is one once":                             {heartbeat.Text("ping", "pong"), "> pong pong", "1:ping 1! deaf"},
		"what is no answer is none":                         {heartbeat.Text("ping", "pong"), "> data pong", "1:ping - 1!"},
		"an answer may be to each of two probes":            {heartbeat.Text("ping", "pong"), "> > pong pong", "1:ping 2:ping 2? deaf"},
		"an answer by number is to its probe":               {numbered, "> > > 2 3", "1:1 2:2 3:3 2! 3!"},
		"the earlier ones do not wait any more":             {numbered, "> > 2 1", "1:1 2:2 2! deaf"},
		"of many probes the latest four wait":               {numbered, "> > > > > 1 2", "1:1 2:2 3:3 4:4 5:5 - 2!"},
		"beats are beats, always":                           {heartbeat.Expect(beat), "beat data beat", "beat - beat"},
		"a JSON object is decoded, other messages are none": {ids, `> pong {"id":2} {"id":1}`, `1:{"id":1} - - 1!`},
	} {
		d := heartbeat.Policy{Probe: c.p}.Dialog(0)
		var got []string
		for _, m := range strings.Fields(c.play) {
			switch {
			case m == ">":
				seq, _, data := d.Next()
				got = append(got, fmt.Sprintf("%d:%s", seq, data))
			case !d.Listens():
				got = append(got, "deaf")
			default:
				got = append(got, words(d.Hear(true, []byte(m))))
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, s, c.want)
		}
	}
}

var ids = heartbeat.JSON(
	func(id uint64) any { return map[string]any{"id": id} },
	func(id uint64, m map[string]any) bool { return m["id"] == float64(id) })

// words says what a message was: the number of its probe, and whether that is sure.
func words(h heartbeat.Heard) string {
	switch {
	case h.Beat:
		return "beat"
	case h.Answer && h.Sure:
		return fmt.Sprintf("%d!", h.Seq)
	case h.Answer:
		return fmt.Sprintf("%d?", h.Seq)
	}
	return "-"
}

func TestDialogIsForMessages(t *testing.T) {
	for name, p := range map[string]heartbeat.Policy{"ping": {}, "passive": {Probe: heartbeat.Passive}, "off": heartbeat.Off} {
		if p.Dialog(0) != nil {
			t.Errorf("%s has a dialog", name)
		}
	}
	if d := (heartbeat.Policy{Probe: heartbeat.Expect(func(bool, []byte) bool { return true })}).Dialog(0); d.Asks() {
		t.Error("Expect asks")
	}
	d := heartbeat.Policy{Probe: numbered}.Dialog(7)
	if seq, _, _ := d.Next(); seq != 8 || d.Latest() != 8 || !d.Asks() {
		t.Errorf("probe %d after the seventh", seq)
	}
}

func TestStatefulProbe(t *testing.T) {
	started := 0
	p := heartbeat.Stateful(func() heartbeat.Probe {
		started++
		var last any
		return heartbeat.JSON(
			func(uint64) any { return map[string]any{"op": "beat", "seq": last} },
			func(_ uint64, m map[string]any) bool {
				if s, ok := m["seq"]; ok {
					last = s
				}
				return m["op"] == "ack"
			})
	})
	if field, err := (heartbeat.Policy{Probe: p}).Validate(); err != nil {
		t.Fatal(field, err)
	}
	started = 0
	one, two := heartbeat.Policy{Probe: p}.Dialog(0), heartbeat.Policy{Probe: p}.Dialog(0)
	if started != 2 {
		t.Errorf("started %d times for two connections", started)
	}
	hear := func(d *heartbeat.Dialog, m, want string) {
		t.Helper()
		if !d.Listens() {
			t.Fatalf("%s is not shown to it", m)
		}
		if got := words(d.Hear(true, []byte(m))); got != want {
			t.Errorf("%s: got %s, want %s", m, got, want)
		}
	}
	next := func(d *heartbeat.Dialog, want string) {
		t.Helper()
		if _, _, data := d.Next(); string(data) != want {
			t.Errorf("got %s, want %s", data, want)
		}
	}
	next(one, `{"op":"beat","seq":null}`)
	hear(one, `{"op":"ack"}`, "1!")
	hear(one, `{"seq":41}`, "-")
	hear(one, `{"op":"ack"}`, "0?") // to nothing, yet not for the user
	next(one, `{"op":"beat","seq":41}`)
	hear(one, `{"seq":42}`, "-")
	hear(one, `{"op":"ack"}`, "2!")
	next(one, `{"op":"beat","seq":42}`)
	next(two, `{"op":"beat","seq":null}`)
}

func TestProbeOfBadTextPanics(t *testing.T) {
	d := heartbeat.Policy{Probe: heartbeat.Func(
		func(seq uint64) (bool, []byte) { return seq > 1, []byte{0xff} },
		func(uint64, bool, []byte) bool { return false })}.Dialog(0)
	d.Next() // binary may be anything
	defer func() {
		if s := fmt.Sprint(recover()); !strings.Contains(s, "probe 2") {
			t.Errorf("text that is not UTF-8: %s", s)
		}
	}()
	d.Next()
}
