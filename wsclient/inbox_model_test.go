package wsclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A modelInbox is what InboxOptions promise, written down as plainly as can be.
type modelInbox struct {
	o    InboxOptions
	held []modelMessage
	lost []int // ids, behind the last of held
}

type modelMessage struct {
	Message
	id   int
	key  string
	lost []int // ids of those thrown away before it, or replaced by it
}

func (b *modelInbox) size(without int) (messages int, bytes int64) {
	for i, m := range b.held {
		if i != without {
			messages, bytes = messages+1, bytes+int64(len(m.Data))
		}
	}
	return messages, bytes
}

// put takes in ms. false: disconnect.
func (b *modelInbox) put(ms []modelMessage) bool {
	for i, m := range ms {
		for {
			at := slices.IndexFunc(b.held, func(h modelMessage) bool { return m.key != "" && h.key == m.key && h.Session == m.Session })
			count, bytes := b.size(at)
			if b.o.Overflow != OverflowBlock && count > 0 && (count == b.o.MaxMessages || bytes+int64(len(m.Data)) > b.o.MaxBytes) {
				switch b.o.Overflow {
				case OverflowDropOldest:
					first := b.take()
					ids := append(first.lost, first.id)
					if len(b.held) > 0 {
						b.held[0].lost = append(ids, b.held[0].lost...)
					} else {
						b.lost = append(ids, b.lost...)
					}
					continue
				case OverflowDropNewest:
					b.lost = append(b.lost, m.id)
				case OverflowDisconnect:
					for _, m := range ms[i:] {
						b.lost = append(b.lost, m.id)
					}
					return false
				}
				break
			}
			if at >= 0 {
				m.lost = append(b.held[at].lost, b.held[at].id)
				b.held[at] = m
			} else {
				m.lost, b.lost = b.lost, nil
				b.held = append(b.held, m)
			}
			break
		}
	}
	return true
}

func (b *modelInbox) take() modelMessage {
	m := b.held[0]
	b.held = b.held[1:]
	return m
}

// TestInboxDoesWhatItsModelDoes: the name of a subtest is its seed.
func TestInboxDoesWhatItsModelDoes(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			o := InboxOptions{MaxMessages: 1 + rnd.IntN(1+rnd.IntN(40)), MaxBytes: 1 + rnd.Int64N(200)}
			o.Overflow = []Overflow{OverflowBlock, OverflowDropOldest, OverflowDropNewest, OverflowDisconnect}[seed%4]
			keys := 1 + rnd.IntN(50)
			if rnd.IntN(4) > 0 {
				o.Key = func(m Message) string {
					if n := len(m.Data) % keys; n > 0 {
						return strconv.Itoa(n)
					}
					return ""
				}
			}
			checkInbox(t, rnd, o)
		})
	}
}

