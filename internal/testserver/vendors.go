package testserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// Vendors are the server's sides of the heartbeats of real feeds, by name, each as
// its documentation has it on 2026-11-20: what it says and when, what it wants to
// hear, and how it punishes. chatter, if not 0, is the time between messages of data
// that it sends besides.
var Vendors = map[string]func(chatter time.Duration) Handler{
	"Binance": play(binance), "KrakenV2": play(kraken), "CoinbaseHeartbeats": play(coinbase), "OKX": play(okx), "Bybit": play(bybit),
	"Deribit": play(deribit), "Discord": play(discord), "Slack": play(slack), "TwitchEventSub": play(eventSub), "Kubernetes": play(kubernetes),
	"Phoenix": play(phoenix), "GraphQLTransportWS": play(graphQL), "SignalR": play(signalR), "EngineIO": play(engineIO),
	"Centrifugo": play(centrifugo), "MQTT": play(mqtt), "STOMP": play(stomp),
}

// play makes a vendor for each connection.
func play(vend func() *vendor) func(time.Duration) Handler {
	return func(chatter time.Duration) Handler {
		return func(p *Peer) { vend().serve(p, chatter) }
	}
}

// fields are those of a JSON object; nil: it is none.
func fields(f Frame) (m map[string]any) {
	if f.Op != ws.OpText || json.Unmarshal(f.Payload, &m) != nil {
		return nil
	}
	return m
}

func is(f Frame, op ws.OpCode, data string) bool { return f.Op == op && string(f.Payload) == data }

func text(s string) func() Frame { return func() Frame { return TextFrame(s) } }

// wants is a vendor's ear that waits for what match says, and answers.
func wants(match func(Frame) bool, answer func(Frame) []Frame) func(Frame) verdict {
	return func(f Frame) (d verdict) {
		if d.wanted = match(f); d.wanted && answer != nil {
			d.answer = answer(f)
		}
		return d
	}
}

func saying(s string) func(Frame) []Frame {
	return func(Frame) []Frame { return []Frame{TextFrame(s)} }
}

// binance pings every 20 s, wants the pong within 60 s, and takes 5 frames a second.
func binance() *vendor {
	n, second, frames := byte(0), time.Time{}, 0
	return &vendor{
		every: 20 * time.Second, patience: 80 * time.Second, code: 1008,
		beat: func() Frame { n++; return PingFrame([]byte{n}) },
		hear: func(f Frame) (d verdict) {
			if now := time.Now(); now.Sub(second) >= time.Second {
				second, frames = now, 0
			}
			if frames++; frames > 5 {
				d.refuse = 1008
			}
			d.wanted = is(f, ws.OpPong, string([]byte{n}))
			return d
		},
	}
}

// kraken says once a second that there is nothing to say, and answers pings.
func kraken() *vendor {
	return &vendor{
		every: time.Second, idle: true, beat: text(`{"channel":"heartbeat"}`),
		hear: func(f Frame) (d verdict) {
			if m := fields(f); m["method"] == "ping" {
				d.answer = []Frame{TextFrame(fmt.Sprintf(`{"method":"pong","req_id":%v,"time_in":"x","time_out":"y"}`, m["req_id"]))}
			}
			return d
		},
	}
}

func coinbase() *vendor {
	n := 0
	return &vendor{every: time.Second, beat: func() Frame {
		n++
		return TextFrame(fmt.Sprintf(`{"channel":"heartbeats","sequence_num":%d,"events":[{"heartbeat_counter":"%d"}]}`, n, n))
	}}
}

// okx wants "ping" if it has not pushed anything for 30 s.
func okx() *vendor {
	return &vendor{patience: 30 * time.Second, pushes: true, hear: wants(
		func(f Frame) bool { return is(f, ws.OpText, "ping") }, saying("pong"))}
}

// bybit hangs up after 10 minutes without a ping.
func bybit() *vendor {
	return &vendor{patience: 10 * time.Minute, hear: wants(
		func(f Frame) bool { return fields(f)["op"] == "ping" },
		saying(`{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}`))}
}

