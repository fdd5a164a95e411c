package wsclient

// A fifo hands out in the order in which it was given. What comes as a batch is
// taken over where it can be, not copied.
type fifo[T any] struct {
	out   []T // from head on: the next to be taken
	head  int
	queue []T // behind them
}

func (f *fifo[T]) len() int { return len(f.out) - f.head + len(f.queue) }

// at returns the element that has i others before it.
func (f *fifo[T]) at(i int) *T {
	if n := len(f.out) - f.head; i >= n {
		return &f.queue[i-n]
	}
	return &f.out[f.head+i]
}

func (f *fifo[T]) push(v T) { f.queue = append(f.queue, v) }

// pushAll takes over batch and returns memory for the next one.
func (f *fifo[T]) pushAll(batch []T) (spare []T) {
	switch {
	case f.len() == 0:
		spare, f.out, f.head = f.out[:0], batch, 0
	case len(f.queue) == 0:
		spare, f.queue = f.queue, batch
	default:
		f.queue = append(f.queue, batch...)
		clear(batch)
		spare = batch[:0]
	}
	return spare
}

// pop takes the first element out; there is one. The caller clears what it
// points to, so that nothing is pinned.
func (f *fifo[T]) pop() *T {
	if f.head == len(f.out) {
		f.out, f.queue, f.head = f.queue, f.out[:0], 0
	}
	f.head++
	return &f.out[f.head-1]
}

// idleMost is how many elements an idle one keeps memory for: a thousand, and
// what append allocates beyond.
const idleMost = 1<<10 + 1<<8

// rest gives back what an idle fifo does not need; it is empty.
func (f *fifo[T]) rest() {
	if cap(f.out) > idleMost {
		f.out, f.head = nil, 0
	}
	if cap(f.queue) > idleMost {
		f.queue = nil
	}
}
