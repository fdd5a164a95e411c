package reconnect

import "time"

// A Band is a range of Close codes and what to do about them.
type Band struct {
	First, Last uint16 // both included
	Verdict     Verdict
}

// Bands judge the Close codes of a service: what those from 3000 to 4999 mean
// is its own matter (RFC 6455 section 7.4.2). The first band that has the code
// counts. [Centrifugo], [Discord], [GraphQL] and [Pusher] are made of them;
// another service takes a line:
//
//	Classify: reconnect.Bands{{First: 4400, Last: 4499, Verdict: reconnect.Verdict{Action: reconnect.Stop}}}.Classify
type Bands []Band

// Classify is for [Policy.Classify]. [Default] judges what is in no band: other
// codes, statuses, errors, and codes that we sent (Failure.ClosedByUs). A band's
// Now holds for the first failure of a losing streak; then the backoff does: a
// server that accepts and closes is not met with a loop.
func (b Bands) Classify(f Failure) Verdict {
	if f.CloseCode == 0 || f.ClosedByUs {
		return Default(f)
	}
	for _, band := range b {
		if f.CloseCode < band.First || f.CloseCode > band.Last {
			continue
		}
		if band.Verdict.Action == Now && f.Attempt > 1 {
			return Verdict{}
		}
		return band.Verdict
	}
	return Default(f)
}

var (
	centrifugo = Bands{
		{3000, 3499, Verdict{}},
		{3500, 3999, Verdict{Action: Stop}},
		{4000, 4499, Verdict{}},
		{4500, 4999, Verdict{Action: Stop}},
	}
	discord = Bands{
		{4004, 4004, Verdict{Action: Stop}}, // authentication failed
		{4010, 4014, Verdict{Action: Stop}}, // shards, version, intents
	}
	graphQL = Bands{
		{4004, 4005, Verdict{Action: Stop}}, // bad response, internal client error
		{4400, 4401, Verdict{Action: Stop}}, // bad request, unauthorized
		{4406, 4406, Verdict{Action: Stop}}, // subprotocol not acceptable
		{4409, 4409, Verdict{Action: Stop}}, // subscriber already exists
		{4429, 4429, Verdict{Action: Stop}}, // too many initialisation requests
		{4500, 4500, Verdict{Action: Stop}}, // internal server error
	}
	pusher = Bands{
		{4000, 4099, Verdict{Action: Stop}},
		{4100, 4199, Verdict{After: time.Second}},
		{4200, 4299, Verdict{Action: Now}},
	}
)

// Centrifugo judges the disconnect codes of a Centrifugo server: 3500 to 3999
// and 4500 to 4999 are terminal, 3000 to 3499 and 4000 to 4499 are not.
//
// Source: centrifugal/centrifugal.dev docs/server/codes.md at 910fa94, and what
// centrifugal/centrifuge-go does with codes of one's own (2026-11-20).
func Centrifugo(f Failure) Verdict { return centrifugo.Classify(f) }

// Discord judges the close codes of Discord's gateway, version 10: 4004 and 4010
// to 4014 are final. After 4007 and 4009 the session is gone: OnConnect has to
// identify, not to resume.
//
// Source: discord/discord-api-docs
// developers/topics/opcodes-and-status-codes.mdx at c98d64b (2026-11-20).
func Discord(f Failure) Verdict { return discord.Classify(f) }

// GraphQL judges the close codes of graphql-transport-ws as the protocol's own
// client does: 4004, 4005, 4400, 4401, 4406, 4409, 4429 and 4500 are final; 4403
// (forbidden) and 4408 (no connection_init in time) are retried.
//
// Source: enisdenjo/graphql-ws PROTOCOL.md and src/client.ts at af4f5c9
// (2026-11-20).
func GraphQL(f Failure) Verdict { return graphQL.Classify(f) }

// Pusher judges the close codes of the Pusher Channels protocol: 4000 to 4099
// are final, 4100 to 4199 back off for a second at least, 4200 to 4299 connect
// again at once.
//
// Source: "Connection closure" of the Pusher protocol, as quoted in
// php-api-clients/pusher#2 (2026-11-20).
func Pusher(f Failure) Verdict { return pusher.Classify(f) }
