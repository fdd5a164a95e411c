package heartbeat_test

import "github.com/steadyws/steadyws/heartbeat"

var (
	fixed   = heartbeat.Policy{Interval: 20 * second, Timeout: 10 * second, Fixed: true}
	discord = heartbeat.Policy{Interval: 40 * second, Timeout: 40 * second, Fixed: true, Jitter: true, AnswersOnly: true}
	strict  = heartbeat.Policy{AnswersOnly: true}
	beats   = heartbeat.Policy{Interval: 5 * second, Timeout: 5 * second, AnswersOnly: true,
		Probe: heartbeat.Expect(func(bool, []byte) bool { return false })}
	three = heartbeat.Policy{Interval: 10 * second, Timeout: 5 * second, Misses: 3}
)

// periods: probes whatever flows, and the first one by chance.
var periods = []scene{
	{"a fixed period goes on whatever is received, and the verdict goes by bytes", fixed, `
		0 tick: next 20
		19 received
		20 tick: probe, next 40
		20 wrote: next 30
		25 received
		30 tick: next 40
		39 received
		40 tick: probe, next 60
		40 wrote: next 50
		50 tick: dead 11 10, next never`},
	{"a fixed period does not begin anew with a byte", fixed, `
		0 tick: next 20
		5 received
		20 tick: probe, next 40`},
	{"the first probe comes after a part of Interval, the others after Interval", heartbeat.Policy{Fixed: true, Jitter: true}, `
		0 jitter: 0.2
		0 tick: next 3
		3 tick: probe, next 18
		18 tick: probe, next 33`},
	{"a part of nothing is a nanosecond", heartbeat.Policy{Fixed: true, Jitter: true}, `
		0 jitter: 0
		0 tick: next 0.000000001
		0.000000001 tick: probe, next 15.000000001`},
	{"the first silence may be a part of Interval too", heartbeat.Policy{Jitter: true}, `
		0 jitter: 0.2
		0 tick: next 3
		2 received
		3 tick: next 5
		5 tick: probe, next 20
		6 received
		20 tick: next 21`},
	{"there is no chance without Jitter", standard, `
		0 jitter: 0.2
		0 tick: next 15`},
}

// answers: only what matches the probe proves life.
var answers = []scene{
	{"a beat that is unanswered before the next is death, whatever else comes", discord, `
		0 jitter: 0.25
		0 tick: next 10
		10 tick: probe, next 50
		10 wrote: next 50
		11 answered: 10
		50 tick: probe, next 90
		50 wrote: next 90
		89 received
		89.999999999 tick: next 90
		90 tick: dead 79 40, next never`},
	{"bytes are no answer", strict, `
		15 tick: probe, next 30
		15 wrote: next 25
		20 received
		24.999999999 tick: next 25
		25 tick: dead 25 10, next never`},
	{"an answer is one to all that was written before what it answers", strict, `
		15 tick: probe, next 30
		15 wrote: next 25
		16 answered: 15
		25 tick: next 30
		30 tick: probe, next 45
		30 wrote: next 40
		40 tick: dead 24 10, next never`},
	{"an answer to an earlier probe is none to a later one", heartbeat.Policy{Interval: 10 * second, Timeout: 15 * second, AnswersOnly: true}, `
		0 tick: next 10
		10 tick: probe, next 20
		10 wrote: next 20
		20 tick: probe, next 25
		20 wrote: next 25
		24 answered: 10
		25 tick: next 30
		30 tick: probe, next 35
		30 wrote: next 35
		35 tick: dead 11 15, next never`},
	{"as long as bytes come no probe goes out, and none is owed", strict, `
		10 received
		15 tick: next 25
		20 received
		25 tick: next 35`},
	{"an unanswered probe is followed by others though bytes come", heartbeat.Policy{Interval: 10 * second, Timeout: 5 * second, AnswersOnly: true, Misses: 2}, `
		0 tick: next 10
		10 tick: probe, next 20
		10 wrote: next 20
		15 received
		20 tick: probe, next 30
		20 wrote: next 25
		24 received
		25 tick: dead 25 5, next never`},
	{"while nobody reads the verdict is on hold", strict, `
		15 tick: probe, next 30
		15 wrote: next 25
		20 busy
		25 tick: held, next 30
		30 tick: probe, held, next 40
		38 caught up
		38 tick: next 45
		45 tick: probe, next 48
		48 tick: dead 48 33, next never`},
	{"and it starts anew even if nobody was asked meanwhile", strict, `
		15 tick: probe, next 30
		15 wrote: next 25
		16 busy
		24 caught up
		25 tick: next 30
		30 tick: probe, next 34
		34 tick: dead 34 19, next never`},
	{"bytes that keep the reader from sleeping do not put it off", strict, `
		15 tick: probe, next 30
		15 wrote: next 25
		20 received
		24 received
		24.9 waits
		25 tick: dead 25 10, next never`},
	{"what the kernel has is read first", strict, `
		15 tick: probe, next 30
		15 wrote: next 25
		25 unread
		25 tick: held, next 30
		25.1 read
		25.1 received
		25.1 tick: dead 25.1 10.1, next never`},
	{"beats alone prove life under Expect", beats, `
		0 tick: next 10
		3 answered: 3
		9 received
		10 tick: next 13
		13 tick: dead 10 0, next never`},
	{"they do not have to be known where any byte does", heartbeat.Policy{Interval: 5 * second, Timeout: 5 * second, Probe: beats.Probe}, `
		0 tick: next 10
		3 answered: 3
		9 received
		10 tick: next 19
		19 tick: dead 10 0, next never`},
}

