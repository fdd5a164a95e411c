module github.com/steadyws/steadyws

go 1.26.0

require (
	github.com/cenkalti/backoff/v4 v4.3.0
	github.com/gobwas/ws v1.5.0
	github.com/klauspost/compress v1.20.4
	golang.org/x/net v0.62.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/gobwas/httphead v0.1.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
