package heartbeat_test

import (
	"strings"
	"testing"

	"github.com/steadyws/steadyws/heartbeat"
)

// TestPresetsKnowTheirMessages asks each preset what received messages are to it:
// "answer" to the probe that waits, "beat", "hide", "hide, <reply>", or "data".
// Of the server's side as a whole see wsclient.TestVendorsStayConnected.
func TestPresetsKnowTheirMessages(t *testing.T) {
	long := strings.Repeat(" ", 1100)
	for name, c := range map[string]struct {
		p        heartbeat.Policy
		probe    string
		messages map[string]string
	}{
		"KrakenV2": {heartbeat.KrakenV2(), `{"method":"ping","req_id":1}`, map[string]string{
			`{"method":"pong","req_id":1,"time_in":"t"}`:       "answer",
			`{"method":"pong","req_id":7}`:                     "data",
			`{"channel":"heartbeat"}`:                          "hide",
			`{"channel":"status","data":[{"a":"heartbeat"}]}`:  "data",
			`{"channel":"ticker","data":[]}`:                   "data",
			`{"channel":"heartbeat"` + long + `}`:              "data",
			`{"method":"subscribe","req_id":1,"success":true}`: "data",
			`not JSON, but with the word "heartbeat" in it`:    "data",
			`["heartbeat"]`: "data",
			`{"channel":["heartbeat"],"method":{"req_id":true}}`: "data",
		}},
		"CoinbaseHeartbeats": {heartbeat.CoinbaseHeartbeats(), "", map[string]string{
			`{"channel":"heartbeats","events":[{"heartbeat_counter":"3049"}]}`:          "beat",
			`{"channel":"subscriptions","events":[{"subscriptions":{"heartbeats":1}}]}`: "data",
			`{"channel":"ticker"}`: "data",
		}},
		"OKX": {heartbeat.OKX(), "ping", map[string]string{
			"pong": "answer", "ping": "data", `{"event":"subscribe"}`: "data",
		}},
		"Bybit": {heartbeat.Bybit(), `{"op":"ping"}`, map[string]string{
			`{"success":true,"ret_msg":"pong","op":"ping"}`:         "answer",
			`{"op":"pong","args":["1675418560633"],"conn_id":"c"}`:  "answer",
			`{"success":true,"ret_msg":"","op":"subscribe"}`:        "data",
			`{"topic":"tickers.BTCUSDT","data":{"op":"pong"}}`:      "data",
			`{"success":false,"ret_msg":"error: pong","op":"ping"}`: "data",
		}},
		"Deribit": {heartbeat.Deribit(10 * second), "", map[string]string{
			`{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}`: `hide, {"jsonrpc":"2.0","id":9007199254740991,"method":"public/test","params":{}}`,
			`{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}`:    "hide",
			`{"jsonrpc":"2.0","method":"heartbeat"}`:                                  "hide",
			`{"jsonrpc":"2.0","id":9007199254740991,"result":{"version":"1.2.26"}}`:   "hide",
			`{"jsonrpc":"2.0","id":7,"result":"ok"}`:                                  "data",
			`{"jsonrpc":"2.0","method":"subscription","params":{"channel":"x"}}`:      "data",
		}},
		"Discord": {heartbeat.Discord(second, func() (int64, bool) { return 42, true }), `{"d":42,"op":1}`, map[string]string{
			`{"op":11}`:                             "answer",
			`{"t":null,"s":null,"op":11,"d":null}`:  "answer",
			`{"op":1,"d":null}`:                     `hide, {"d":42,"op":1}`,
			`{"op":10,"d":{}}`:                      "data",
			`{"op":0,"s":1,"d":{"content":"op:1"}}`: "data",
			`{"op":0,"s":1,"d":{"op":11}}`:          "data",
		}},
		"TwitchEventSub": {heartbeat.TwitchEventSub(10 * second), "", map[string]string{
			`{"metadata":{"message_type":"session_keepalive"},"payload":{}}`:                   "hide",
			`{"metadata":{"message_type":"notification"},"payload":{"a":"session_keepalive"}}`: "data",
			`{"metadata":{"message_type":"session_reconnect"},"payload":{}}`:                   "data",
		}},
		"Phoenix": {heartbeat.Phoenix(), `[null,"hb1","phoenix","heartbeat",{}]`, map[string]string{
			`[null,"hb1","phoenix","phx_reply",{"response":{},"status":"ok"}]`: "answer",
			`[null,"hb2","phoenix","phx_reply",{"response":{},"status":"ok"}]`: "data",
			`["1","hb1","room:1","phx_reply",{"response":{},"status":"ok"}]`:   "data",
			`[null,null,"room:1","new","hb1"]`:                                 "data",
			`["hb1"]`:                                                          "data",
			`{"hb1":1}`:                                                        "data",
		}},
		"GraphQLTransportWS": {heartbeat.GraphQLTransportWS(), `{"type":"ping"}`, map[string]string{
			`{"type":"pong"}`:                 "answer",
			`{"type":"pong","payload":{}}`:    "answer",
			`{"type":"ping"}`:                 `hide, {"type":"pong"}`,
			`{"type":"ping","payload":null}`:  `hide, {"type":"pong"}`,
			`{"type":"next","id":"ping"}`:     "data",
			`{"type":"complete","id":"pong"}`: "data",
		}},
		"SignalR": {heartbeat.SignalR(), "{\"type\":6}\x1e", map[string]string{
			"{\"type\":6}\x1e":                           "hide",
			"{\"type\":1,\"target\":\"x\"}\x1e":          "data",
			"{\"type\":6}\x1e{\"type\":1}\x1e":           "data",
			"{\"type\":7,\"allowReconnect\":true}\x1e\n": "data",
		}},
		"EngineIO": {heartbeat.EngineIO(second, second), "", map[string]string{
			"2": "hide, 3", "3": "data", "2probe": "data", `42["2"]`: "data",
		}},
		"Centrifugo": {heartbeat.Centrifugo(second, true), "", map[string]string{
			"{}":                      "hide, {}",
			"{}\n":                    "hide, {}",
			"{\"push\":{}}\n{}\n":     "hide, {}",
			"{\"push\":{}}":           "data",
			"{\"id\":1,\"error\":{}}": "data",
		}},
		"Centrifugo without pongs": {heartbeat.Centrifugo(second, false), "", map[string]string{"{}": "hide", "{\"id\":1}": "data"}},
		"STOMP": {heartbeat.STOMP(second, second), "\n", map[string]string{
			"\n": "hide", "MESSAGE\n\nhello\x00\n": "data", "\n\n": "data",
		}},
	} {
		for m, want := range c.messages {
			d := c.p.Dialog(0)
			got := "data"
			if d != nil && d.Asks() {
				if _, text, probe := d.Next(); !text || string(probe) != c.probe {
					t.Errorf("%s asks %q", name, probe)
				}
			}
			reply, ok := []byte(nil), false
			if c.p.Reply != nil {
				reply, ok = c.p.Reply(true, []byte(m))
			}
			switch h := hear(d, m); {
			case h.Answer:
				got = "answer"
			case h.Beat:
				got = "beat"
			case ok && reply != nil:
				got = "hide, " + string(reply)
			case ok:
				got = "hide"
			}
			if got != want {
				t.Errorf("%s: %.80s is %q, want %q", name, m, got, want)
			}
		}
	}
}

func hear(d *heartbeat.Dialog, m string) heartbeat.Heard {
	if d == nil {
		return heartbeat.Heard{}
	}
	return d.Hear(true, []byte(m))
}

func TestMQTTIsBinary(t *testing.T) {
	d := heartbeat.MQTT(60 * second).Dialog(0)
	if _, text, data := d.Next(); text || string(data) != "\xc0\x00" {
		t.Errorf("asks %q, text %v", data, text)
	}
	if d.Hear(false, []byte{0x30, 0}).Answer || d.Hear(true, []byte{0xd0, 0}).Answer || !d.Hear(false, []byte{0xd0, 0}).Answer {
		t.Error("the answer is PINGRESP, and nothing else")
	}
}
