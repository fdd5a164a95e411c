package wsclient

// What an inbox throws away when it is full, or has a newer message of the same
// key. Its mutex is held.

// sift takes in what the policy lets in of ms, one by one. false: the policy is
// to disconnect; the first for which there was no room ends it, so that what was
// received before the cut has no hole.
func (b *inbox) sift(ms []Message) bool {
	for i, m := range ms {
		key := ""
		if b.index != nil {
			b.index.enter(m.Session)
			key = b.index.fresh[i]
		}
		if !b.admit(m, key) {
			b.lose(len(ms) - i)
			return false
		}
	}
	return true
}

// admit makes room for m and takes it in, unless the policy is another.
func (b *inbox) admit(m Message, key string) bool {
	for {
		old := b.rival(key)
		if b.fits(m, old) {
			b.keep(m, key, old)
			return true
		}
		switch b.overflow {
		case OverflowDropOldest:
			b.shed()
		case OverflowDropNewest:
			b.lose(1)
			return true
		default:
			return false
		}
	}
}

// rival returns the message that one with that key replaces, or nil.
func (b *inbox) rival(key string) *Message {
	if b.index == nil {
		return nil
	}
	if i, ok := b.index.find(key); ok {
		return b.messages.at(i)
	}
	return nil
}

// fits reports whether there is room for m in the place of old, if there is one.
// An inbox that is empty but for that takes a message of any size.
func (b *inbox) fits(m Message, old *Message) bool {
	count, bytes := b.messages.len(), b.bytes
	if old != nil {
		count, bytes = count-1, bytes-int64(len(old.Data))
	}
	return count == 0 || b.overflow == OverflowBlock || count < b.maxMessages && bytes+int64(len(m.Data)) <= b.maxBytes
}

// keep takes m in, in the place of old if there is one.
func (b *inbox) keep(m Message, key string, old *Message) {
	b.bytes += int64(len(m.Data))
	if old != nil {
		b.bytes -= int64(len(old.Data))
		m.Dropped = old.Dropped + 1
		*old = m
		b.dropped++
		b.replaced++
		return
	}
	m.Dropped, b.gap = b.gap, 0
	b.messages.push(m)
	if b.index != nil {
		b.index.push(key)
	}
}

// shed throws the first message away: the hole is before the next one.
func (b *inbox) shed() {
	m := b.messages.pop()
	hole := &b.gap
	if b.messages.len() > 0 {
		hole = &b.messages.at(0).Dropped
	}
	*hole += m.Dropped + 1
	b.dropped++
	b.popped(len(m.Data))
	m.Data = nil
}

// lose throws n messages away that have come behind all others.
func (b *inbox) lose(n int) {
	b.gap += n
	b.dropped += uint64(n)
}

// popped notes that the first message, of n bytes, is out.
func (b *inbox) popped(n int) {
	b.bytes -= int64(n)
	if b.index != nil {
		b.index.pop()
	}
}
