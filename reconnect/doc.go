// Package reconnect decides whether and when a client connects again.
//
// It is pure: it takes the time as an argument and returns decisions; it never
// sleeps, reads a clock, or opens a socket. A user of the client needs [Policy],
// [Never], [Permanent] and, to judge failures, [Failure], [Verdict], [Default]
// and [Bands]; and [Limiter], so that many clients come back together without a
// storm. [Streak] and [Reservation] are what the client itself runs on.
package reconnect
