package reconnect

// A Limiter is a dial budget shared by any number of clients.
//
// It limits nothing yet: the type holds the place in [Policy], and a client
// refuses a Policy whose Limiter is not nil.
type Limiter struct{}
