package heartbeat

// Send makes the seq-th message of p, which is one of Func, Text or JSON.
func Send(p Probe, seq uint64) (text bool, data []byte) { return p.(*message).send(seq) }

// Match reports whether a received message answers the seq-th of p.
func Match(p Probe, seq uint64, text bool, data []byte) bool {
	d := Policy{Probe: p}.Dialog(seq - 1)
	d.seq.Store(seq)
	return d.Hear(text, data).Answer
}
