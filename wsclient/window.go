package wsclient

import "slices"

// A window is what was handed over and is not confirmed. Handed messages are
// numbered in the order in which they left; most of them are no more than counts.
// Those that may have to go again, that have an id, or that are to be reported with
// their payload are entries too.
type window struct {
	handed, confirmed tally // of all messages confirmed by pongs
	pong              []sent
	head              int    // of pong
	ids               []sent // confirmed by id, in order; those with number 0 are
	live              int    // of ids, those that are not
	idBytes           int64  // theirs
	lastID            uint64 // how many with an id were handed over
}

// A tally is a place in the order of handing over: how many messages, and of
// those that a cut settles how many and how many bytes.
type tally struct {
	n     uint64
	once  uint64
	bytes int64
	all   int64  // bytes of all of them
	hook  uint64 // what OnConnect has sent is not among them
}

// A sent is one entry of the window.
type sent struct {
	e  entry
	at uint64 // its number, of a run the last one's; of one with an id, that of the next without
	id uint64 // its number among those with an id
}

// bytes is the payload that is not confirmed.
func (w *window) bytes() int64 { return w.handed.all - w.confirmed.all + w.idBytes }

// messages is how many are not confirmed.
func (w *window) messages() int { return int(w.handed.n-w.confirmed.n) + w.live }

// hooks is how many of what OnConnect has sent are not confirmed.
func (w *window) hooks() uint64 { return w.handed.hook - w.confirmed.hook }

// hand notes that e was handed over. keep: its memory stays with the window.
func (w *window) hand(e *entry) (keep bool) {
	if e.acked() {
		w.lastID++
		w.ids = append(w.ids, sent{*e, w.handed.n + 1, w.lastID})
		w.live++
		w.idBytes += int64(e.size)
		return true
	}
	w.handed.n += uint64(e.count)
	w.handed.all += int64(e.size)
	if !e.is(again) {
		w.handed.once += uint64(e.count)
		w.handed.bytes += int64(e.size)
	}
	if e.is(kept) {
		w.pong = append(w.pong, sent{*e, w.handed.n, 0})
	}
	return e.is(kept)
}

// confirm settles what left before to, and forgets its entries.
func (w *window) confirm(to tally, forget func(*entry)) {
	if to.n < w.confirmed.n || to.hook < w.confirmed.hook {
		return
	}
	w.confirmed = to
	for w.head < len(w.pong) && w.pong[w.head].at <= to.n {
		forget(&w.pong[w.head].e)
		w.pong[w.head] = sent{}
		w.head++
	}
	if w.head == len(w.pong) {
		w.pong, w.head = w.pong[:0], 0
		if cap(w.pong) > ringMore {
			w.pong = nil // an idle queue holds little
		}
	} else if w.head > len(w.pong)/2 {
		n := copy(w.pong, w.pong[w.head:])
		clear(w.pong[n:])
		w.pong, w.head = w.pong[:n], 0
	}
}

// find returns the place in ids of the first message with this id, or -1.
func (w *window) find(id string) int {
	return slices.IndexFunc(w.ids, func(s sent) bool { return s.at != 0 && s.e.x.id == id })
}

// ack settles what is in ids from first to last, as far as which says so.
func (w *window) ack(first, last int, forget func(*entry)) {
	for i := first; i <= last; i++ {
		if s := &w.ids[i]; s.at != 0 {
			w.live--
			w.idBytes -= int64(s.e.size)
			forget(&s.e)
			*s = sent{}
		}
	}
}

// squeeze keeps ids no longer than twice what is in it.
func (w *window) squeeze() {
	if len(w.ids) <= 2*w.live {
		return
	}
	n := 0
	for _, s := range w.ids {
		if s.at != 0 {
			w.ids[n] = s
			n++
		}
	}
	clear(w.ids[n:])
	if w.ids = w.ids[:n]; n == 0 {
		w.ids = nil
	}
}

// A place is how much had left at some moment.
type place struct {
	tally
	id uint64
}

func (w *window) place() place { return place{w.handed, w.lastID} }

// settled reports whether all that had left at p is confirmed.
func (w *window) settled(p place) bool { return w.confirmed.n >= p.n && w.acked(p) }

// acked reports whether of all that had left at p what has an id is confirmed.
func (w *window) acked(p place) bool {
	for i := range w.ids {
		if w.ids[i].at != 0 {
			return w.ids[i].id > p.id
		}
	}
	return true
}

// loses counts what a cut would lose of what had left at p.
func (w *window) loses(p place) (lost UnconfirmedError) {
	if p.once > w.confirmed.once {
		lost.Messages = int(p.once - w.confirmed.once)
		lost.Bytes = p.bytes - w.confirmed.bytes
	}
	for i := range w.ids {
		if s := &w.ids[i]; s.at != 0 && s.id <= p.id && !s.e.is(again) {
			lost.Messages++
			lost.Bytes += int64(s.e.size)
		}
	}
	return lost
}

// cut empties the window. It returns its entries in the order in which they had
// left, and what they do not tell: the messages that are lost, as counts.
func (w *window) cut() (entries []sent, lost UnconfirmedError) {
	lost = w.loses(w.place())
	pong := w.pong[w.head:]
	for _, s := range w.ids {
		if s.at == 0 {
			continue
		}
		for len(pong) > 0 && pong[0].at < s.at {
			entries, pong = append(entries, pong[0]), pong[1:]
		}
		entries = append(entries, s)
	}
	entries = append(entries, pong...)
	w.confirmed = w.handed
	w.pong, w.head, w.ids, w.live, w.idBytes = nil, 0, nil, 0, 0
	return entries, lost
}
