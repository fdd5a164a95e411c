// Package heartbeat decides when a connection is silent, when to probe it, and
// when it is dead. It knows no sockets, goroutines or timers: a Monitor is told
// the time and what was seen, and answers what is owed and when to ask again.
//
// Only received bytes prove life. What we send never postpones a probe: a link
// whose other end is gone still takes megabytes.
package heartbeat

import (
	"errors"
	"fmt"
	"time"
)

// Defaults of a zero Policy: a dead peer is known within 25 seconds.
const (
	DefaultInterval = 15 * time.Second
	DefaultTimeout  = 10 * time.Second
)

// A Policy says how a connection is kept under watch. The zero value is the
// control ping (RFC 6455 5.5.2) after 15 s of silence and death 10 s later.
type Policy struct {
	// Interval is the silence after which a probe goes out, and the time
	// between probes while it lasts; 0: 15 s; negative: no heartbeat at all.
	Interval time.Duration
	// Timeout is how long after the probe was written nothing may have been
	// received before the connection is dead; 0: 10 s. It measures the peer's
	// slowest handler too, so it should not be tiny. Negative: an error.
	Timeout time.Duration
	// Probe is what is sent; nil: a control ping.
	Probe Probe
	// Reply, if set, sees every received message and may answer it at once,
	// ahead of queued data: challenges such as Engine.IO's "2" -> "3". ok also
	// hides the message from Receive. It runs on the client's goroutine; data
	// is valid only during the call.
	Reply func(text bool, data []byte) (reply []byte, ok bool)
}

// Off sends no probes and never calls a connection dead.
var Off = Policy{Interval: -1}

// A Probe is what a Monitor has sent into silence. Its values are immutable;
// what a probe has to remember is kept for each connection.
type Probe interface{ probe() }

type passive struct{}

func (passive) probe() {}

// Passive sends nothing: the connection is dead after Interval + Timeout of
// silence. For feeds that beat by themselves and forbid clients to send.
var Passive Probe = passive{}

// message is a probe made of application messages.
type message struct {
	send  func(seq uint64) (text bool, data []byte)
	match func(seq uint64, text bool, data []byte) bool
	try   func() error // why it cannot send; may be nil
}

func (*message) probe() {}

// Func probes with messages of the application: send makes the seq-th one,
// counted from 1 on each connection; match says whether a received message
// answers it. Neither may block.
func Func(send func(seq uint64) (text bool, data []byte), match func(seq uint64, text bool, data []byte) bool) Probe {
	return &message{send: send, match: match}
}

// Text probes with the text message send and takes the text message expect for
// the answer, as in "ping" -> "pong".
func Text(send, expect string) Probe {
	return Func(
		func(uint64) (bool, []byte) { return true, []byte(send) },
		func(_ uint64, text bool, data []byte) bool { return text && string(data) == expect })
}

// IsOff reports whether p has no heartbeat.
func (p Policy) IsOff() bool { return p.Interval < 0 }

// IsPassive reports whether p sends no probes of its own.
func (p Policy) IsPassive() bool { return p.Probe == Passive }

// WithDefaults returns p with its zero fields filled in.
func (p Policy) WithDefaults() Policy {
	if p.Interval == 0 {
		p.Interval = DefaultInterval
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	return p
}

// Validate returns the name of a field that makes no sense, and why.
func (p Policy) Validate() (field string, err error) {
	if p.Timeout < 0 {
		return "Timeout", errors.New("negative; heartbeat.Off turns the heartbeat off")
	}
	m, ok := p.Probe.(*message)
	if ok && (m.send == nil || m.match == nil) {
		return "Probe", errors.New("Func and JSON need both functions")
	}
	if ok && m.try != nil {
		if err := m.try(); err != nil {
			return "Probe", fmt.Errorf("the first value cannot be sent: %w", err)
		}
	}
	return "", nil
}

// TimeoutError says that a connection was silent for too long. Its Timeout is
// true, as the net package has it.
type TimeoutError struct {
	Silence time.Duration // since the last byte was received
	Waited  time.Duration // since the probe was written; 0: no probe (Passive)
}

func (e *TimeoutError) Error() string {
	if e.Waited == 0 {
		return fmt.Sprintf("heartbeat: nothing received for %v", e.Silence.Round(time.Millisecond))
	}
	return fmt.Sprintf("heartbeat: nothing received for %v, %v of them after a probe", e.Silence.Round(time.Millisecond), e.Waited.Round(time.Millisecond))
}

// Timeout returns true.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary returns true: another connection may do better.
func (e *TimeoutError) Temporary() bool { return true }
