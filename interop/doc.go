// Package interop holds tests of wsclient against servers that others wrote:
// node's ws, python's websockets and aiohttp, Go's coder/websocket, gorilla and
// gws, nginx and haproxy in front of a server, and the proxies squid, tinyproxy,
// microsocks and dante. The tests start and stop them, on loopback and on ports
// that are free.
//
// A server that is not installed skips its tests, by name. The environment
// variable STEADYWS_REQUIRE turns such skips into failures:
//
//	STEADYWS_REQUIRE=node,python-websockets,python-aiohttp,nginx,haproxy,squid,tinyproxy,microsocks,dante
//
// The script install, beside this file, installs all of them on Debian.
package interop
