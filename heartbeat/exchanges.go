package heartbeat

import (
	"bytes"
	"time"
)

// The sources were read on 2026-11-20. Where they name no figure the defaults stand.

// Binance is for a server that pings by itself, every 20 s on spot: nothing is sent
// but pongs, since each ping and pong counts towards the 5 frames a second that it
// takes. (Futures are pinged every 3 minutes, options every 5: set Interval.)
//
// Source: github.com/binance/binance-spot-api-docs, web-socket-streams.md at a5e0bc3.
func Binance() Policy {
	return Policy{Interval: 20 * time.Second, Probe: Passive}
}

// KrakenV2 pings with {"method":"ping"} and a req_id, and hides the heartbeats that
// the server sends about once a second while a subscription is silent.
//
// Source: docs.kraken.com, WebSocket v2.
func KrakenV2() Policy {
	return Policy{
		Probe: JSON(
			func(id uint64) any { return map[string]any{"method": "ping", "req_id": id} },
			func(id uint64, m map[string]any) bool { return m["method"] == "pong" && m["req_id"] == float64(id) }),
		Reply: func(_ bool, data []byte) ([]byte, bool) {
			return nil, short(data, `"heartbeat"`)["channel"] == "heartbeat"
		},
	}
}

// CoinbaseHeartbeats is for who has subscribed to the heartbeats channel of Coinbase
// Advanced Trade, in OnConnect: it beats once a second, and a connection without a
// beat for 10 s is dead, whatever else comes. The beats are received: their
// heartbeat_counter, and the sequence_num that they consume, tell of gaps.
//
// Source: docs.cdp.coinbase.com, Advanced Trade WebSocket.
func CoinbaseHeartbeats() Policy {
	return Policy{
		Interval: 5 * time.Second, Timeout: 5 * time.Second, AnswersOnly: true,
		Probe: Expect(func(_ bool, data []byte) bool { return short(data, `"heartbeats"`)["channel"] == "heartbeats" }),
	}
}

// OKX says "ping" after 15 s without a message and expects "pong" within as long.
// The server hangs up after 30 s without a subscription or a push.
//
// Sources: www.okx.com/docs-v5; github.com/nautechsystems/nautilus_trader,
// docs/integrations/okx.md at a95c804.
func OKX() Policy {
	return Policy{Interval: 15 * time.Second, Timeout: 15 * time.Second, Probe: Text("ping", "pong")}
}

// Bybit says {"op":"ping"} every 20 s. Its public streams answer op "ping" with
// ret_msg "pong", its private ones op "pong".
//
// Source: github.com/bybit-exchange/docs, docs/v5/websocket/wss-authentication.mdx at
// 072c197.
func Bybit() Policy {
	return Policy{
		Interval: 20 * time.Second, Fixed: true,
		Probe: JSON(
			func(uint64) any { return map[string]any{"op": "ping"} },
			func(_ uint64, m map[string]any) bool {
				return m["op"] == "pong" || m["op"] == "ping" && m["ret_msg"] == "pong"
			}),
	}
}

// Deribit answers the server's test_request with a call of public/test: else it
// hangs up, and cancels orders if that is agreed. interval, at least 10 s, is what
// OnConnect asked for with public/set_heartbeat. Heartbeats, and the results of our
// calls, whose id is 1<<53 - 1, are hidden.
//
// Sources: docs.deribit.com; github.com/nautechsystems/nautilus_trader,
// docs/integrations/deribit.md.
func Deribit(interval time.Duration) Policy {
	const id = "9007199254740991"
	test := []byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"public/test","params":{}}`)
	return Policy{
		Interval: interval, Probe: Passive,
		Reply: func(_ bool, data []byte) ([]byte, bool) {
			if short(data, id)["id"] == float64(1<<53-1) {
				return nil, true
			}
			m := short(data, `"heartbeat"`)
			if m["method"] != "heartbeat" {
				return nil, false
			}
			if params, ok := m["params"].(map[string]any); ok && params["type"] == "test_request" {
				return test, true
			}
			return nil, true
		},
	}
}

// shortMost is larger than any vendor's heartbeat.
const shortMost = 1 << 10

// short decodes a JSON object if it is short and has word in it, so that a busy feed
// is not decoded twice; nil otherwise.
func short(data []byte, word string) map[string]any {
	if len(data) > shortMost || !bytes.Contains(data, []byte(word)) {
		return nil
	}
	return object(data)
}
