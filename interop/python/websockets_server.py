"""The server of the tests on python's websockets: one process listens on the
ports of an instance, which is told in server_test.go, as is what the paths mean."""

import asyncio
import json
import ssl
import sys
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


async def fragments(ws, message):
    third = -(-len(message) // 3)
    yield message[:third]
    await ws.ping()
    yield message[third : 2 * third]
    await ws.ping()
    yield message[2 * third :]


async def serve(ws, *_):
    # Before version 13 a connection has the path itself, since then its request.
    request = getattr(ws, "request", None)
    url = urlsplit(request.path if request is not None else ws.path)
    query = parse_qs(url.query)
    try:
        async for message in ws:
            if url.path == "/close":
                await ws.close(int(query["code"][0]), query["reason"][0])
            elif url.path == "/ping":
                await (await ws.ping(message))
                await ws.send("pong " + message)
            elif url.path == "/fragments":
                await ws.send(fragments(ws, message))
            else:
                await ws.send(message)
    except websockets.ConnectionClosed:
        pass
    print("closed", url.path, ws.close_code, ws.close_reason, flush=True)


def imposing(agreement):
    """Returns the factory for an agreement, which has the names of RFC 7692 7.1."""
    del agreement["threshold"]  # the library has none
    return ServerPerMessageDeflateFactory(**agreement)


async def listen(**options):
    server = await websockets.serve(
        serve, "127.0.0.1", 0, subprotocols=["feed.v2", "feed.v1"], max_size=None, **options
    )
    return server, list(server.sockets)[0].getsockname()[1]


async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    listening = [
        await listen(compression=None),
        await listen(compression="deflate"),
        await listen(compression="deflate", ssl=tls),
    ]
    for agreement in sys.argv[3:]:
        factory = imposing(json.loads(agreement))
        listening.append(await listen(compression=None, extensions=[factory]))
    print("listening", *(port for _, port in listening), flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