// deribit asks every 10 s and hangs up unless it is answered before it asks again.
func deribit() *vendor {
	return &vendor{
		every: 10 * time.Second, patience: 15 * time.Second,
		beat: text(`{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}`),
		hear: wants(
			func(f Frame) bool { return fields(f)["method"] == "public/test" },
			func(f Frame) []Frame {
				id, _ := fields(f)["id"].(float64)
				return []Frame{TextFrame(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"version":"1.2.26"}}`, int64(id)))}
			}),
	}
}

// discord says Hello, wants a beat with the last sequence number each interval, and
// asks for one itself now and then.
func discord() *vendor {
	const interval = 41250 * time.Millisecond
	n, seq := 0, 0
	return &vendor{
		greeting: []Frame{TextFrame(`{"op":10,"d":{"heartbeat_interval":41250}}`)},
		every:    30 * time.Second, patience: 2 * interval, code: 4009,
		beat: func() Frame {
			if n++; n%3 == 0 {
				return TextFrame(`{"op":1,"d":null}`)
			}
			seq++
			return TextFrame(fmt.Sprintf(`{"op":0,"s":%d,"t":"EVENT","d":{}}`, seq))
		},
		hear: func(f Frame) (d verdict) {
			m := fields(f)
			if m["op"] != 1.0 {
				return d
			}
			if s, _ := m["d"].(float64); int(s) != seq {
				return verdict{refuse: 4007}
			}
			return verdict{wanted: true, answer: []Frame{TextFrame(`{"op":11}`)}}
		},
	}
}

func slack() *vendor {
	return &vendor{every: 10 * time.Second, beat: func() Frame { return PingFrame([]byte("slack")) }}
}

// eventSub closes over whatever a client says, and over pings that are not answered.
func eventSub() *vendor {
	return &vendor{
		greeting: []Frame{TextFrame(`{"metadata":{"message_type":"session_welcome"},"payload":{"session":{"keepalive_timeout_seconds":10}}}`)},
		every:    10 * time.Second, idle: true,
		beat: text(`{"metadata":{"message_id":"84c1","message_type":"session_keepalive","message_timestamp":"t"},"payload":{}}`),
		hear: func(f Frame) (d verdict) {
			if f.Op != ws.OpPong && f.Op != ws.OpClose {
				d.refuse = 4001
			}
			return d
		},
	}
}

func kubernetes() *vendor { return &vendor{} }

// phoenix hangs up 60 s after the last word of a client.
func phoenix() *vendor {
	return &vendor{patience: 60 * time.Second, hear: func(f Frame) (d verdict) {
		var m []any
		if d.wanted = true; json.Unmarshal(f.Payload, &m) == nil && len(m) == 5 && m[3] == "heartbeat" {
			d.answer = []Frame{TextFrame(fmt.Sprintf(`[null,"%v","phoenix","phx_reply",{"response":{},"status":"ok"}]`, m[1]))}
		}
		return d
	}}
}

// graphQL pings every 40 s and answers pings.
func graphQL() *vendor {
	return &vendor{
		every: 40 * time.Second, patience: 50 * time.Second, code: 4408, beat: text(`{"type":"ping"}`),
		hear: func(f Frame) (d verdict) {
			switch fields(f)["type"] {
			case "ping":
				d.answer = []Frame{TextFrame(`{"type":"pong","payload":{}}`)}
			case "pong":
				d.wanted = true
			}
			return d
		},
	}
}

// signalR pings every 15 s and hangs up 30 s after the last word of a client.
func signalR() *vendor {
	return &vendor{every: 15 * time.Second, beat: text("{\"type\":6}\x1e"), patience: 30 * time.Second,
		hear: func(f Frame) verdict { return verdict{wanted: strings.HasSuffix(string(f.Payload), "\x1e")} }}
}

func engineIO() *vendor {
	return &vendor{
		greeting: []Frame{TextFrame(`0{"sid":"x","pingInterval":25000,"pingTimeout":20000}`)},
		every:    25 * time.Second, beat: text("2"), patience: 45 * time.Second,
		hear: wants(func(f Frame) bool { return is(f, ws.OpText, "3") }, nil),
	}
}

// centrifugo puts its {} on a line of its own, at times among others.
func centrifugo() *vendor {
	n := 0
	return &vendor{
		greeting: []Frame{TextFrame(`{"id":1,"connect":{"ping":25,"pong":true}}`)},
		every:    25 * time.Second, patience: 33 * time.Second, code: 3012,
		beat: func() Frame {
			if n++; n%2 == 0 {
				return TextFrame("{\"push\":{}}\n{}")
			}
			return TextFrame("{}")
		},
		hear: wants(func(f Frame) bool { return is(f, ws.OpText, "{}") }, nil),
	}
}

// mqtt is a broker with a keep-alive of 60 s.
func mqtt() *vendor {
	return &vendor{patience: 90 * time.Second, hear: wants(
		func(f Frame) bool { return is(f, ws.OpBinary, "\xc0\x00") },
		func(Frame) []Frame { return []Frame{BinaryFrame([]byte{0xd0, 0})} })}
}

// stomp beats every 10 s and closes after two missed beats, as RabbitMQ does.
func stomp() *vendor {
	return &vendor{
		greeting: []Frame{TextFrame("CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\x00")},
		every:    10 * time.Second, beat: text("\n"), patience: 30 * time.Second, code: 1000,
		hear: wants(func(f Frame) bool { return is(f, ws.OpText, "\n") }, nil),
	}
}
