package testserver

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

const (
	defaultTicks = 50   // per second
	keptTicks    = 1024 // a slower reader than that misses some, and sees it by Seq
)

// Tick is one trade of a Feed, a JSON text message.
type Tick struct {
	Seq    uint64 `json:"seq"` // +1 for each tick of the feed, whoever is connected
	Symbol string `json:"symbol"`
	Price  string `json:"price"` // decimal, as venues send it
	Size   string `json:"size"`
	Time   int64  `json:"ts"` // Unix milliseconds
}

// Feed is a market whose prices walk at random. It trades whether or not
// somebody listens, so that a client sees by Seq what a cut has cost it. Its
// Serve is a Handler. Set the fields before the first connection.
type Feed struct {
	PerSecond int      // ticks per second, all symbols together; zero: 50
	Symbols   []string // nil: three well-known ones

	mu     sync.Mutex
	opened time.Time // of the market: the first connection
	random *rand.Rand
	cents  []int64 // the price of each symbol
	last   uint64
	ticks  [keptTicks][]byte // encoded, by Seq
}

// Serve sends every tick from now on, and acknowledges
// {"op":"subscribe","symbols":[...]} without filtering by it: a hole in Seq
// means loss, nothing else.
func (f *Feed) Serve(p *Peer) {
	var reader sync.WaitGroup
	left := make(chan struct{})
	reader.Go(func() {
		defer close(left)
		f.listen(p)
	})
	f.publish(p, left)
	reader.Wait()
}

// publish sends until the client has left.
func (f *Feed) publish(p *Peer, left <-chan struct{}) {
	ticker := time.NewTicker(f.period())
	defer ticker.Stop()
	next := f.now()
	for {
		select {
		case <-ticker.C:
		case <-left:
			return
		}
		var due []Frame
		if due, next = f.since(next); len(due) == 0 {
			continue
		}
		if p.Write(due...) != nil {
			return // the connection has failed, or has sent its Close: Serve waits for the reader
		}
	}
}

// listen reads the client's messages until it leaves.
func (f *Feed) listen(p *Peer) {
	for {
		_, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		var request struct {
			Op      string   `json:"op"`
			Symbols []string `json:"symbols"`
		}
		if json.Unmarshal(data, &request) != nil || request.Op != "subscribe" {
			continue
		}
		request.Op = "subscribed"
		answer, err := json.Marshal(request)
		if err != nil || p.WriteText(string(answer)) != nil {
			return
		}
	}
}

func (f *Feed) period() time.Duration {
	if f.PerSecond > 0 {
		return time.Second / time.Duration(f.PerSecond)
	}
	return time.Second / defaultTicks
}

// now is the Seq after the newest tick's.
func (f *Feed) now() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trade()
	return f.last + 1
}

// since returns the ticks from seq to the newest, and the seq after them.
func (f *Feed) since(seq uint64) (due []Frame, next uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trade()
	if f.last >= keptTicks {
		seq = max(seq, f.last-keptTicks+1)
	}
	for ; seq <= f.last; seq++ {
		due = append(due, TextFrame(string(f.ticks[seq%keptTicks])))
	}
	return due, seq
}

// trade makes up for the time that has passed since the last call; the feed
// has no goroutine of its own. The caller holds the mutex.
func (f *Feed) trade() {
	if f.random == nil {
		f.open()
	}
	due := uint64(time.Since(f.opened) / f.period())
	for f.last < due {
		f.last++
		i := f.random.IntN(len(f.cents))
		step := f.cents[i]/2000 + 2 // up to 5 basis points either way
		f.cents[i] = max(1, f.cents[i]+f.random.Int64N(2*step+1)-step)
		at := f.opened.Add(time.Duration(f.last) * f.period())
		// Strings and integers only: Marshal has nothing to refuse.
		f.ticks[f.last%keptTicks], _ = json.Marshal(Tick{
			Seq:    f.last,
			Symbol: f.Symbols[i],
			Price:  strconv.FormatFloat(float64(f.cents[i])/100, 'f', 2, 64),
			Size:   strconv.FormatFloat(f.random.Float64()*2, 'f', 4, 64),
			Time:   at.UnixMilli(),
		})
	}
}

func (f *Feed) open() {
	if len(f.Symbols) == 0 {
		f.Symbols = []string{"BTC-USD", "ETH-USD", "SOL-USD"}
	}
	f.opened = time.Now()
	f.random = rand.New(rand.NewPCG(1, 2)) // the same walk each run
	price := int64(6_500_000)
	for range f.Symbols {
		f.cents = append(f.cents, price)
		price = max(100, price/20)
	}
}
