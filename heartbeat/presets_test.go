package heartbeat_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

var update = flag.Bool("update", false, "rewrite the table of docs/heartbeats.md")

// presets are all of them, with what docs/heartbeats.md says of each beside the time
// that a dead peer is known in, which is computed.
var presets = []struct {
	name   string
	p      heartbeat.Policy
	sends  string
	hears  string
	rtt    bool
	source string
}{
	{"the zero Policy", heartbeat.Policy{}, "a control ping after 15 s of silence", "", true, "RFC 6455 5.5.2; for all that follow RFC 6455"},
	{"Binance()", heartbeat.Binance(), "", "the server's pings", false, "binance-spot-api-docs at a5e0bc3"},
	{"KrakenV2()", heartbeat.KrakenV2(), `{"method":"ping","req_id":n}, on silence`, `hides {"channel":"heartbeat"}`, true, "docs.kraken.com"},
	{"CoinbaseHeartbeats()", heartbeat.CoinbaseHeartbeats(), "", "the heartbeats channel, and nothing else, is life", false, "docs.cdp.coinbase.com"},
	{"OKX()", heartbeat.OKX(), `"ping", on silence`, "", true, "okx.com; nautilus_trader at a95c804"},
	{"Bybit()", heartbeat.Bybit(), `{"op":"ping"} every 20 s`, "", true, "bybit-exchange/docs at 072c197"},
	{"Deribit(10 s)", heartbeat.Deribit(10 * second), "", "test_request -> public/test", false, "docs.deribit.com; nautilus_trader"},
	{"Discord(41.25 s, seq)", heartbeat.Discord(41250*time.Millisecond, func() (int64, bool) { return 0, false }),
		`{"op":1,"d":seq} every interval, the first by chance`, "op 1 -> op 1; op 11 alone is life", true, "discord-api-docs at c98d64b"},
	{"Slack()", heartbeat.Slack(), "", "the server's pings", false, "node-slack-sdk at 4322e14"},
	{"TwitchEventSub(10 s)", heartbeat.TwitchEventSub(10 * second), "", "hides session_keepalive", false, "dev.twitch.tv; twitch-cli at fd7dac6"},
	{"Kubernetes()", heartbeat.Kubernetes(), "a control ping after 5 s of silence, 12 times", "", true, "client-go at 32ce75a"},
	{"Phoenix()", heartbeat.Phoenix(), `[null,"hb1","phoenix","heartbeat",{}] every 30 s`, "", true, "phoenix at 167c469"},
	{"GraphQLTransportWS()", heartbeat.GraphQLTransportWS(), `{"type":"ping"}, on silence`, "ping -> pong", true, "graphql-ws at af4f5c9"},
	{"SignalR()", heartbeat.SignalR(), `{"type":6} every 15 s`, `hides {"type":6}`, false, "aspnetcore HubProtocol.md; learn.microsoft.com"},
	{"EngineIO(25 s, 20 s)", heartbeat.EngineIO(25*second, 20*second), "", `"2" -> "3"`, false, "socket.io at d2d753f"},
	{"Centrifugo(25 s, true)", heartbeat.Centrifugo(25*second, true), "", "{} -> {}", false, "centrifugal.dev at 910fa94"},
	{"MQTT(60 s)", heartbeat.MQTT(60 * second), "PINGREQ every keepalive", "", true, "tried with aedes and mochi-mqtt"},
	{"STOMP(10 s, 10 s)", heartbeat.STOMP(10*second, 10*second), "a line feed every send", "hides line feeds", false, "stomp-spec 1.2; tried with RabbitMQ 3.10.8"},
}

func TestPresetsAreValid(t *testing.T) {
	policies := map[string]heartbeat.Policy{
		"STOMP, we send none":      heartbeat.STOMP(0, 10*second),
		"STOMP, it sends none":     heartbeat.STOMP(10*second, 0),
		"STOMP, nobody sends":      heartbeat.STOMP(0, 0),
		"Centrifugo without pongs": heartbeat.Centrifugo(25*second, false),
	}
	for _, p := range presets {
		policies[p.name] = p.p
	}
	for name, p := range policies {
		if field, err := p.Validate(); err != nil {
			t.Errorf("%s: %s: %v", name, field, err)
		}
	}
	if !heartbeat.STOMP(0, 0).IsOff() {
		t.Error("nobody beats, and yet there is a heartbeat")
	}
}

// TestTableOfPresets keeps the table of docs/heartbeats.md.
func TestTableOfPresets(t *testing.T) {
	var b strings.Builder
	b.WriteString("| policy | sends | hears | dead after | round trip | source |\n|---|---|---|---|---|---|\n")
	for _, p := range presets {
		rtt := "measured"
		if !p.rtt {
			rtt = "-"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", p.name, code(p.sends), code(p.hears), deathTime(p.p), rtt, p.source)
	}
	const name, begin, end = "../docs/heartbeats.md", "<!-- presets: go test ./heartbeat -run TestTableOfPresets -update -->\n", "<!-- end -->"
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", name)
	}
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+b.String()+end+after), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if table != b.String() {
		t.Errorf("the table of %s is not of these presets: -update writes\n%s", name, b.String())
	}
}

// code marks what stands on the wire: JSON, and what is quoted.
func code(s string) string {
	if s == "" {
		return "-"
	}
	if from := strings.IndexAny(s, `{["`); from >= 0 {
		to := strings.LastIndexAny(s, `}]"`)
		return s[:from] + "`" + s[from:to+1] + "`" + s[to+1:]
	}
	return s
}

// deathTime is how long after its last word a peer is known to be dead: the least and
// the most, depending on when that was.
func deathTime(p heartbeat.Policy) string {
	least, most := time.Duration(1<<62), time.Duration(0)
	for i := range 17 { // over two intervals
		d := p.WithDefaults().Interval
		for _, off := range []time.Duration{-1, 0, 1} {
			d := lifetime(p, 2*d+time.Duration(i)*d/8+off)
			least, most = min(least, d), max(most, d)
		}
	}
	if least, most = least.Round(time.Millisecond), most.Round(time.Millisecond); least == most {
		return fmt.Sprint(inSeconds(most))
	}
	return fmt.Sprintf("%s to %s", inSeconds(least), inSeconds(most))
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%v s", d.Seconds()) }

// lifetime is how long a connection lives on whose peer says its last word at last:
// until then it answers each probe at once, and says something every second.
func lifetime(p heartbeat.Policy, last time.Duration) time.Duration {
	m := heartbeat.NewMonitor(p, start)
	m.Jitter(0.5)
	l := heartbeat.Link{Empty: start}
	end := at(last)
	say := func(now time.Time) {
		l.Received, l.Empty = now, now
		m.Answered(now, now)
	}
	next := m.Tick(start, l).Next
	tick := func() (dead bool) {
		now := next
		d := m.Tick(now, l)
		if next = d.Next; d.Probe {
			next = m.Wrote(now)
			if now.Before(end) {
				say(now)
			}
		}
		return d.Dead != nil
	}
	for word := at(second); ; word = word.Add(second) {
		if word.After(end) {
			word = end
		}
		for next.Before(word) {
			tick()
		}
		if say(word); word.Equal(end) {
			break
		}
	}
	for {
		if now := next; tick() {
			return now.Sub(end)
		}
	}
}