// misses: several probes in a row.
var misses = []scene{
	{"the verdict is a Timeout after the last probe that may be missed", three, `
		0 tick: next 10
		10 tick: probe, next 20
		10 wrote: next 20
		20 tick: probe, next 30
		20 wrote: next 30
		30 tick: probe, next 40
		30 wrote: next 35
		35 tick: dead 35 5, next never`},
	{"a byte between them counts them anew", three, `
		10 tick: probe, next 20
		10 wrote: next 20
		20 tick: probe, next 30
		20 wrote: next 30
		25 received
		30 tick: next 35
		35 tick: probe, next 45
		35 wrote: next 45
		45 tick: probe, next 55
		45 wrote: next 55
		55 tick: probe, next 65
		55 wrote: next 60
		60 tick: dead 35 5, next never`},
	{"those that were written after the byte still count", heartbeat.Policy{Interval: 10 * second, Timeout: 25 * second, Misses: 2}, `
		10 tick: probe, next 20
		10 wrote: next 20
		20 tick: probe, next 30
		20 wrote: next 30
		30 tick: probe, next 40
		30 wrote: next 40
		31 received
		32 wrote: next 40
		40 tick: next 41
		41 tick: probe, next 51
		41 wrote: next 51
		51 tick: probe, next 61
		51 wrote: next 61
		61 tick: probe, next 66
		61 wrote: next 66
		66 tick: dead 35 25, next never`},
	{"however many were written on hold, the last of those that may be missed counts", heartbeat.Policy{Interval: 10 * second, Timeout: 5 * second, Misses: 2}, `
		10 tick: probe, next 20
		10 wrote: next 20
		10 busy
		20 tick: probe, next 30
		20 wrote: next 25
		30 tick: probe, held, next 40
		30 wrote: next 35
		40 tick: probe, held, next 50
		40 wrote: next 45
		50 tick: probe, held, next 60
		50 wrote: next 55
		57 waits
		57 tick: next 60
		60 tick: probe, next 62
		62 tick: dead 62 42, next never`},
}

// sleeping: the wall clock went on while the other stood still.
var sleeping = []scene{
	{"a machine that slept probes at once, and the verdict is a Timeout later", standard, `
		0 tick: next 15
		5 received
		15 tick: next 20
		18 asleep: 3600
		20 tick: probe, next 35
		20 wrote: next 30
		30 tick: dead 25 10, next never`},
	{"it does so at the first Tick, due or not", standard, `
		0 tick: next 15
		1 asleep: 60
		2 tick: probe, next 17
		2 wrote: next 12
		12 tick: dead 12 10, next never`},
	{"once", standard, `
		0 tick: next 15
		1 asleep: 60
		2 tick: probe, next 17
		3 tick: next 17
		3 received
		17 tick: next 18`},
	{"a verdict that fell due meanwhile waits for the new probe", standard, `
		0 tick: next 15
		15 tick: probe, next 30
		15 wrote: next 25
		16 asleep: 60
		25 tick: probe, next 40
		25 wrote: next 35
		35 tick: dead 35 10, next never`},
	{"one probe is enough then", three, `
		0 tick: next 10
		1 asleep: 60
		2 tick: probe, next 12
		2 wrote: next 7
		7 tick: dead 7 5, next never`},
	{"and all of them are needed again once the peer has answered", three, `
		0 tick: next 10
		1 asleep: 60
		2 tick: probe, next 12
		2 wrote: next 7
		3 received
		7 tick: next 13
		13 tick: probe, next 23
		13 wrote: next 23`},
	{"under AnswersOnly it waits for the answer to the new one", strict, `
		0 tick: next 15
		1 asleep: 60
		2 tick: probe, next 17
		2 wrote: next 12
		3 answered: 2
		12 tick: next 17`},
	{"less than five seconds are no sleep", standard, `
		0 tick: next 15
		1 asleep: 4.999
		2 tick: next 15`},
	{"nor is a clock that was set back", standard, `
		0 tick: next 15
		1 asleep: -3600
		2 tick: next 15`},
	{"Passive cannot ask, and puts the verdict off", silent, `
		0 tick: next 30
		10 asleep: 3600
		30 tick: next 40
		40 tick: dead 40 0, next never`},
	{"Off sleeps on", heartbeat.Off, `
		0 tick: next never
		1 asleep: 3600
		2 tick: next never`},
}
