package wsclient

// buffers are the bytes of a batch that are not written yet: pieces of memory, in the
// order in which they leave, as net.Buffers has them.
type buffers struct {
	pieces [][]byte
	gone   int // of pieces, those that are written
}

// buffersMost is how many pieces one system call gets.
const buffersMost = 32

// pieceLeast is the size from which a piece of its own costs less than to be copied.
const pieceLeast = 2 << 10

// add appends p, which is not empty and must not change.
func (b *buffers) add(p []byte) {
	if n := len(b.pieces); n > b.gone {
		last := b.pieces[n-1]
		if end := len(last); cap(last)-end >= len(p) && &last[:end+1][end] == &p[0] {
			b.pieces[n-1] = last[:end+len(p)] // one behind the other in memory, too
			return
		}
	}
	b.pieces = append(b.pieces, p)
}

// next is what goes out next: some pieces, or none.
func (b *buffers) next() [][]byte {
	return b.pieces[b.gone:min(len(b.pieces), b.gone+buffersMost)]
}

// written takes the first n bytes out.
func (b *buffers) written(n int) {
	for n > 0 {
		p := &b.pieces[b.gone]
		if n < len(*p) {
			*p = (*p)[n:]
			return
		}
		n -= len(*p)
		*p = nil
		b.gone++
	}
}

// cut takes out all but the first n bytes.
func (b *buffers) cut(n int) {
	for i := b.gone; i < len(b.pieces); i++ {
		p := &b.pieces[i]
		if *p = (*p)[:min(n, len(*p))]; len(*p) == 0 {
			clear(b.pieces[i:])
			b.pieces = b.pieces[:i]
			return
		}
		n -= len(*p)
	}
}

// reset takes all out.
func (b *buffers) reset() {
	clear(b.pieces)
	b.pieces, b.gone = b.pieces[:0], 0
}
