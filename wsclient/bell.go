package wsclient

import "sync"

// A bell holds a token, of which one is enough, for one who waits. Its channel is
// made when somebody does: most bells are never waited for.
type bell struct {
	mu   sync.Mutex
	rung bool // while there is no channel
	c    chan struct{}
}

// ring puts the token in.
func (b *bell) ring() {
	b.mu.Lock()
	if b.c == nil {
		b.rung = true
	} else {
		signal(b.c)
	}
	b.mu.Unlock()
}

// wait returns the channel that the token comes out of.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.c = make(chan struct{}, 1)
		if b.rung {
			signal(b.c)
		}
	}
	return b.c
}

// clear takes the token out.
func (b *bell) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung = false; b.c != nil {
		drain(b.c)
	}
}
