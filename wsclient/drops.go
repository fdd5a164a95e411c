package wsclient

import (
	"fmt"

	"github.com/steadyws/steadyws/internal/wire"
)

// DropReason says why a message that Send had accepted was thrown away.
type DropReason int

// The reasons.
const (
	DropOverflow DropReason = iota // OverflowDropOldest or OverflowDropNewest
	DropReplaced                   // a newer one of the same SendOptions.Key came
	DropExpired                    // SendOptions.Expires had passed before it could leave
	DropVolatile                   // SendOptions.Volatile, and its connection ended
	DropRejected                   // the peer has closed over it: see UnconfirmedError.Rejected
	DropClosed                     // the client has ended
	dropReasons
)

var dropNames = [dropReasons]string{"overflow", "replaced", "expired", "volatile", "rejected", "closed"}

// String returns one word.
func (r DropReason) String() string {
	if r >= 0 && r < dropReasons {
		return dropNames[r]
	}
	return fmt.Sprintf("DropReason(%d)", int(r))
}

// Drops counts the messages that were accepted and thrown away, by reason.
type Drops struct{ Overflow, Replaced, Expired, Volatile, Rejected, Closed uint64 }

// dropCounts are Drops by reason.
type dropCounts [dropReasons]uint64

func (c *dropCounts) counts() Drops {
	return Drops{c[DropOverflow], c[DropReplaced], c[DropExpired], c[DropVolatile], c[DropRejected], c[DropClosed]}
}

func (c *dropCounts) sum() (n uint64) {
	for _, k := range c {
		n += k
	}
	return n
}

// A dropping is a drop that is to be traced once the mutex is free.
type dropping struct {
	reason DropReason
	m      Message
}

// losses are what has become of accepted messages. Few clients have any.
type losses struct {
	drops  dropCounts
	traced []dropping       // but the trace does not know yet
	cost   UnconfirmedError // what cuts and drops have cost: counts
	untold UnconfirmedError // what was dropped and no Flush has told yet
	doomed UnconfirmedError // what had left and was to go again when the client ended
}

// loss returns the losses; q.mu is held.
func (q *queue) loss() *losses {
	if q.losses == nil {
		q.losses = &losses{}
	}
	return q.losses
}

// drop counts e, which was accepted and is thrown away, and gives its memory
// back; q.mu is held, and the caller takes it out of its lane.
func (q *queue) drop(e *entry, reason DropReason) {
	q.lanes[e.lane].bytes -= int64(e.size)
	q.dropped(e, reason)
}

// dropped is drop for an entry that its lane does not count any more.
func (q *queue) dropped(e *entry, reason DropReason) {
	e.each(func(op wire.Op, seq uint64, p []byte) { q.note(e.lane, seq, op, p, reason) })
	q.arena.release(e)
}

// note counts a drop.
func (q *queue) note(lane int8, seq uint64, op wire.Op, p []byte, reason DropReason) {
	to := q.loss()
	to.drops[reason]++
	q.freed = true
	lost := UnconfirmedError{Messages: 1, Bytes: int64(len(p))}
	to.cost.count(&lost)
	told := reason == DropClosed || reason == DropRejected // by other means
	for _, f := range q.flushes {
		if seq <= f.marks[lane] {
			f.lost.count(&lost)
			told = true
		}
	}
	if !told {
		to.untold.count(&lost)
	}
	if q.traceDrop != nil {
		to.traced = append(to.traced, dropping{reason, Message{Type: MessageType(op), Data: append([]byte{}, p...)}})
	}
}

// unlock frees the mutex, having looked what can go on because of what was
// dropped, and tells the trace about it.
func (q *queue) unlock() {
	for q.freed {
		q.freed = false
		q.settleFlushes()
		q.level()
		q.grant()
	}
	q.watchExpiry()
	var traced []dropping
	if q.losses != nil {
		traced, q.losses.traced = q.losses.traced, nil
	}
	q.mu.Unlock()
	for _, d := range traced {
		q.traceDrop(d.reason, d.m)
	}
}
