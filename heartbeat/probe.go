package heartbeat

import (
	"errors"
	"fmt"
)

// A Probe is what a Monitor has sent into silence. Its values are immutable;
// what a probe has to remember is kept for each connection.
type Probe interface {
	probe() error // why it cannot be used
}

type passive struct{}

func (passive) probe() error { return nil }

// Passive sends nothing: the connection is dead after Interval + Timeout of
// silence. For feeds that beat by themselves and forbid clients to send.
var Passive Probe = passive{}

// expecting is Passive with beats.
type expecting struct {
	match func(text bool, data []byte) bool
}

func (e *expecting) probe() error {
	if e.match == nil {
		return errors.New("Expect needs its function")
	}
	return nil
}

// Expect sends nothing, as Passive, and knows the feed's beats by match, which sees
// every received message and must not block. A beat is received as any message is,
// but it is no data for a watchdog (StaleAfter), and under AnswersOnly it alone
// proves life.
func Expect(match func(text bool, data []byte) bool) Probe { return &expecting{match} }

// message is a probe made of application messages.
type message struct {
	send  func(seq uint64) (text bool, data []byte)
	match func(seq uint64, text bool, data []byte) bool

	object  func(id uint64, answer map[string]any) bool // of JSON, instead of match
	try     func() error                                // why it cannot send; may be nil
	curious bool                                        // it sees every message: see Stateful
}

func (m *message) probe() error {
	if m.send == nil || m.match == nil && m.object == nil {
		return errors.New("Func and JSON need both functions")
	}
	if m.try != nil {
		if err := m.try(); err != nil {
			return fmt.Errorf("the first value cannot be sent: %w", err)
		}
	}
	return nil
}

// Func probes with messages of the application: send makes the seq-th one,
// counted from 1 on each connection; match says whether a received message
// answers it. Neither may block. send runs on a goroutine of its own, match on the
// client's, and only while a probe waits for its answer. The answer is hidden from
// Receive, as a pong is, but it proves life and is counted.
//
// Where match takes one message for the answer to more than one probe, the latest
// of them is meant, the round trip is not measured, and none of them waits any
// more. Text that is not UTF-8 panics.
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

// stateful makes a probe for each connection.
type stateful struct{ start func() Probe }

func (s *stateful) probe() error {
	if s.start == nil {
		return errors.New("Stateful needs its function")
	}
	p, ok := s.start().(*message)
	if !ok {
		return errors.New("Stateful needs one of Func, Text or JSON")
	}
	return p.probe()
}

// Stateful probes with what start returns, one of Func, Text or JSON. start is
// called for each connection (and once before, to check), so that its two functions
// may share what they remember: they never run at the same time. match sees every
// received message, perhaps more than once, with the number of the latest probe,
// 0 before the first; so the payload may depend on what was received:
//
//	heartbeat.Stateful(func() heartbeat.Probe {
//		var last any
//		return heartbeat.JSON(
//			func(uint64) any { return map[string]any{"op": "beat", "seq": last} },
//			func(_ uint64, m map[string]any) bool {
//				if s, ok := m["seq"]; ok {
//					last = s
//				}
//				return m["op"] == "ack"
//			})
//	})
func Stateful(start func() Probe) Probe { return &stateful{start} }
