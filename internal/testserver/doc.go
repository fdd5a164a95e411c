// Package testserver is the other side of every test and example: an
// in-memory network, a WebSocket server whose peers follow a script, and the
// faults of real networks on demand.
//
// It must not share the client's mistakes, so it shares none of its code: it
// speaks frames with gobwas/ws directly and checks each byte of the client
// against RFC 6455; see [Server.Violations].
//
// A typical test inside a testing/synctest bubble:
//
//	network := testserver.NewNetwork()
//	ln, err := network.Listen("feed.test:80")
//	srv := &testserver.Server{Handler: testserver.Sessions(
//		func(p *testserver.Peer) { p.WriteText("one"); p.FIN() },
//		testserver.Echo,
//	)}
//	err = srv.Start(ln)
//	defer srv.Close()
//	... Options{NetDial: network.DialContext}, srv.URL() ...
//
// Every wait in this package is on a channel, a sync.Cond or a timer, because
// those are what synctest sees as "durably blocked"; mutexes are held for an
// instant only, never across I/O. Real TCP works too, outside bubbles.
package testserver
