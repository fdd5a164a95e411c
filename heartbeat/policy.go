// Package heartbeat decides when a connection is silent, when to probe it, and
// when it is dead; and when a stream has died on a living link. It knows no
// sockets, goroutines or timers: a Monitor is told the time and what was seen, and
// answers what is owed and when to ask again.
//
// Only received bytes prove life. What we send never postpones a probe: a link
// whose other end is gone still takes megabytes.
//
// # Dialects
//
// A Policy speaks the dialect of a feed. What it sends is its Probe: a control
// ping, a message ([Text], [JSON], [Func], [Stateful]), or nothing ([Passive],
// [Expect]); what it answers is its Reply. OKX, Bybit, Discord and others are there
// as functions that return a Policy: data, of which every field may be changed,
// each with the source that says so. docs/heartbeats.md has the table of them, with
// the time in which each knows a dead peer.
//
// Where a probe is a message no control pings go out besides, save those that
// somebody asks for: Client.Flush and Ping, AtLeastOnce, KeepUnconfirmed. Only the
// pong to a control ping confirms messages; an application's answer does not.
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
	// ahead of queued data: challenges such as Engine.IO's "2" -> "3". If ok, reply
	// is sent, as text if the message was, and the message is hidden from Receive;
	// a nil reply only hides it. It still proves life and is counted. Reply runs on
	// the client's goroutine and must not block; data is valid only during the call.
	Reply func(text bool, data []byte) (reply []byte, ok bool)

	// Visible: messages that Reply has taken are received like any other, for
	// protocols that put several messages into one.
	Visible bool
	// Fixed: probes go out every Interval whatever is received, to feeds that want
	// to hear from their clients. The verdict still goes by what is received.
	Fixed bool
	// Jitter: the first probe of a connection comes after a random part of
	// Interval, so that many clients do not beat as one.
	Jitter bool
	// AnswersOnly: what proves life is an answer that matches the Probe (the pong
	// to a control ping; a beat, under Expect), and no other byte. A connection
	// whose probe is unanswered Timeout after it was written is dead, whatever
	// else it says; with Timeout = Interval it is so by the next probe.
	AnswersOnly bool
	// Misses is how many probes in a row must have gone unanswered: the verdict
	// falls Timeout after that one was written. 0: 1; at most 100.
	Misses int
}

// missesMost bounds what a Monitor remembers.
const missesMost = 100

// Off sends no probes and never calls a connection dead.
var Off = Policy{Interval: -1}

// IsOff reports whether p has no heartbeat.
func (p Policy) IsOff() bool { return p.Interval < 0 }

// IsPassive reports whether p sends no probes of its own.
func (p Policy) IsPassive() bool {
	switch p.Probe.(type) {
	case passive, *expecting:
		return true
	}
	return false
}

// WithDefaults returns p with its zero fields filled in.
func (p Policy) WithDefaults() Policy {
	if p.Interval == 0 {
		p.Interval = DefaultInterval
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.Misses == 0 {
		p.Misses = 1
	}
	return p
}

// Validate returns the name of a field that makes no sense, and why.
func (p Policy) Validate() (field string, err error) {
	const nothing = "a Passive heartbeat sends nothing"
	switch {
	case p.Timeout < 0:
		return "Timeout", errors.New("negative; heartbeat.Off turns the heartbeat off")
	case p.Misses < 0 || p.Misses > missesMost:
		return "Misses", fmt.Errorf("%d; write 1 to %d, and a longer Timeout beyond", p.Misses, missesMost)
	case p.IsPassive() && p.Fixed:
		return "Fixed", errors.New(nothing)
	case p.IsPassive() && p.Jitter:
		return "Jitter", errors.New(nothing)
	case p.IsPassive() && p.Misses > 1:
		return "Misses", errors.New(nothing)
	case p.Probe == Passive && p.AnswersOnly:
		return "AnswersOnly", errors.New("means nothing beside Passive, which expects nothing in particular; write heartbeat.Expect")
	case p.Visible && p.Reply == nil:
		return "Visible", errors.New("means nothing without Reply")
	}
	if p.Probe != nil {
		if err := p.Probe.probe(); err != nil {
			return "Probe", err
		}
	}
	return "", nil
}
