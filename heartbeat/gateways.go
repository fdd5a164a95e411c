package heartbeat

import "time"

// The sources were read on 2026-11-20. Where they name no figure the defaults stand.

// Discord beats every interval, the first time after a random part of it, with the
// sequence number of the last event; a beat that is not acknowledged before the next
// means that the connection is dead. interval is that of the server's Hello, so this
// is for Conn.SetHeartbeat. seq returns the "s" that was received last, and false
// before there is one; it is called on several goroutines. It answers a beat that
// the server asks for, too. With transport compression it cannot see what it
// needs.
//
// Source: github.com/discord/discord-api-docs, developers/events/gateway.mdx at
// c98d64b.
func Discord(interval time.Duration, seq func() (s int64, ok bool)) Policy {
	beat := func(uint64) any {
		if s, ok := seq(); ok {
			return map[string]any{"op": 1, "d": s}
		}
		return map[string]any{"op": 1, "d": nil}
	}
	probe := JSON(beat, func(_ uint64, m map[string]any) bool { return m["op"] == 11.0 })
	return Policy{
		Interval: interval, Timeout: interval, Fixed: true, Jitter: true, AnswersOnly: true,
		Probe: probe,
		Reply: func(_ bool, data []byte) ([]byte, bool) {
			switch short(data, `"op":1`)["op"] {
			case 1.0:
				_, data := probe.(*message).send(0)
				return data, true
			case 11.0: // the acknowledgement of that
				return nil, true
			}
			return nil, false
		},
	}
}

// Slack is for Socket Mode, whose server pings: its SDK gives a connection up after
// 30 s of silence.
//
// Source: github.com/slackapi/node-slack-sdk,
// packages/socket-mode/src/SocketModeClient.ts at 4322e14.
func Slack() Policy {
	return Policy{Interval: 20 * time.Second, Probe: Passive}
}

// TwitchEventSub sends nothing, as clients must not, and hides the server's
// session_keepalive, which comes when nothing else has for keepalive: 10 to 600 s, as
// the URL asks for and the welcome says.
//
// Sources: dev.twitch.tv, EventSub WebSockets; github.com/twitchdev/twitch-cli,
// internal/events/websocket/mock_server/close_messages.go at fd7dac6.
func TwitchEventSub(keepalive time.Duration) Policy {
	return Policy{
		Interval: keepalive, Probe: Passive,
		Reply: func(_ bool, data []byte) ([]byte, bool) {
			meta, _ := short(data, `"session_keepalive"`)["metadata"].(map[string]any)
			return nil, meta["message_type"] == "session_keepalive"
		},
	}
}

// Kubernetes is for exec and port-forward, whose clients ping every 5 s and read with
// a deadline of 61 s: twelve pings may be lost. Such a session cannot be resumed:
// reconnect.Never belongs to it.
//
// Source: github.com/kubernetes/client-go, tools/remotecommand/websocket.go at 32ce75a.
func Kubernetes() Policy {
	return Policy{Interval: 5 * time.Second, Timeout: time.Second, Misses: 12}
}
