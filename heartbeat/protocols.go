package heartbeat

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// The sources were read on 2026-11-20. Where they name no figure the defaults stand.

// Phoenix is for channels, version 2 of their serializer: a heartbeat every 30 s, as
// the server hangs up 60 s after the last word of a client.
//
// Source: github.com/phoenixframework/phoenix, guides/howto/writing_a_channels_client.md
// and assets/js/phoenix/socket.js at 167c469.
func Phoenix() Policy {
	return Policy{
		Interval: 30 * time.Second, Fixed: true,
		Probe: Func(
			func(seq uint64) (bool, []byte) {
				return true, []byte(`[null,"` + phoenixRef(seq) + `","phoenix","heartbeat",{}]`)
			},
			func(seq uint64, _ bool, data []byte) bool {
				var m []any // join_ref, ref, topic, event, payload
				if len(data) > shortMost || !bytes.Contains(data, []byte(phoenixRef(seq))) || json.Unmarshal(data, &m) != nil {
					return false
				}
				return len(m) == 5 && m[1] == phoenixRef(seq) && m[2] == "phoenix" && m[3] == "phx_reply"
			}),
	}
}

// phoenixRef is unlike those that an application counts.
func phoenixRef(seq uint64) string { return "hb" + strconv.FormatUint(seq, 10) }

// GraphQLTransportWS pings, and answers pings, by the messages of that subprotocol.
// Pongs that nobody asked for are hidden too.
//
// Source: github.com/enisdenjo/graphql-ws, PROTOCOL.md at af4f5c9.
func GraphQLTransportWS() Policy {
	is := func(data []byte, kind string) bool { return short(data, `"`+kind+`"`)["type"] == kind }
	return Policy{
		Probe: Func(
			func(uint64) (bool, []byte) { return true, []byte(`{"type":"ping"}`) },
			func(_ uint64, _ bool, data []byte) bool { return is(data, "pong") }),
		Reply: func(_ bool, data []byte) ([]byte, bool) {
			if is(data, "ping") {
				return []byte(`{"type":"pong"}`), true
			}
			return nil, is(data, "pong")
		},
	}
}

// SignalR is for hubs with the JSON protocol: pings go both ways every 15 s, without
// an answer. Those of the server are hidden. The client's have to go out whatever is
// received.
//
// Sources: github.com/dotnet/aspnetcore, src/SignalR/docs/specs/HubProtocol.md;
// learn.microsoft.com, HubConnection.DefaultKeepAliveInterval. That the server hangs
// up after 30 s was not verified.
func SignalR() Policy {
	const ping = `{"type":6}` + "\x1e"
	return Policy{
		Interval: 15 * time.Second, Timeout: 15 * time.Second, Fixed: true,
		Probe: unanswered(true, ping),
		Reply: func(_ bool, data []byte) ([]byte, bool) { return nil, string(data) == ping },
	}
}

// EngineIO is for version 4 of the protocol, which Socket.IO 5 rests on: the server
// says "2" and the client has to answer "3". interval and timeout are the pingInterval
// and the pingTimeout of its open packet, so this is for Conn.SetHeartbeat.
//
// Source: github.com/socketio/socket.io, docs/engine.io-protocol/v4-current.md at
// d2d753f.
func EngineIO(interval, timeout time.Duration) Policy {
	return Policy{
		Interval: interval, Timeout: timeout, Probe: Passive,
		Reply: func(text bool, data []byte) ([]byte, bool) { return []byte("3"), text && string(data) == "2" },
	}
}

// Centrifugo is for its JSON protocol: the server says {} every ping, and if pong is
// set the client has to answer {}, or is closed with 3012. Both are in the reply to
// connect, so this is for Conn.SetHeartbeat. The server may put its {} on a line
// between other replies, so messages that have one are Visible.
//
// Source: github.com/centrifugal/centrifugal.dev, docs/transports/client_protocol.md and
// docs/server/codes.md at 910fa94.
func Centrifugo(ping time.Duration, pong bool) Policy {
	return Policy{
		Interval: ping, Probe: Passive, Visible: true,
		Reply: func(_ bool, data []byte) ([]byte, bool) {
			found := false
			for line := range bytes.Lines(data) {
				found = found || string(bytes.TrimSpace(line)) == "{}"
			}
			if !found || !pong {
				return nil, found
			}
			return []byte("{}"), true
		},
	}
}

// MQTT is for version 3.1.1 and 5 over WebSocket: a PINGREQ each keepalive, which is
// the keep-alive of CONNECT; the broker hangs up after one and a half of it. A broker
// that cuts its PINGRESP in two frames is alive, but the halves are received.
//
// Source: tried with aedes and mochi-mqtt.
func MQTT(keepalive time.Duration) Policy {
	return Policy{
		Interval: keepalive, Fixed: true,
		Probe: Func(
			func(uint64) (bool, []byte) { return false, []byte{0xc0, 0} },
			func(_ uint64, text bool, data []byte) bool { return !text && string(data) == "\xd0\x00" }),
	}
}

// STOMP is for version 1.2: a line feed each send, and the server is dead if nothing
// comes for twice expect, after the first of ours. They are what the heart-beat headers
// agreed on (0: none), so this is for Conn.SetHeartbeat. The server's are hidden.
//
// Sources: github.com/stomp/stomp-spec, src/stomp-specification-1.2.md; tried with
// RabbitMQ 3.10.8.
func STOMP(send, expect time.Duration) Policy {
	p := Policy{
		Interval: send, Timeout: 2 * expect, Fixed: true, Probe: unanswered(true, "\n"),
		Reply: func(_ bool, data []byte) ([]byte, bool) { return nil, string(data) == "\n" },
	}
	switch {
	case send <= 0 && expect <= 0:
		p.Interval, p.Timeout = -1, 0
	case send <= 0:
		p.Interval, p.Timeout, p.Fixed, p.Probe = expect, expect, false, Passive
	case expect <= 0: // it owes nothing: any number of beats may go unanswered
		p.Timeout = 1<<63 - 1
	}
	return p
}

// unanswered is a probe that nobody answers.
func unanswered(text bool, data string) Probe {
	return Func(
		func(uint64) (bool, []byte) { return text, []byte(data) },
		func(uint64, bool, []byte) bool { return false })
}
