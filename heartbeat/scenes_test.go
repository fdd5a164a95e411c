package heartbeat_test

import "github.com/steadyws/steadyws/heartbeat"

// probing: when probes go out, and how long their answers may take.
var probing = []scene{
	{"a peer that never says anything is dead at Interval + Timeout", standard, `
		0 tick: next 15
		15 tick: probe, next 30
		15 wrote: next 25
		25 tick: dead 25 10, next never`},
	{"there is no probe and no verdict before their time", standard, `
		0 tick: next 15
		14.999999999 tick: next 15
		15 tick: probe, next 30
		15 wrote: next 25
		24.999999999 tick: next 25
		25 tick: dead 25 10, next never`},
	{"Timeout counts from when the probe was written, not from when it was asked for", standard, `
		15 tick: probe, next 30
		19 wrote: next 29
		25 tick: next 29
		28.999999999 tick: next 29
		29 tick: dead 29 10, next never`},
	{"a probe that is never written gives no verdict", standard, `
		15 tick: probe, next 30
		30 tick: probe, next 45
		45 tick: probe, next 60
		1000 tick: probe, next 1015`},
	{"a received byte puts off the next probe", standard, `
		0 tick: next 15
		10 received
		15 tick: next 25
		24.999999999 tick: next 25
		25 tick: probe, next 40`},
	{"a received byte is an answer, whatever it is", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		24.999999999 received
		25 tick: next 39.999999999
		39.999999999 tick: probe, next 54.999999999
		39.999999999 wrote: next 49.999999999
		49.999999999 tick: dead 25 10, next never`},
	{"a byte of the very moment of the probe is an answer", standard, `
		15 tick: probe, next 30
		15.5 wrote: next 25.5
		15.5 received
		25.5 tick: next 30.5
		30.5 tick: probe, next 45.5`},
	{"a byte between the asking and the writing of a probe is none", standard, `
		15 tick: probe, next 30
		16 received
		17 wrote: next 27
		27 tick: dead 11 10, next never`},
	{"a probe goes out each Interval while the first waits for its verdict", patient, `
		0 tick: next 10
		10 tick: probe, next 20
		10 wrote: next 20
		20 tick: probe, next 30
		20 wrote: next 30
		30 tick: probe, next 35
		30 wrote: next 35
		35 tick: dead 35 25, next never`},
	{"the verdict counts from the first probe into the silence that was written", patient, `
		10 tick: probe, next 20
		20 tick: probe, next 30
		21 wrote: next 30
		30 tick: probe, next 40
		30 wrote: next 40
		40 tick: probe, next 46
		46 tick: dead 46 25, next never`},
	{"with a Timeout longer than Interval an answer still ends it", patient, `
		10 tick: probe, next 20
		10 wrote: next 20
		20 tick: probe, next 30
		20 wrote: next 30
		21 received
		30 tick: next 31
		31 tick: probe, next 41
		31 wrote: next 41
		41 tick: probe, next 51
		51 tick: probe, next 56
		56 tick: dead 35 25, next never`},
	{"and one more as long as there are some", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		20 unread
		25 tick: next 30
		30 tick: probe, next 35
		35 tick: next 45
		45 tick: probe, next 55
		50 read
		55 tick: dead 55 40, next never`},
}

// holding: silence proves nothing while nobody reads.
var holding = []scene{
	{"while nobody reads the verdict is on hold, and probes go on", standard, `
		10 received, busy
		15 tick: next 25
		25 tick: probe, next 40
		25 wrote: next 35
		35 tick: held, next 40
		40 tick: probe, held, next 55
		40 wrote: next 50
		50 tick: held, next 55
		55 tick: probe, held, next 70`},
	{"the verdict starts anew when a read finds the socket empty", standard, `
		10 received, busy
		25 tick: probe, next 40
		25 wrote: next 35
		35 tick: held, next 40
		38 waits
		38 tick: next 40
		40 tick: probe, next 48
		47.999999999 tick: next 48
		48 tick: dead 38 23, next never`},
	{"a read that found the socket empty before the probe does not shorten it", standard, `
		10 received
		25 tick: probe, next 40
		26 wrote: next 36
		36 tick: dead 26 10, next never`},
	{"a hold that ends and begins again starts anew again", standard, `
		10 received, busy
		25 tick: probe, next 40
		25 wrote: next 35
		35 tick: held, next 40
		38 waits
		38 tick: next 40
		39 busy
		40 tick: probe, held, next 55
		54 waits
		54 tick: next 55
		55 tick: probe, next 64
		64 tick: dead 54 39, next never`},
	{"a byte that ends a hold is an answer", standard, `
		10 received, busy
		25 tick: probe, next 40
		25 wrote: next 35
		35 tick: held, next 40
		36 received
		36 tick: next 51
		51 tick: probe, next 66`},
}

