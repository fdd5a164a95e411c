"""The server of the tests on python's aiohttp: one process listens on the ports
of an instance, which is told in server_test.go, as is what the paths mean."""

import asyncio
import ssl
import sys

from aiohttp import WSMsgType, web


def handler(compress):
    async def serve(request):
        ws = web.WebSocketResponse(
            protocols=["feed.v2", "feed.v1"],
            compress=compress,
            max_msg_size=0,
            # Otherwise the library keeps pongs from us; then it leaves pings to us.
            autoping=request.path != "/ping",
        )
        await ws.prepare(request)
        async for message in ws:
            if request.path == "/close":
                code, why = request.query["code"], request.query["reason"]
                await ws.close(code=int(code), message=why.encode())
            elif message.type == WSMsgType.PONG:
                await ws.send_str("pong " + message.data.decode())
            elif message.type == WSMsgType.PING:
                await ws.pong(message.data)
            elif request.path == "/ping":
                await ws.ping(message.data.encode())
            elif message.type == WSMsgType.TEXT:
                await ws.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await ws.send_bytes(message.data)
        # The library has no place where it tells the reason of the peer's Close.
        print("closed", request.path, ws.close_code, flush=True)
        return ws

    return serve


async def listen(compress=False, tls=None):
    app = web.Application()
    app.router.add_get("/{path:.*}", handler(compress))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    return runner, runner.addresses[0][1]


async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    listening = [
        await listen(),
        await listen(compress=True),
        await listen(compress=True, tls=tls),
    ]
    for _ in sys.argv[3:]:  # agreements: the library imposes nothing
        listening.append(await listen(compress=True))
    print("listening", *(port for _, port in listening), flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
