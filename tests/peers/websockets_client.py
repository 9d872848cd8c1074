"""python3-websockets as client and as server: `echo URL`, `count URL`, `serve`. What a client saw is told as JSON."""

import asyncio
import json
import os
import sys

import websockets

LARGE = 8 * 1024 * 1024


async def echo(url):
    """Small messages one by one and at once, all kinds of lengths, pings, and an orderly close."""
    async with websockets.connect(url, max_size=None, ping_interval=None) as socket:
        for number in range(1000):
            await socket.send(str(number).encode())
            assert await socket.recv() == str(number).encode(), number
        for size in [0, 1, 125, 126, 65535, 65536, LARGE]:
            message = os.urandom(size)
            await socket.send(message)
            assert await socket.recv() == message, size
            # uWSGI's pongs say nothing, whatever the ping said.
            await asyncio.wait_for(await socket.ping(b""), 10)
        await asyncio.gather(*[socket.send(str(number).encode()) for number in range(1000)])
        for number in range(1000):
            assert await socket.recv() == str(number).encode(), number
    return {"code": socket.close_code}


async def count(url):
    """What a server sends until it ends."""
    async with websockets.connect(url, max_size=None) as socket:
        try:
            got = []
            while True:
                got.append(await socket.recv())
        except websockets.ConnectionClosed:
            return {"got": got, "code": socket.close_code}


async def answer(socket):
    async for message in socket:
        if message == b"ping me":
            await asyncio.wait_for(await socket.ping(), 10)
        await socket.send(message)


async def serve():
    async with websockets.serve(answer, "127.0.0.1", 0, max_size=None) as server:
        print("port", server.sockets[0].getsockname()[1], file=sys.stderr, flush=True)
        await asyncio.Future()


command, *words = sys.argv[1:]
told = asyncio.run({"echo": echo, "count": count, "serve": serve}[command](*words))
print(json.dumps(told))
