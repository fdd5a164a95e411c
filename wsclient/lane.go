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

	seq      uint64 // of the message that was accepted last
	messages int    // those that wait
	bytes    int64  // payload of those that wait and those in the writer's hands
	inHand   int    // messages
	sealed   bool   // no message is to be added to the last entry
	waiters  waitList

	kept      int // messages handed over and not forgotten: they may have to go again
	keptBytes int64

	suspects int   // of the entries that wait, those that are to go alone
	rare     *rare // nil: none of them has a Key or an Expires
}

// rare is what a lane knows of entries that wait and of which most lanes have none.
type rare struct {
	keys    map[string]uint64 // the seq of those with a SendOptions.Key
	mortal  int               // those with an Expires
	expires time.Time         // not after the first of these
}

// mortal is how many of those that wait have an Expires.
func (l *lane) mortal() int {
	if l.rare == nil {
		return 0
	}
	return l.rare.mortal
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

// index notes what is special about an entry that has come.
func (l *lane) index(e *entry) {
	l.messages += int(e.count)
	if e.is(suspect) {
		l.suspects++
	}
	if e.x == nil {
		return
	}
	r := l.rare
	if r == nil {
		r = &rare{}
		l.rare = r
	}
	if e.x.key != "" {
		if r.keys == nil {
			r.keys = map[string]uint64{}
		}
		r.keys[e.x.key] = e.seq
	}
	if at := e.x.expires; !at.IsZero() {
		if r.mortal++; r.mortal == 1 || at.Before(r.expires) {
			r.expires = at
		}
	}
}

// unindex forgets it.
func (l *lane) unindex(e *entry) {
	l.messages -= int(e.count)
	if e.is(suspect) {
		l.suspects--
	}
	if e.x == nil {
		return
	}
	if e.x.key != "" && l.rare.keys[e.x.key] == e.seq {
		delete(l.rare.keys, e.x.key)
	}
	if !e.x.expires.IsZero() {
		l.rare.mortal--
	}
}

// popMessage takes the first message out.
func (q *queue) popMessage(l *lane) entry {
	if e := l.at(0); e.count > 1 {
		l.messages--
		return q.arena.split(e, 1)
	}
	var e entry
	l.pop(&e)
	return e
}

// pop takes the first entry out.
func (l *lane) pop(e *entry) {
	p := l.at(0)
	*e, *p = *p, entry{}
	l.unindex(e)
	l.head = (l.head + 1) & (len(l.ring) - 1)
	l.n--
	l.rest()
}

// find returns the place of the entry that waits with this key, or -1.
func (l *lane) find(key string) int {
	if l.rare == nil {
		return -1
	}
	seq, ok := l.rare.keys[key]
	if !ok {
		return -1
	}
	return sort.Search(l.n, func(i int) bool { return l.at(i).seq >= seq })
}

// filter takes out the entries that keep does not want, which the caller drops in
// it. The others stay in their order.
func (l *lane) filter(keep func(*entry) bool) {
	n := l.n
	var first time.Time
	l.n = 0
	for i := range n {
		e := l.at(i)
		if !keep(e) {
			l.unindex(e)
			*e = entry{}
			continue
		}
		if l.n++; i >= l.n {
			*l.at(l.n - 1) = *e
			*e = entry{}
		}
		if e = l.at(l.n - 1); e.x != nil && !e.x.expires.IsZero() && (first.IsZero() || e.x.expires.Before(first)) {
			first = e.x.expires
		}
	}
	if l.rare != nil {
		l.rare.expires = first
	}
	l.rest()
}

// rest gives back what an empty lane does not need: an idle queue holds little.
func (l *lane) rest() {
	if l.n > 0 {
		return
	}
	if l.head = 0; len(l.ring) > ringLeast {
		freeRing(l.ring)
		l.ring, l.rare = nil, nil
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
	ringLeast = 4
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
