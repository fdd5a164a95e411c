package heartbeat

import (
	"fmt"
	"time"
)

// TimeoutError says that a connection was silent for too long. Its Timeout is
// true, as the net package has it.
type TimeoutError struct {
	Silence time.Duration // since the last byte was received; under AnswersOnly, since the last answer
	Waited  time.Duration // since the probe was written; 0: no probe (Passive)
	Answers bool          // it was under AnswersOnly
}

func (e *TimeoutError) Error() string {
	what := "nothing received"
	if e.Answers {
		what = "no answer"
	}
	if e.Waited == 0 {
		return fmt.Sprintf("heartbeat: %s for %v", what, e.Silence.Round(time.Millisecond))
	}
	return fmt.Sprintf("heartbeat: %s for %v, %v of them after a probe", what, e.Silence.Round(time.Millisecond), e.Waited.Round(time.Millisecond))
}

// Timeout returns true.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary returns true: another connection may do better.
func (e *TimeoutError) Temporary() bool { return true }

// StaleError says that no data came for too long on a connection that lives. Its
// Timeout is true, as the net package has it.
type StaleError struct {
	Silence time.Duration // since the last message that was for the user; quiet hours do not count
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("heartbeat: no data for %v, though the connection lives", e.Silence.Round(time.Millisecond))
}

// Timeout returns true.
func (e *StaleError) Timeout() bool { return true }

// Temporary returns true: another connection may do better.
func (e *StaleError) Temporary() bool { return true }
