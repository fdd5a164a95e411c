package wsclient

// An index knows where in the inbox the newest message of each key is. What is
// not said to be the reader's is guarded by the inbox's mutex.
type index struct {
	key   func(Message) string
	fresh []string // keys of the messages that are to be put; the reader's

	keys    fifo[string]      // of the messages in the inbox
	first   uint64            // the place of the next to be taken, counted from the first ever
	places  map[string]uint64 // by key; of one session, or it would go back and forth
	session int               // which that is
	most    int               // that places has held: a map does not shrink
}

// read asks for the keys of ms. It calls the user's code, without the mutex.
func (x *index) read(ms []Message) {
	x.fresh = x.fresh[:0]
	for i := range ms {
		x.fresh = append(x.fresh, x.key(ms[i]))
	}
}

// forget lets go of what read has found.
func (x *index) forget() {
	clear(x.fresh)
	if cap(x.fresh) > idleMost {
		x.fresh = nil
	}
}

// enter is called before the first message of a session, and of any.
func (x *index) enter(session int) {
	if session != x.session {
		x.session, x.places, x.most = session, nil, 0
	}
}

// find returns how many messages are before the one with that key.
func (x *index) find(key string) (i int, ok bool) {
	if key == "" {
		return 0, false
	}
	place, ok := x.places[key]
	return int(place - x.first), ok
}

// push notes that a message with that key is behind all others now.
func (x *index) push(key string) {
	if key != "" {
		if x.places == nil {
			x.places = map[string]uint64{}
		}
		x.places[key] = x.first + uint64(x.keys.len())
		x.most = max(x.most, len(x.places))
	}
	x.keys.push(key)
}

// pop notes that the first message is taken out.
func (x *index) pop() {
	key := x.keys.pop()
	if *key != "" && x.places[*key] == x.first {
		delete(x.places, *key)
	}
	*key = ""
	x.first++
}

// rest gives back what an idle inbox does not need; it is empty.
func (x *index) rest() {
	x.keys.rest()
	if x.most > idleMost {
		x.places, x.most = nil, 0
	}
}
