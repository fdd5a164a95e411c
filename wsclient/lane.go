package wsclient

import (
	"math/bits"
	"sort"
	"sync"
	"time"
)

// The lanes of the queue, in the order in which they leave. Each has a bound of
// its own: a login must go out while the queue is full.
const (
	hookLane     int8 = iota // what OnConnect sends; it dies with its connection
	priorityLane             // SendOptions.Priority
	dataLane                 // all else
	lanes
)

// A lane is a FIFO of the entries that wait. Those that the writer has taken are
// in its hands, and come back to the front when their connection dies first.
type lane struct {
	ring []entry // its length is a power of two
	head int
	n    int

	seq     uint64 // of the entry that was accepted last
	bytes   int64  // payload of those that wait and those in the writer's hands
	inHand  int
	waiters waitList

	kept      int // handed over and not forgotten: they may have to go again
	keptBytes int64

	keys    map[string]uint64 // of the entries that wait, by SendOptions.Key; their seq
	mortal  int               // entries that wait and have an Expires
	expires time.Time         // before the first of them; not after it
}

func (l *lane) at(i int) *entry { return &l.ring[(l.head+i)&(len(l.ring)-1)] }

// push appends e.
func (l *lane) push(e entry) {
	l.grow()
	l.n++
	*l.at(l.n - 1) = e
	l.index(&e)
}

// unpop puts e, which is older than all, before them.
func (l *lane) unpop(e entry) {
	l.grow()
	l.head = (l.head - 1) & (len(l.ring) - 1)
	l.n++
	*l.at(0) = e
	l.index(&e)
}

// index notes the key and the Expires of an entry that has come.
func (l *lane) index(e *entry) {
	if e.x == nil {
		return
	}
	if e.x.key != "" {
		if l.keys == nil {
			l.keys = map[string]uint64{}
		}
		l.keys[e.x.key] = e.seq
	}
	if at := e.x.expires; !at.IsZero() {
		if l.mortal++; l.mortal == 1 || at.Before(l.expires) {
			l.expires = at
		}
	}
}

// unindex forgets them.
func (l *lane) unindex(e *entry) {
	if e.x == nil {
		return
	}
	if e.x.key != "" && l.keys[e.x.key] == e.seq {
		delete(l.keys, e.x.key)
	}
	if !e.x.expires.IsZero() {
		l.mortal--
	}
}

// pop takes the first entry out.
func (l *lane) pop() (e entry) {
	p := l.at(0)
	e = *p
	*p = entry{}
	l.unindex(&e)
	l.head = (l.head + 1) & (len(l.ring) - 1)
	if l.n--; l.n == 0 {
		l.head = 0
		if len(l.ring) > ringLeast { // an idle queue holds little
			freeRing(l.ring)
			l.ring = nil
		}
	}
	return e
}

// find returns the place of the entry that waits with this key, or -1.
func (l *lane) find(key string) int {
	seq, ok := l.keys[key]
	if !ok {
		return -1
	}
	return sort.Search(l.n, func(i int) bool { return l.at(i).seq >= seq })
}

// sweep takes out the entries that expired before now.
func (l *lane) sweep(now time.Time, expired func(*entry)) {
	if l.mortal == 0 || !now.After(l.expires) {
		return
	}
	n := l.n
	l.n, l.expires = 0, time.Time{}
	for i := range n {
		e := *l.at(i)
		*l.at(i) = entry{}
		if e.expired(now) {
			l.unindex(&e)
			expired(&e)
			continue
		}
		*l.at(l.n) = e
		if l.n++; e.x != nil && !e.x.expires.IsZero() && (l.expires.IsZero() || e.x.expires.Before(l.expires)) {
			l.expires = e.x.expires
		}
	}
}

func (l *lane) grow() {
	if l.n < len(l.ring) {
		return
	}
	ring := newRing(2 * l.n)
	k := copy(ring, l.ring[l.head:])
	copy(ring[k:], l.ring[:l.head])
	clear(l.ring)
	freeRing(l.ring)
	l.ring, l.head = ring, 0
}

// Rings are powers of two. The smallest stay with their lane, two larger sizes
// go back to a pool, and a queue that may hold more makes its own.
const (
	ringLeast = 16
	ringMore  = 256
	ringMost  = 4096
)

var moreRings, mostRings sync.Pool

// newRing returns an empty ring of at least n entries.
func newRing(n int) []entry {
	switch {
	case n <= ringLeast:
		return make([]entry, ringLeast)
	case n <= ringMore:
		if r, ok := moreRings.Get().(*[ringMore]entry); ok {
			return r[:]
		}
		return new([ringMore]entry)[:]
	case n <= ringMost:
		if r, ok := mostRings.Get().(*[ringMost]entry); ok {
			return r[:]
		}
		return new([ringMost]entry)[:]
	}
	return make([]entry, 1<<bits.Len(uint(n-1)))
}

// freeRing takes back an empty ring.
func freeRing(r []entry) {
	switch len(r) {
	case ringMore:
		moreRings.Put((*[ringMore]entry)(r))
	case ringMost:
		mostRings.Put((*[ringMost]entry)(r))
	}
}
