// Package reconnect decides whether and when a client connects again.
//
// It is pure: it takes the time as an argument and returns decisions; it never
// sleeps, reads a clock, or opens a socket. A user of the client needs [Policy],
// [Never], [Permanent] and, to judge failures, [Failure], [Verdict] and
// [Default]. [Streak] is what the client itself runs on.
package reconnect
