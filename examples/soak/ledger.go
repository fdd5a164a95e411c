package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/steadyws/steadyws/wsclient"
)

const (
	idSize   = 8
	sizeMost = 64 << 10

	forgotten = 256 // so many that cuts do not lose all of them anyway
)

// filler is what follows the number of a message, from a place that depends on it.
var filler = func() []byte {
	p := make([]byte, 2*sizeMost)
	for i, rnd := 0, rand.New(rand.NewPCG(1, 2)); i < len(p); i += 8 {
		binary.BigEndian.PutUint64(p[i:], rnd.Uint64())
	}
	return p
}()

// fill makes message id in p, which is as long as it shall be.
func fill(p []byte, id int) {
	binary.BigEndian.PutUint64(p, uint64(id))
	copy(p[idSize:], filler[id%sizeMost:])
}

// A ledger is what the server has got and what the client has reported. It needs a
// bit for each message and a few words for each connection.
type ledger struct {
	n           int
	least, most int
	seed        uint64
	forgets     bool // one message in forgotten: a planted loss

	mu       sync.Mutex
	seen     []uint64
	distinct int
	twice    int
	damaged  int
	links    []passage // by attempt
}

// A passage is one connection: what came over it, which TCP says has no holes.
type passage struct {
	any         bool
	first, last int
	holes       int // messages that are missing between first and last
	back        int // messages behind a later one
	reported    wsclient.UnconfirmedError
}

func newLedger(cfg config) *ledger {
	return &ledger{n: cfg.n, least: cfg.least, most: cfg.most, seed: cfg.seed, forgets: cfg.plant, seen: make([]uint64, cfg.n/64+1)}
}

// size is that of message id: drawn, and the same each time.
func (l *ledger) size(id int) int {
	x := (uint64(id) + l.seed<<32) * 0x9e3779b97f4a7c15 // Fibonacci hashing
	return l.least + int((x>>32)%uint64(l.most-l.least+1))
}

// at is the passage of an attempt; l.mu is held.
func (l *ledger) at(attempt int) *passage {
	for len(l.links) <= attempt {
		l.links = append(l.links, passage{})
	}
	return &l.links[attempt]
}

// arrive notes a message.
func (l *ledger) arrive(attempt int, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := -1
	if len(p) >= idSize {
		id = int(binary.BigEndian.Uint64(p))
	}
	if id < 0 || id >= l.n || len(p) != l.size(id) || !bytes.Equal(p[idSize:], filler[id%sizeMost:][:len(p)-idSize]) {
		l.damaged++
		return
	}
	if l.forgets && id%forgotten == forgotten/2 {
		return
	}
	if word, bit := &l.seen[id/64], uint64(1)<<(id%64); *word&bit == 0 {
		*word |= bit
		l.distinct++
	} else {
		l.twice++
	}
	k := l.at(attempt)
	switch {
	case !k.any:
		k.any, k.first, k.last = true, id, id
	case id <= k.last:
		k.back++
	default:
		k.holes += id - k.last - 1
		k.last = id
	}
}

// report notes what the client says of a connection.
func (l *ledger) report(attempt int, u *wsclient.UnconfirmedError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.at(attempt)
	k.reported.Messages += u.Messages
	k.reported.Bytes += u.Bytes
}

// sum tells what became of the messages. Order is that of the connections: what lies
// in the kernel of an old one may be read after the first of a new one.
func (l *ledger) sum(delivery wsclient.Delivery) (r row) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.sent, r.received, r.lost, r.twice = l.n, l.distinct, l.n-l.distinct, l.twice
	next, holes, unsaid := 0, 0, 0 // next: behind the latest that has come
	var gaps [][2]int              // between connections
	var since wsclient.UnconfirmedError
	gap := func(to int) { // what was reported since the last one has to explain it
		gaps = append(gaps, [2]int{next, to})
		for id := next; id < to; id++ {
			since.Messages--
			since.Bytes -= int64(l.size(id))
		}
		unsaid += max(0, -since.Messages)
		r.needless = max(r.needless, since.Bytes)
		since = wsclient.UnconfirmedError{}
	}
	for i := range l.links {
		k := &l.links[i]
		r.uncertain += k.reported.Messages
		holes += k.holes
		r.disorder += k.back
		if k.any {
			for _, g := range gaps { // filled later
				r.disorder += max(0, min(k.last+1, g[1])-max(k.first, g[0]))
			}
			gap(k.first)
			next = max(next, k.last+1)
		}
		since.Messages += k.reported.Messages
		since.Bytes += k.reported.Bytes
	}
	gap(l.n)
	r.broken = l.broken(delivery, &r, holes, unsaid)
	return r
}

// broken names the promises that were.
func (l *ledger) broken(delivery wsclient.Delivery, r *row, holes, unsaid int) (list []string) {
	once := delivery == wsclient.AtMostOnce
	for _, p := range []struct {
		broken bool
		text   string
	}{
		{l.damaged > 0, fmt.Sprintf("%d messages that nobody has sent have come", l.damaged)},
		{holes > 0, fmt.Sprintf("%d messages are missing in the middle of a connection", holes)},
		{r.disorder > 0, fmt.Sprintf("%d messages have come behind later ones", r.disorder)},
		{!once && r.lost > 0, fmt.Sprintf("%d messages are lost", r.lost)},
		{once && r.twice > 0, fmt.Sprintf("%d messages have come twice", r.twice)},
		{once && r.lost > r.uncertain, fmt.Sprintf("%d messages are lost, %d were reported", r.lost, r.uncertain)},
		{once && unsaid > 0, fmt.Sprintf("%d messages were lost at cuts that have not reported as many", unsaid)},
	} {
		if p.broken {
			list = append(list, p.text)
		}
	}
	return list
}