func checkInbox(t *testing.T, rnd *rand.Rand, o InboxOptions) {
	var b inbox
	b.init(o)
	model := &modelInbox{o: o}
	var batch []Message
	var accounted []int // ids received or known to be dropped
	put, dropped, session := 0, 0, 1
	for range 600 {
		if rnd.IntN(50) == 0 {
			session++
		}
		if rnd.IntN(3) == 0 {
			var ms []modelMessage
			for range 1 + rnd.IntN(1+rnd.IntN(60)) {
				m := modelMessage{Message: Message{Type: BinaryMessage, Data: make([]byte, rnd.IntN(1+rnd.IntN(60))), Session: session}, id: put}
				m.Received = time.Unix(int64(put), 0)
				if o.Key != nil {
					m.key = o.Key(m.Message)
				}
				batch, ms, put = append(batch, m.Message), append(ms, m), put+1
			}
			var roomy bool
			batch, roomy = b.put(batch)
			want := model.put(ms)
			if messages, bytes := model.size(-1); o.Overflow == OverflowBlock {
				want = messages < o.MaxMessages && bytes < o.MaxBytes
			}
			if roomy != want {
				t.Fatalf("put reports %v, want %v", roomy, want)
			}
		}
		for range rnd.IntN(1 + rnd.IntN(30)) {
			var got Message
			ok, _ := b.take(&got)
			if ok != (len(model.held) > 0) {
				t.Fatalf("take: %v with %d held", ok, len(model.held))
			}
			if !ok {
				b.waiting = 0
				break
			}
			m := model.take()
			if len(got.Data) != len(m.Data) || !got.Received.Equal(m.Received) || got.Session != m.Session || got.Dropped != len(m.lost) {
				t.Fatalf("took %+v, want %+v with %d dropped", got, m.Message, len(m.lost))
			}
			accounted = append(append(accounted, m.id), m.lost...)
			dropped += got.Dropped
		}
		var s Stats
		b.stats(&s)
		if messages, bytes := model.size(-1); s.InboxMessages != messages || s.InboxBytes != bytes {
			t.Fatalf("%d messages of %d bytes, want %d of %d", s.InboxMessages, s.InboxBytes, messages, bytes)
		}
		if x := b.index; x != nil && (len(x.places) > s.InboxMessages || x.keys.len() != s.InboxMessages) {
			t.Fatalf("%d places and %d keys for %d messages", len(x.places), x.keys.len(), s.InboxMessages)
		}
	}
	for _, m := range model.held {
		accounted = append(append(accounted, m.id), m.lost...)
		dropped += len(m.lost)
	}
	accounted = append(accounted, model.lost...)
	slices.Sort(accounted)
	if len(accounted) != put || len(slices.Compact(accounted)) != put || b.dropped != uint64(dropped+len(model.lost)) {
		t.Errorf("%d put, %d accounted for, %d dropped of which %d are known", put, len(accounted), b.dropped, dropped+len(model.lost))
	}
}

// No lock is held while user code runs.
func TestKeyRunsWithoutTheInboxesLock(t *testing.T) {
	var b inbox
	b.init(InboxOptions{MaxBytes: 100, MaxMessages: 10, Key: func(Message) string {
		if !b.mu.TryLock() {
			t.Error("Key runs under the lock")
		} else {
			b.mu.Unlock()
		}
		return "k"
	}})
	b.put([]Message{{}, {}})
}

func TestIdleInboxHoldsLittle(t *testing.T) {
	var b inbox
	b.init(InboxOptions{MaxBytes: 1 << 20, MaxMessages: 1 << 20, Key: func(m Message) string { return string(m.Data) }})
	var ms []Message
	for i := range 10_000 {
		ms = append(ms, Message{Data: fmt.Append(nil, i)})
	}
	b.put(ms[:5_000])
	b.put(ms[5_000:])
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		if err := b.receive(ctx, new(Message)); errors.Is(err, context.Canceled) {
			break
		}
	}
	x := b.index
	for name, n := range map[string]int{
		"messages": cap(b.messages.out), "messages behind": cap(b.messages.queue), "keys": cap(x.keys.out), "keys behind": cap(x.keys.queue),
		"fresh keys": cap(x.fresh), "places": x.most,
	} {
		if n > idleMost {
			t.Errorf("an idle inbox has memory for %d %s", n, name)
		}
	}
}

// A key costs no allocation of ours per message.
func TestKeysAllocateNothing(t *testing.T) {
	names := make([]string, 64)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	i := 0
	var b inbox
	b.init(InboxOptions{MaxBytes: 1 << 20, MaxMessages: 50, Overflow: OverflowDropOldest, Key: func(Message) string {
		i++
		return names[i*7%64]
	}})
	batch := make([]Message, 0, 200)
	round := func() {
		batch = batch[:200]
		batch, _ = b.put(batch)
		for range 40 {
			b.take(new(Message))
		}
	}
	round()
	if n := testing.AllocsPerRun(200, round); n > 0 {
		t.Errorf("%v allocations for 200 messages", n)
	}
}