// sparing: what revokes a verdict, or puts it off.
var sparing = []scene{
	{"the answer to one probe is none to a probe that was written later", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		15 busy
		25 tick: held, next 30
		30 tick: probe, held, next 45
		31 received
		32 wrote: next 42
		42 tick: dead 11 10, next never`},
	{"an answered probe gives no verdict later", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		16 received
		25 tick: next 31
		31 tick: probe, next 46
		40 tick: next 46
		46 tick: probe, next 61`},
	{"bytes that the kernel has give one more Timeout", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		24 unread
		24 tick: next 25
		25 tick: next 30
		30 tick: probe, next 35
		30 read
		34 tick: next 35
		35 tick: dead 35 20, next never`},
	{"bytes that the kernel has before the verdict is due prove nothing yet", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		20 unread
		20 tick: next 25
		21 read
		25 tick: dead 25 10, next never`},
	{"a Tick that is late by Timeout/10 is not late", standard, `
		0 tick: next 15
		15 tick: probe, next 30
		15 wrote: next 25
		26 tick: dead 26 11, next never`},
	{"a Tick that is later gives one more Timeout, once", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		26.000000001 tick: next 30
		30 tick: probe, next 36.000000001
		38 tick: dead 38 23, next never`},
	{"a late Tick before the verdict is due gives one more Timeout too", patient, `
		0 tick: next 10
		10 tick: probe, next 20
		10 wrote: next 20
		34 tick: probe, next 44
		35 tick: next 44
		44 tick: probe, next 54
		54 tick: probe, next 59
		58.999999999 tick: next 59
		59 tick: dead 59 49, next never`},
	{"a byte received lets a late Tick be forgiven again", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		27 tick: next 30
		30 tick: probe, next 37
		30 wrote: next 37
		31 received
		37 tick: next 46
		46 tick: probe, next 61
		46 wrote: next 56
		58 tick: next 61
		61 tick: probe, next 68
		68 tick: dead 37 22, next never`},
	{"a late Tick for a probe is only a late probe", standard, `
		0 tick: next 15
		40 tick: probe, next 55
		40 wrote: next 50
		50 tick: dead 50 10, next never`},
	{"the grace of one silence does not reach into the next", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		29 tick: next 30
		29.5 received
		30 tick: next 44.5
		44.5 tick: probe, next 59.5
		44.5 wrote: next 54.5
		54.5 tick: dead 25 10, next never`},
	{"a verdict that is not carried out stands", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		25 tick: dead 25 10, next never
		26 tick: dead 26 11, next never`},
	{"unless a byte came at the last moment", standard, `
		15 tick: probe, next 30
		15 wrote: next 25
		25 tick: dead 25 10, next never
		25 received
		25 tick: next 40
		40 tick: probe, next 55
		40 wrote: next 50
		50 tick: dead 25 10, next never`},
}

// otherPolicies: Off and Passive.
var otherPolicies = []scene{
	{"Off does nothing", heartbeat.Off, `
		0 tick: next never
		1000 tick: next never
		2000 received, busy
		9000 tick: next never`},
	{"Off with a Timeout does nothing either", heartbeat.Policy{Interval: -5, Timeout: second}, `
		1000 tick: next never`},
	{"Passive sends nothing and is dead after Interval + Timeout of silence", silent, `
		0 tick: next 30
		29.999999999 tick: next 30
		30 tick: dead 30 0, next never`},
	{"Passive counts from the last byte", silent, `
		0 tick: next 30
		25 received
		30 tick: next 55
		55 tick: dead 30 0, next never`},
	{"Passive is on hold while nobody reads, and starts anew", silent, `
		10 received, busy
		30 tick: held, next 60
		60 tick: held, next 90
		70 waits
		70 tick: next 100
		99.999999999 tick: next 100
		100 tick: dead 90 0, next never`},
	{"Passive gives one more Timeout for a late Tick, once", silent, `
		0 tick: next 30
		31.5 tick: next 41.5
		43 tick: dead 43 0, next never`},
	{"Passive gives one more Timeout for bytes that the kernel has", silent, `
		0 tick: next 30
		29 unread
		30 tick: next 40
		30 read
		40 tick: dead 40 0, next never`},
}
