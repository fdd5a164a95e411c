package reconnect

import (
	"strconv"
	"time"
)

// A Phase is how far an attempt had come when it failed.
type Phase int

// The phases, in their order.
const (
	PhasePrepare Phase = iota // the Prepare hook
	PhaseDNS                  // looking up the host
	PhaseDial                 // TCP
	PhaseProxy                // talking to the proxy
	PhaseTLS                  // TLS with the server
	PhaseUpgrade              // the opening handshake (RFC 6455 section 4)
	PhaseConnect              // the OnConnect hook
	PhaseOpen                 // no attempt: an open connection ended
)

var phaseNames = [...]string{"prepare", "dns", "dial", "proxy", "tls", "upgrade", "connect", "open"}

// String returns the phase in lower case, such as "dial".
func (p Phase) String() string { return name("Phase", int(p), phaseNames[:]) }

// A Failure is one failed attempt, or the end of one open connection.
type Failure struct {
	Phase Phase

	// Status is the HTTP status of a refused upgrade. 0: no answer came.
	Status int

	// RetryAfter is how long the server asked us to stay away, from now (see
	// [ParseRetryAfter]). 0: it did not ask.
	RetryAfter time.Duration

	// CloseCode is the code of the Close frame (RFC 6455 section 7.4). 0: no
	// Close frame came; it is judged as 1006.
	CloseCode uint16

	// ClosedByUs is set when we failed the connection because of what the
	// peer did (RFC 6455 section 7.1.7): CloseCode then is not its verdict on
	// us.
	ClosedByUs bool

	// Err is the cause.
	Err error

	// Uptime is how long the connection had been open. 0 unless Phase is
	// PhaseOpen.
	Uptime time.Duration

	// Attempt is the number of failed attempts in this losing streak, this one
	// included. 0: a connection that had lasted Policy.Stable ended, and no
	// attempt has failed yet. Filled in by [Streak].
	Attempt int

	// Opened is set if some connection of this client was open before this
	// failure. Filled in by [Streak].
	Opened bool

	// Refreshed is set if a Refresh was already granted since the last open.
	// Filled in by [Streak].
	Refreshed bool

	// Elsewhere is set if the client has another endpoint, which has not refused
	// it for good (a 3xx or 4xx other than 408, 425 and 429, a certificate that
	// does not verify). Filled in by [Streak].
	Elsewhere bool

	// CanRefresh is set if the client has a Prepare hook to ask for fresh
	// credentials.
	CanRefresh bool
}

// An Action is what to do about a failure.
type Action int

// The actions.
const (
	Backoff Action = iota // try again after the backoff, plus Verdict.After; at once where another endpoint is left
	At                    // try again after exactly Verdict.After
	Now                   // try again at once, every time: nothing holds a Classify back that always says so
	Refresh               // try again at once with fresh credentials, once per open; then as Backoff
	Stop                  // end the client
)

var actionNames = [...]string{"backoff", "at", "now", "refresh", "stop"}

// String returns the action in lower case, such as "stop".
func (a Action) String() string { return name("Action", int(a), actionNames[:]) }

// A Verdict is the judgement of one Failure. The zero value is the backoff.
type Verdict struct {
	Action Action

	// After is, for At, the exact wait; for Backoff, a floor: the wait is
	// After plus a backoff, so that clients all told the same Retry-After do
	// not all return in the same instant. It may take the wait beyond
	// Policy.Max. It concerns the endpoint that has failed, and holds up no
	// other. 0: none. Negative is taken as 0. Ignored by the others.
	After time.Duration
}

// name returns names[i], or "kind(i)" where there is none.
func name(kind string, i int, names []string) string {
	if i < 0 || i >= len(names) {
		return kind + "(" + strconv.Itoa(i) + ")"
	}
	return names[i]
}
