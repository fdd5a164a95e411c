package wsclient

import (
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// A pong may come before the write of its ping has returned: the reader is not
// the writer.
func TestPongBeforeItsWriteHasReturned(t *testing.T) {
	now := time.Now()
	b := barriers{tag: 7}
	first := b.ping(3, now)
	second := b.ping(5, now)
	if b.wrote(first.ping, tally{n: 3}, now) {
		t.Error("the first ping counts as answered before any pong")
	}
	confirmed, rtt, ok := b.pong(heartbeat.AppendPayload(nil, 7, second.ping), now.Add(time.Millisecond))
	if !ok || confirmed.n != 3 || rtt != time.Millisecond {
		t.Errorf("the pong confirms %d messages (%v) after %v, want the 3 that are known to be written", confirmed.n, ok, rtt)
	}
	if !b.wrote(second.ping, tally{n: 5}, now.Add(time.Second)) {
		t.Error("the second ping does not count as answered when its write returns")
	}
	if len(b.open) != 0 {
		t.Errorf("%d barriers left", len(b.open))
	}
}

func TestBarriersOfAMutePeerAreBounded(t *testing.T) {
	b := barriers{}
	for i := range 10 * barriersMost {
		it := b.ping(uint64(i), time.Now())
		b.wrote(it.ping, tally{n: uint64(i)}, time.Now())
	}
	if len(b.open) != barriersMost {
		t.Errorf("%d barriers are kept", len(b.open))
	}
	confirmed, _, ok := b.pong(heartbeat.AppendPayload(nil, 0, b.seq), time.Now())
	if !ok || confirmed.n != 10*barriersMost-1 {
		t.Errorf("the pong to the latest confirms %d", confirmed.n)
	}
}
